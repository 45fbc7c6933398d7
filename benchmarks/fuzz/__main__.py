"""Changed inputs at the doors: `python -m benchmarks.fuzz --door=coco --count=10000 --seed=0`.

Each input follows from door, seed and number alone. Right is that it is read, or refused by a `UserError` of one line.
All else is told with its number, and its file is kept in `--keep`: another exception, a process that ends, more time or
memory than is allowed. Exit code 1 where there is any.
"""

import collections
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_whole

WRONG = 1
READ, REFUSED = "read", "refused"
# Of an input: seconds, and bytes of memory that its process may take.
SECONDS, BYTES = 30, 6 * 2**30


def made(door: str, seed: int, number: int) -> bytes:
    """An input by its number."""
    from benchmarks.fuzz import doors

    return doors.DOORS[door].input(random.Random(f"{door} {seed} {number}"))


def tried(door: str, content: bytes, folder: str) -> str:
    """What comes of an input: `READ`, `REFUSED`, or what went wrong in a few words."""
    from benchmarks.fuzz import doors

    path = os.path.join(folder, doors.DOORS[door].file)
    with open(path, "wb") as file:
        file.write(content)
    signal.alarm(SECONDS)
    try:
        doors.DOORS[door].read(path)
    except UserError:
        return REFUSED
    except TimeoutError:
        return f"more than {SECONDS} s"
    except Exception as error:  # What is looked for.
        return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
    finally:
        signal.alarm(0)
    return READ


def serve(door: str, seed: int, first: int, count: int) -> None:
    """The process's side: a line of JSON for every input."""

    def late(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, late)
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(first, first + count):
            print(json.dumps([number, tried(door, made(door, seed, number), folder)]), flush=True)


def run(door: str, seed: int, count: int) -> dict[int, str]:
    """What came of each input by its number; a process that ends is an outcome too, and the next begins behind it."""
    found: dict[int, str] = {}
    while len(found) < count:
        first = len(found)
        arguments = [door, str(seed), str(first), str(count - first)]
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fuzz", "--serve", *arguments], stdout=subprocess.PIPE, text=True
        ) as process:
            for line in process.stdout or ():
                number, outcome = json.loads(line)
                found[number] = outcome
        if len(found) < count:
            found[len(found)] = f"the process ended with {process.returncode}"
    return found


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("door", None, "whose input is changed; a wrong name is answered with all", required=True)
    flags.DEFINE_integer("count", 1000, "inputs", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "of the changes", lower_bound=0)
    flags.DEFINE_string("keep", "fuzz", "a folder for the inputs at which something went wrong")


def summary(found: dict[int, str]) -> dict[str, Any]:
    """How many inputs were read and refused, and the others by what went wrong: their numbers."""
    wrong = collections.defaultdict(list)
    for number, outcome in found.items():
        if outcome not in (READ, REFUSED):
            wrong[outcome].append(number)
    outcomes = list(found.values())
    return {READ: outcomes.count(READ), REFUSED: outcomes.count(REFUSED), "wrong": dict(wrong)}


def main(values: flags.FlagValues) -> int | None:
    """Tries, tells and keeps."""
    from benchmarks.fuzz import doors

    if values.door not in doors.DOORS:
        raise UserError(f"--door must be one of {', '.join(doors.DOORS)}. Received: {values.door}")
    begun = time.monotonic()
    told = summary(run(values.door, values.seed, values.count))
    wrong = sum(map(len, told["wrong"].values()))
    print(
        f"{values.door}: {values.count} inputs in {time.monotonic() - begun:.0f} s, {told[READ]} read, "
        f"{told[REFUSED]} refused, {wrong} wrong"
    )
    for outcome, numbers in told["wrong"].items():
        path = os.path.join(values.keep, f"{values.door}-{values.seed}-{numbers[0]}")
        os.makedirs(values.keep, exist_ok=True)
        write_whole(path, made(values.door, values.seed, numbers[0]))
        print(f"  {len(numbers)}: {outcome} ({path})")
    return WRONG if wrong else None


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        program.run(main, define_flags)
