"""What reading a large data set takes: `python -m benchmarks.plans.reading --records='data/mpii/train-*'`.

Measured, on these records: their size on disk, what the pipeline costs a record (read, shuffled, parsed, decoded), what
looking them through at a start does, and with `--readers=1,2` what a tf.data service of so many processes gives. From
that follows by arithmetic, for `--people`: the disk, the shards, the hours of a pass by so many cores, and what feeds
`--devices` that take `--images_per_second` each. `--costs` takes the measurements of an earlier run instead.

Processor time is what counts, all threads together: it hardly changes where other work shares the machine. The
arithmetic assumes that records lie where every reader has `--disk_mb` a second, and that cores add up, as they do where
each reads shards of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import contextlib
import itertools
import json
import math
import os
import pathlib
import subprocess
import sys
import time

from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.records import dataset, integrity

# A shard of so many bytes is read in seconds, and begun anew in seconds by a reader that was lost.
SHARD = 512e6
CORES = (1, 16, 128)
ROOT = pathlib.Path(__file__).parents[2]


def cost(paths: Sequence[str], batch_size: int, shuffle: int, seconds: float) -> dict[str, float]:
    """What a record of shards costs, in this process.

    Args:
        paths: shards of one data set.
        batch_size: records in a batch.
        shuffle: size of the shuffle buffer in records.
        seconds: of processor time that reading is measured for.

    Returns:
        A dict: `disk_bytes` and `decoded_bytes` of a record, `read_s`, the processor's seconds to read, shuffle, parse
        and decode one, and `survey_s`, those to look one through at a start.
    """
    described = dataset.describe(paths)
    people = described["people"]
    start = time.process_time()
    segments = integrity.survey(described["shards"], tolerated=0.0)
    survey_s = (time.process_time() - start) / people
    batches = iter(
        dataset.endless(segments, patch_size=described["patch_size"], batch_size=batch_size, shuffle=shuffle)
    )
    next(batches)
    start, count = time.process_time(), 0
    while time.process_time() - start < seconds:
        next(batches)
        count += batch_size
    return {
        "disk_bytes": sum(os.path.getsize(path) for path in paths) / people,
        "decoded_bytes": 3.0 * described["patch_size"] ** 2,
        "read_s": (time.process_time() - start) / count,
        "survey_s": survey_s,
    }


@contextlib.contextmanager
def service(readers: int) -> Iterator[tuple[str, list[int]]]:
    """A tf.data service of so many processes on this machine: its address, and their numbers."""
    processes: list[subprocess.Popen] = []
    command = [sys.executable, "-m", "data_pipeline.service", "--port=0", "--host=localhost"]
    try:
        address = ""
        for _ in range(readers):
            more = [f"--dispatcher={address.rpartition('//')[2]}"] if address else []
            process = subprocess.Popen([*command, *more], cwd=ROOT, stdout=subprocess.PIPE, text=True)
            processes.append(process)
            if process.stdout is not None:
                address = process.stdout.readline().strip().rpartition("=")[2]
        yield address, [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def worked(processes: Sequence[int]) -> float:
    """The processor's seconds that processes have taken so far."""
    total = 0
    for process in processes:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def served(paths: Sequence[str], readers: int, batch_size: int, shuffle: int, seconds: float) -> dict[str, float]:
    """What a service of so many processes gives.

    Returns:
        A dict: `images_s` by the clock, and the processor's seconds an image, `reader_s` of all readers together and
        `trainer_s` of the process that they read for.
    """
    described = dataset.describe(paths)
    segments = integrity.survey(described["shards"], tolerated=0.0)
    with service(readers) as (address, processes):
        batches = dataset.endless(
            segments, patch_size=described["patch_size"], batch_size=batch_size, shuffle=shuffle, service=address
        )
        found = iter(batches)
        for _ in itertools.islice(found, 4 * readers):
            pass
        clock, own, theirs, count = time.perf_counter(), time.process_time(), worked(processes), 0
        while time.perf_counter() - clock < seconds or count < 20 * batch_size:
            next(found)
            count += batch_size
        measured = {
            "images_s": count / (time.perf_counter() - clock),
            "reader_s": (worked(processes) - theirs) / count,
            "trainer_s": (time.process_time() - own) / count,
        }
        del found, batches  # Before the service ends, which they would tell of.
        return measured


