"""Importing this imports TensorFlow, set up and without a word; programs do so before anything else that uses it."""

import contextlib
import ctypes
import os

from data_pipeline.common.silence import silence

# Start-up messages that no user of the programs can act on.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow 2.15 uses oneDNN only on Intel's newest processors by itself; it is faster on others too (BUILD_NOTES 18).
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# A GPU's memory is taken as it is needed; otherwise the first program takes all, and a second one none.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

M_ARENA_MAX = -8


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
