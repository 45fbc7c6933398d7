"""Building shards in parallel, on one machine or several, whatever interrupts it.

A shard's bytes follow from the settings of the build alone, so a shard that is whole need not be built again, and
`worker_count` machines that each build their own leave the same folder as one.
"""

import collections
import contextlib
import dataclasses
import functools
import hashlib
import itertools
import multiprocessing
import os
import sys
import typing
from collections.abc import Iterable
from typing import Any

import tqdm

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.records import example_proto, framing, shards

SETTINGS = "build.json"
UNREADABLE = "photograph unreadable"
# What `example_proto.counts` tells of a record, added up over a split.
COUNTED = ("people", "people_occlusion_unknown", "joints_annotated", "joints_occluded")


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be built.

    Attributes:
        directory: the folder of the shards.
        tasks: for each split by its name, what `encode` takes: `(person or index, split)`; task k goes into shard k
            modulo `shards`.
        encode: from a task to `patch.values`, or to None for one that is left out; it can be pickled.
        shards: how many a split has.
        may_leave_out: whether `encode` may leave any out.
    """

    directory: str
    tasks: dict
    encode: typing.Callable
    shards: int
    may_leave_out: bool = False

    def all_shards(self) -> list[tuple[str, int]]:
        """Every `(split, number)`."""
        return [(split, number) for split in self.tasks for number in range(self.shards)]

    def tasks_of(self, shard: tuple[str, int]) -> list[tuple]:
        """The tasks of a `(split, number)`."""
        split, number = shard
        return self.tasks[split][number :: self.shards]

    def path(self, shard: tuple[str, int]) -> str:
        """Where a `(split, number)` belongs."""
        return os.path.join(self.directory, shards.name(*shard, self.shards))


def fingerprint(tasks: Iterable[tuple]) -> str:
    """A text that tells whether two lists of `(person.Person or index, split)` are the same."""
    digest = hashlib.sha256()
    for person, split in tasks:
        if isinstance(person, int):
            digest.update(f"{split} {person} ".encode())
            continue
        digest.update(f"{split} {person.image} {person.person_index} {person.head_size} {person.side_image} ".encode())
        digest.update(f"{person.occlusion_known} ".encode())
        for values in (person.joints_image, person.annotated, person.visible, person.center_image):
            digest.update(b"" if values is None else values.tobytes())
    return digest.hexdigest()


def agree(job: Job, settings: dict[str, Any]) -> None:
    """Makes the folder of a job, or finds it made by one of the same settings.

    Args:
        job: a `Job`.
        settings: a dict of everything else that the shards' bytes follow from.

    Raises:
        UserError: it holds records of other settings or other people.
    """
    path, old = os.path.join(job.directory, SETTINGS), {}
    if os.path.exists(path):
        way = "delete it and give the command that wrote it again"
        old = json_file.read(path, dict[str, str | int | float | bool | dict[str, Any] | None], way=way)
    elif os.path.isdir(job.directory) and any(name.endswith(".tfrecord") for name in os.listdir(job.directory)):
        raise UserError(f"{job.directory} holds records of an unknown build; delete them or give another --output")
    new = {**settings, "shards": job.shards, **{split: fingerprint(tasks) for split, tasks in job.tasks.items()}}
    told = [
        f"other {name} people" if name in job.tasks else _difference(name, old[name], value)
        for name, value in new.items()
        if old.get(name, value) != value
    ]
    if told:
        raise UserError(f"{job.directory} holds another build ({'; '.join(told)}); delete it or give another --output")
    write_json(path, {**old, **new})


def _difference(name, old, new):
    if isinstance(new, dict) and isinstance(old, dict):  # A skeleton: of its two names, or of its details.
        old, new = (value.get("name") for value in (old, new))
    return f"--{name}={old} there, {new} here" if old != new else f"another {new} of --{name}"


def is_whole(job: Job, shard: tuple[str, int]) -> bool:
    """Whether a shard is there, undamaged, and holds what it should."""
    path, records = job.path(shard), 0
    if not os.path.exists(path):
        return False
    for frame in framing.read(path):
        if not frame.intact:
            return False
        records += 1
    expected = len(job.tasks_of(shard))
    return records == expected or (job.may_leave_out and records < expected)


def run(job: Job, processes: int, worker: tuple[int, int] = (0, 1)) -> list[tuple[str, int]]:
    """Builds the shards of one worker that are not whole yet.

    Args:
        job: a `Job`.
        processes: how many encode at a time.
        worker: `(index, count)`; each of `count` workers builds its own shards.

    Returns:
        The shards, as `(split, number)`, that are still to be built by other workers.
    """
    index, count = worker
    own = job.all_shards()[index::count]
    missing = [shard for shard in own if not is_whole(job, shard)]
    if missing:
        _build(job, missing, processes, sum(len(job.tasks_of(shard)) for shard in own if shard not in missing))
    others = [shard for shard in job.all_shards() if shard not in own]
    return [shard for shard in others if not is_whole(job, shard)]


def _build(job, missing, processes, done):
    """Builds shards, one after the other; `done` people are in other shards of this worker already."""
    total = done + sum(len(job.tasks_of(shard)) for shard in missing)
    with _mapping(processes) as mapped:
        results = mapped(job.encode, itertools.chain.from_iterable(map(job.tasks_of, missing)))
        with tqdm.tqdm(total=total, initial=done, unit=" people", file=sys.stderr) as progress:
            for shard in missing:
                own = _counted(itertools.islice(results, len(job.tasks_of(shard))), progress)
                shards.write(job.directory, *shard, job.shards, map(example_proto.serialize, own))


def _counted(results, progress):
    """What is not left out, each counted."""
    for values in results:
        progress.update()
        if values is not None:
            yield values


@contextlib.contextmanager
def _mapping(processes):
    """`map`, in order, by as many processes."""
    if processes == 1:
        yield map
        return
    # Fresh interpreters: a fork of one that has threads can hang.
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield functools.partial(pool.imap, chunksize=4)


def entries(job: Job) -> dict[str, dict]:
    """What `dataset.json` says of each split, read back from its shards."""
    found = {}
    for split, tasks in job.tasks.items():
        totals, people = collections.Counter(dict.fromkeys(COUNTED, 0)), {}
        for shard in (shard for shard in job.all_shards() if shard[0] == split):
            before = totals["people"]
            for frame in framing.read(job.path(shard)):
                totals.update(example_proto.counts(frame.record))
            people[os.path.basename(job.path(shard))] = totals["people"] - before
        left_out = len(tasks) - totals["people"]
        found[split] = {**totals, **({UNREADABLE: left_out} if left_out else {}), "shards": people}
    return found