def plan(people: int, costs: dict[str, float], disk_mb: float) -> dict[str, Any]:
    """What so many people take, by arithmetic.

    Args:
        people: records of a pass.
        costs: of a record, as `cost` gives them.
        disk_mb: megabytes a second that a reader gets from where the records lie.

    Returns:
        A dict: `disk_tb`, `shards`, `pass_h` by how many cores read, and `survey_h`, of one core.
    """
    size = people * costs["disk_bytes"]
    from_disk = costs["disk_bytes"] / (disk_mb * 1e6)
    return {
        "people": people,
        "disk_tb": size / 1e12,
        "shards": max(8, math.ceil(size / SHARD)),
        "pass_h": {cores: people * max(costs["read_s"], from_disk) / cores / 3600 for cores in CORES},
        "survey_h": people * max(costs["survey_s"], from_disk) / 3600,
    }


def feeding(images_per_second: float, costs: dict[str, float]) -> dict[str, float]:
    """What so many images a second take: `cores`, and Gbit/s `encoded`, from disk, and `decoded`, by a service."""
    return {
        "images_s": images_per_second,
        "cores": images_per_second * costs["read_s"],
        "encoded_gbit": images_per_second * costs["disk_bytes"] * 8e-9,
        "decoded_gbit": images_per_second * costs["decoded_bytes"] * 8e-9,
    }


def report(found: dict[str, Any]) -> str:
    """The measurements and the plan as text."""
    costs = found["costs"]
    lines = [
        f"a record: {costs['disk_bytes'] / 1e3:.1f} KB on disk, {costs['decoded_bytes'] / 1e3:.0f} KB decoded; a core "
        f"reads {1 / costs['read_s']:.0f} a second, and looks {1 / costs['survey_s']:.0f} through at a start"
    ]
    for readers, row in found["served"].items():
        lines.append(
            f"a service of {readers}: {row['images_s']:.0f} images/s by the clock; an image takes "
            f"{1e3 * row['reader_s']:.2f} ms of the readers' processors and {1e3 * row['trainer_s']:.2f} of the other's"
        )
    lines.append(f"{'people':>12} {'TB':>7} {'shards':>7} {'look through, h':>16}   hours a pass by cores")
    for row in found["plans"]:
        passes = ", ".join(f"{cores}: {hours:.2f}" for cores, hours in row["pass_h"].items())
        lines.append(
            f"{row['people']:>12,} {row['disk_tb']:7.3f} {row['shards']:7,} {row['survey_h']:16.2f}   {passes}"
        )
    fed = found["feeding"]
    lines.append(
        f"{fed['images_s']:,.0f} images/s: {fed['cores']:.1f} cores, {fed['encoded_gbit']:.1f} Gbit/s of records; by a "
        f"service {fed['decoded_gbit']:.0f} Gbit/s of pixels"
    )
    return "\n".join(lines)


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("records", "data/mpii/train-*", "shards that are measured, a glob")
    flags.DEFINE_string("costs", None, "a JSON file of an earlier run, whose measurements are taken")
    flags.DEFINE_list("people", ["1000000", "100000000"], "of the plans")
    flags.DEFINE_list("readers", [], "processes of a tf.data service to measure, as 1,2; none if empty")
    flags.DEFINE_integer("batch_size", 16, "records in a batch", lower_bound=1)
    flags.DEFINE_integer("shuffle", 1024, "size of the shuffle buffer in records", lower_bound=1)
    flags.DEFINE_float("seconds", 10.0, "of each measurement", lower_bound=0.1)
    flags.DEFINE_float("disk_mb", 500.0, "megabytes a second that each core gets of the records", lower_bound=0.1)
    flags.DEFINE_integer("devices", 8, "to be fed", lower_bound=1)
    flags.DEFINE_float("images_per_second", 2000.0, "that each device takes (benchmarks.plans.gpu)", lower_bound=0.1)
    flags.DEFINE_string("json", None, "a file to write everything to")


def main(values: flags.FlagValues) -> None:
    """Measures, calculates and tells."""
    numbers = [*values.people, *values.readers]
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise UserError(f"--people and --readers must be whole numbers of at least 1. Received: {','.join(numbers)}")
    found: dict[str, Any] = {"served": {}}
    if values.costs:
        with open(values.costs, encoding="utf-8") as file:
            found |= {name: json.load(file)[name] for name in ("costs",)}
    else:
        paths, how = dataset.find(values.records), (values.batch_size, values.shuffle, values.seconds)
        found["costs"] = cost(paths, *how)
        found["served"] = {n: served(paths, int(n), *how) for n in values.readers}
    found["plans"] = [plan(int(people), found["costs"], values.disk_mb) for people in values.people]
    found["feeding"] = feeding(values.devices * values.images_per_second, found["costs"])
    print(report(found))
    if values.json:
        write_json(values.json, found)


if __name__ == "__main__":
    program.run(main, define_flags)
