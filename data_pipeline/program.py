"""How every program of the project starts and ends: flags, one clear line for what the user can mend, exit codes.

Import this before TensorFlow: it sets TensorFlow's environment, where the user has not, and imports it in silence.
"""

import contextlib
import logging
import os
import shutil
import sys
import tempfile

import absl.logging
from absl import app, flags

from data_pipeline.errors import UserError

# Start-up messages that no user of the programs can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow 2.15 uses oneDNN only on Intel's newest processors by itself; it is faster on others too (BUILD_NOTES 18).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

USER_MISTAKE = 2
STANDARD_ERROR = 2


@contextlib.contextmanager
def silence():
    """Holds standard error back, C++'s too; what was written there is lost unless an exception passes."""
    sys.stderr.flush()
    kept = os.dup(STANDARD_ERROR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STANDARD_ERROR)
        try:
            yield
        except BaseException:
            held.seek(0)
            with open(kept, "wb", closefd=False) as stream:
                shutil.copyfileobj(held, stream)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)


# TensorFlow 2.21 tells of oneDNN and of a missing GPU before it heeds its log level (BUILD_NOTES 19).
with silence():
    import tensorflow as tf


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


def _guarded(main):
    def call(_):
        try:
            code = main(flags.FLAGS)
        except UserError as error:
            code = fail(error)
        except tf.errors.DataLossError:
            code = fail("A shard of records is damaged or cut short; delete the shards and build the records again")
        except KeyboardInterrupt:
            code = 130
        sys.exit(code or 0)

    return call


def fail(error):
    """Prints one line on standard error and returns the exit code for a user's mistake."""
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    return USER_MISTAKE


def run(main, define_flags):
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
