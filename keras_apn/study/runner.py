"""Running the trainings of a plan: what is done is skipped, what was begun goes on, what another does is left to it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from data_pipeline.common import program
from data_pipeline.common.claims import claim
from data_pipeline.common.errors import UserError
from keras_apn.study.plan import Plan, Training

RUNS, RESULTS, CLAIMS, LOGS = "runs", "results", "claims", "logs"
# How a training ends that was stopped by Ctrl-C.
INTERRUPTED = 130


def result_path(output: str, key: str) -> str:
    """The JSON file of a run, by its `Training.key`."""
    return os.path.join(output, RESULTS, f"{key}.json")


def run_all(plan: Plan, output: str, at_once: int = 1, tell: Callable[[str], None] = print) -> list[str]:
    """Trains and scores every run of a plan that has no result yet.

    Args:
        plan: the `Plan`.
        output: a folder, made where it is missing; other processes, here or elsewhere, may work in it too.
        at_once: how many are trained at the same time.
        tell: is given a line about every run.

    Returns:
        A line for each run that failed.

    Raises:
        UserError: the folder cannot be written to.
        KeyboardInterrupt: a training was stopped by Ctrl-C; it has saved everything.
    """
    try:
        for name in (RUNS, RESULTS, CLAIMS, LOGS):
            os.makedirs(os.path.join(output, name), exist_ok=True)
    except OSError as error:
        raise UserError(f"--output={output} cannot be made ({error.strerror})") from error
    stopped = threading.Event()
    started: dict[str, Future] = {}

    def run(training):
        if training.init_from_key:
            started[training.init_from_key].exception()  # It stands above, so that it runs or has run.
        try:
            return None if stopped.is_set() else run_one(training, plan.records, output, tell)
        except KeyboardInterrupt:
            stopped.set()
            raise

    with ThreadPoolExecutor(at_once) as pool:
        try:
            for training in plan.trainings:
                started[training.key] = pool.submit(run, training)
            return [failure for failure in [future.result() for future in started.values()] if failure]
        except KeyboardInterrupt:
            stopped.set()
            raise


def run_one(training: Training, records: str, output: str, tell: Callable[[str], None]) -> str | None:
    """Trains and scores one run, unless that is done or another does it; a line that says why it failed."""
    if os.path.exists(result_path(output, training.key)):
        return None
    with claim(os.path.join(output, CLAIMS), training.key) as own:
        if not own:
            tell(f"{training.key}: another process works on it")
            return None
        if os.path.exists(result_path(output, training.key)):
            return None
        start = training.init_from_key
        if start and not os.path.exists(result_path(output, start)):
            return f"{training.key}: starts from {start}, which has no result yet; start the study again"
        tell(f"{training.key}: training")
        workdir = os.path.join(output, RUNS, training.key)
        flags = [*training.flags, f"--seed={training.seed}", f"--workdir={workdir}"]
        if start:
            flags.append(f"--init_from={os.path.join(output, RUNS, start)}")
        failure = _call(["keras_apn.train", *flags], output, training)
        if failure is None:
            told = {"name": training.name, "seed": training.seed, "flags": list(training.flags), "records": records}
            told |= {"init_from": training.init_from} if training.init_from else {}
            told |= {"workdir": workdir, "output": result_path(output, training.key)}
            failure = _call(["keras_apn.study.score", json.dumps(told)], output, training)
    tell(f"{training.key}: {failure or 'done'}")
    return failure and f"{training.key}: {failure}"


def _call(command, output, training):
    """Runs a program of the project with its output in a log; None where it went well, else why it did not."""
    path = os.path.join(output, LOGS, f"{training.key}.log")
    with open(path, "a", encoding="utf-8") as log:
        ended = subprocess.run([sys.executable, "-m", *command], stdout=log, stderr=subprocess.STDOUT, check=False)
    if ended.returncode == INTERRUPTED:
        raise KeyboardInterrupt
    if ended.returncode == 0:
        return None
    with open(path, encoding="utf-8") as log:
        last = log.read().strip().splitlines()[-1:] or [""]
    said = last[0].removeprefix("error: ") if ended.returncode == program.USER_MISTAKE else f"see {path}"
    return f"{command[0]} ended with {ended.returncode}: {said}"
