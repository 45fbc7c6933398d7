"""What the user can mend."""

import json

# Characters of a value in a message.
MOST_SHOWN = 80


class UserError(ValueError):
    """Bad input. The message is one line that says what is wrong and what to do; a program prints it and exits 2.

    Args:
        message: the line; whatever a file brought into it that ends lines, steers terminals or cannot be written
            becomes a space.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(character if character.isprintable() else " " for character in message))


def shortened(value: object, most: int = MOST_SHOWN) -> str:
    """A value for a message: text as it is, all else as JSON writes it, what is long cut."""
    if not isinstance(value, str):
        try:
            value = json.dumps(value)
        except (TypeError, ValueError, RecursionError):
            value = repr(value)
    return value if len(value) <= most else f"{value[:most]} ..."
