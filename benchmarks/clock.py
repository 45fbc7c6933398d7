"""Timing the steps of one training in a process of its own; importing it imports no framework."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from data_pipeline.common import program
from data_pipeline.common.errors import UserError

# Calls behind the first one that are not counted: buffers grow until then.
WARM_UP = 1


def timed(step: Callable[[], Any], count: int) -> dict[str, Any]:
    """Calls a step again and again.

    Args:
        step: a function without arguments that returns when its work is done.
        count: calls to time, behind the first and `WARM_UP` more.

    Returns:
        A dict: `first_step_s`, seconds of the first call, which builds what the others use; of the counted ones the
        median of their seconds, `step_s`, and of the processor's time on all threads together, `processor_s`, which
        says more where others use the machine too; and `steps_s`, the seconds of each.
    """
    calls = [_once(step) for _ in range(1 + WARM_UP + count)]
    spent, worked = zip(*calls[1 + WARM_UP :], strict=True)
    return {
        "first_step_s": calls[0][0],
        "step_s": statistics.median(spent),
        "processor_s": statistics.median(worked),
        "steps_s": list(spent),
    }


def _once(step):
    """Seconds of the clock and of the processor that a call takes."""
    start, work = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - start, time.process_time() - work


def apart(
    module: str, environment: dict[str, str] | None = None, python: str = sys.executable, **arguments: Any
) -> Any:
    """What the program `python -m MODULE` measures, in a fresh process.

    Args:
        module: whose `main` takes the arguments as JSON and prints what it measured as JSON, in the last line.
        environment: variables to set for it.
        python: the Python that runs it.
        arguments: for it.

    Raises:
        UserError: the user can mend why it failed.
        RuntimeError: it failed otherwise; holds what it said.
    """
    command = [python, "-m", module, json.dumps(arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if ended.returncode == program.USER_MISTAKE:
        raise UserError(ended.stderr.strip().splitlines()[-1].removeprefix("error: "))
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
    return json.loads(ended.stdout.splitlines()[-1])


def answer(measure: Callable[..., dict]) -> None:
    """Ends a process that `apart` started: measures what its argument says and prints it."""
    try:
        print(json.dumps(measure(**json.loads(sys.argv[1]))))
    except UserError as error:
        sys.exit(program.fail(error))
