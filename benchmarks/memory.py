"""Trains, and tells what memory the process holds at the end of every epoch:

    python -m benchmarks.memory --training="--flagfile=demo.flags --workdir=runs/memory --steps_per_epoch=20"

Linux alone tells how much memory a process has. The first epochs build the graphs of the step, of validation and of the
panels; from the third on the curve should be flat.
"""

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError

LINE = "epoch "
BUILT = 3


def resident(process: int) -> float:
    """The memory that a process holds now, in MB."""
    with open(f"/proc/{process}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmRSS"].split()[0]) * 1024 / 1e6


def by_epoch(arguments: Sequence[str], tell: Callable[[str], Any] = lambda line: None) -> list[float]:
    """Runs a training and gives its memory in MB at the end of each epoch.

    Args:
        arguments: a list of flags of `keras_apn.train`.
        tell: is given what the training prints, with the memory.

    Raises:
        UserError: the training fails.
    """
    command, found = [sys.executable, "-m", "keras_apn.train", *arguments], []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as training:
        for line in training.stdout:
            if line.startswith(LINE):
                found.append(resident(training.pid))
                tell(f"{found[-1]:7.0f} MB  {line.rstrip()}")
    if training.returncode:
        raise UserError(f"The training ended with exit code {training.returncode}; what it printed says why")
    return found


def growth(found: Sequence[float]) -> float:
    """How much more the last epoch holds than the third, as a share of that; UserError where there are too few."""
    if len(found) <= BUILT:
        raise UserError(f"The training had {len(found)} epochs to go; at least {BUILT + 1} are needed")
    return found[-1] / found[BUILT - 1] - 1


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("training", "--flagfile=demo.flags", "the flags of keras_apn.train, in one word")


def main(values: flags.FlagValues) -> None:
    """Trains and tells."""
    found = by_epoch(shlex.split(values.training), print)
    print(f"from epoch {BUILT} to epoch {len(found)}: {growth(found):+.1%}")


if __name__ == "__main__":
    program.run(main, define_flags)
