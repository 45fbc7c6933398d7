"""How every program of the project starts and ends: flags, one clear line for what the user can mend, exit codes."""

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import absl.logging
from absl import app, flags

from data_pipeline.common import help_text
from data_pipeline.common.errors import UserError, shortened

FAULT, USER_MISTAKE = 1, 2
# The environment variable that shows where in the project an error comes from.
TRACEBACK = "APN_TRACEBACK"
MOST_CHARACTERS = 2000


def _parse(arguments):
    """absl's parser, but a mistake is one line and exit code 2, and a stray word is a mistake."""
    try:
        left = flags.FLAGS(arguments)
    except flags.Error as error:
        raise UserError(f"{str(error).splitlines()[0]} (--help lists the flags)") from error
    except OSError as error:  # A flag file that cannot be read.
        raise UserError(f"{error.filename}: {error.strerror}; give --flagfile a file that exists") from error
    except UnicodeDecodeError as error:
        raise UserError(f"A file of --flagfile is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{shortened(str(error))} (--help lists the flags)") from error
    if len(left) > 1:
        raise UserError(f"Unknown argument '{shortened(left[1])}'; every argument is a flag, as in --name=value")
    _find_home(flags.FLAGS)
    return left


def _find_home(values):
    """Puts the home folder in the place of a leading `~` of every flag: no shell does so behind `--name=`."""
    for name in values:
        value = values[name].value
        if isinstance(value, str):
            values[name].value = ",".join(map(_home, value.split(",")))
        elif isinstance(value, list):
            values[name].value = [_home(part) if isinstance(part, str) else part for part in value]


def _home(text):
    return os.path.expanduser(text) if text.startswith("~") else text


def _damaged_shard():
    """What TensorFlow raises for a shard that is damaged while it is read; nothing where it was never imported."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow.errors.DataLossError if tensorflow else ()


def _guarded(main):
    def call(_):
        try:
            code = main(flags.FLAGS)
        except UserError as error:
            code = fail(error)
        except _damaged_shard():
            code = fail("A shard of records was damaged while it was read; give the command that built them again")
        except KeyboardInterrupt:
            code = 130
        except OSError as error:
            code = _escaped(error, f"{error.filename}: {error.strerror}" if error.filename else error, USER_MISTAKE)
        except Exception as error:
            said = shortened(str(error), MOST_CHARACTERS // 2)
            code = _escaped(error, f"{type(error).__name__}: {said}. This is a fault of the program", FAULT)
        sys.exit(code or 0)

    return call


def _escaped(error, told, code):
    """The exit code for what nobody expected, which is one line too; its traceback where that is wanted."""
    if os.environ.get(TRACEBACK):
        raise error
    fail(f"{told}; {TRACEBACK}=1 shows where it happened")
    return code


def fail(error: object) -> int:
    """Prints one line on standard error and returns the exit code for a user's mistake."""
    print(f"error: {shortened(' '.join(str(error).split()), MOST_CHARACTERS)}", file=sys.stderr)
    return USER_MISTAKE


def run(
    main: Callable[[flags.FlagValues], int | None],
    define_flags: Callable[[], None],
    groups: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Defines and parses the flags, calls `main(flags)` and exits with what it returns (None counts as 0).

    Args:
        main: the program.
        define_flags: defines its flags.
        groups: the flags that `--help` shows together, by title.

    Programs define their flags here rather than when they are imported, so that one process can import several.

    A `UserError`, a flag that does not parse, or a file that cannot be read or written is printed as one line and exits
    with 2. Anything else is a fault of the project: one line that says how to see the traceback, exit code 1.
    """

    def parse(arguments):
        if help_text.wanted(arguments[1:]):
            print(help_text.text(groups), end="")
            sys.exit(0)
        try:
            return _parse(arguments)
        except UserError as error:
            sys.exit(fail(error))

    define_flags()
    absl.logging.set_verbosity(absl.logging.WARNING)
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    app.run(_guarded(main), flags_parser=parse)
