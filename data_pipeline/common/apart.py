"""Calling a function in a process of its own, whose crash, endless loop or hunger for memory is an error here.

For libraries that read a damaged file by way of C: a segmentation fault ends the child alone.
"""

import importlib
import os
import pickle
import resource
import signal
import subprocess
import sys
from typing import Any

MOST_BYTES, MOST_SECONDS = 8 * 2**30, 600.0

_START = "import sys; sys.path[:] = {path!r}; from data_pipeline.common import apart; apart.answer()"


class Failed(Exception):
    """The function raised something, or its process ended; the message says so in a few words."""


def call(
    module: str, function: str, *arguments: Any, most_bytes: int = MOST_BYTES, most_seconds: float = MOST_SECONDS
) -> Any:
    """What a function of a module gives, found by a process of its own.

    Args:
        module, function: their names; the module should be quick to import.
        arguments: what can be pickled.
        most_bytes: of memory that the process may take.
        most_seconds: after which it is ended.

    Raises:
        Failed: the function raised an exception, crashed, or passed a bound.
    """
    # One thread: each reserves memory, which is bounded.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        ended = subprocess.run(
            [sys.executable, "-c", _START.format(path=[os.path.abspath(path) for path in sys.path])],
            input=pickle.dumps((module, function, arguments, most_bytes)),
            capture_output=True,
            timeout=most_seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"took more than {most_seconds:.0f} s") from error
    if ended.returncode < 0:
        raise Failed(f"ended by {signal.Signals(-ended.returncode).name}")
    try:
        good, value = pickle.loads(ended.stdout)
    except (pickle.UnpicklingError, EOFError) as error:
        raise Failed(f"gave no answer (exit code {ended.returncode})") from error
    if not good:
        raise Failed(value)
    return value


def answer() -> None:
    """The process's side: reads what to call, and writes what came of it to standard output."""
    sent = os.dup(1)
    os.dup2(2, 1)  # What libraries print is not the answer.
    module, function, arguments, most_bytes = pickle.load(sys.stdin.buffer)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        told = pickle.dumps((True, getattr(importlib.import_module(module), function)(*arguments)), protocol=5)
    except MemoryError:
        told = pickle.dumps((False, f"needs more than {most_bytes / 2**30:.3g} GiB of memory"))
    except Exception as error:  # Whatever a damaged file leads to is an answer.
        said = " ".join(str(error).split())[:200]
        told = pickle.dumps((False, f"{type(error).__name__}: {said}" if said else type(error).__name__))
    with open(sent, "wb") as file:
        file.write(told)
