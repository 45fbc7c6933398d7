"""What the user can mend."""


class UserError(ValueError):
    """Bad input. The message is one line that says what is wrong and what to do; a program prints it and exits 2."""
