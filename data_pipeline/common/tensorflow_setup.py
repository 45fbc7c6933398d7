"""Importing this imports TensorFlow, set up and without a word; programs do so before anything else that uses it."""

import contextlib
import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

# Start-up messages that no user of the programs can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow 2.15 uses oneDNN only on Intel's newest processors by itself; it is faster on others too (BUILD_NOTES 18).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

STANDARD_ERROR = 2
M_ARENA_MAX = -8


@contextlib.contextmanager
def silence() -> Iterator[None]:
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


def bound_memory() -> None:
    """Keeps the C library from holding freed memory in eight pools a processor, which grow for epochs (BUILD_NOTES 23).

    One pool a processor; nothing happens where the C library is not glibc or the user has said `MALLOC_ARENA_MAX`.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, os.cpu_count())


bound_memory()
# TensorFlow 2.21 tells of oneDNN and of a missing GPU before it heeds its log level (BUILD_NOTES 19).
with silence():
    import tensorflow  # noqa: F401
