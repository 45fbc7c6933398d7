"""How every program of the project starts and ends: flags, one clear line for what the user can mend, exit codes."""

import logging
import sys
from collections.abc import Callable

import absl.logging
from absl import app, flags

from data_pipeline.common.errors import UserError

USER_MISTAKE = 2


def _parse(arguments):
    """absl's parser, but a mistake is one line and exit code 2, and a stray word is a mistake."""
    try:
        left = flags.FLAGS(arguments)
    except flags.Error as error:
        raise UserError(f"{str(error).splitlines()[0]} (--help lists the flags)") from error
    except OSError as error:  # A flag file that cannot be read.
        raise UserError(f"{error.filename}: {error.strerror}; give --flagfile a file that exists") from error
    if len(left) > 1:
        raise UserError(f"Unknown argument '{left[1]}'; every argument is a flag, as in --name=value")
    return left


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
        sys.exit(code or 0)

    return call


def fail(error: object) -> int:
    """Prints one line on standard error and returns the exit code for a user's mistake."""
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return USER_MISTAKE


def run(main: Callable[[flags.FlagValues], int | None], define_flags: Callable[[], None]) -> None:
    """Defines and parses the flags, calls `main(flags)` and exits with what it returns (None counts as 0).

    Programs define their flags here rather than when they are imported, so that one process can import several.

    A `UserError`, or a flag that does not parse, is printed as one line and exits with 2. Anything else is a fault of
    the project and keeps its traceback.
    """

    def parse(arguments):
        try:
            return _parse(arguments)
        except UserError as error:
            sys.exit(fail(error))

    define_flags()
    absl.logging.set_verbosity(absl.logging.WARNING)
    logging.getLogger("tensorflow").setLevel(logging.WARNING)
    app.run(_guarded(main), flags_parser=parse)
