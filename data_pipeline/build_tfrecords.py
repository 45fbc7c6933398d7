"""Builds sharded records from annotated photographs, or from none.

    python -m data_pipeline.build_tfrecords --dataset=mpii --annotations=FILE --images=DIR --output=DIR

Writes `<split>-00000-of-00008.tfrecord` and a `dataset.json` that says what they hold. Interrupted, the same command
goes on: shards that are whole are kept. `--dry_run` only reads the annotations and prints a summary.
"""

import collections
import functools
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from data_pipeline.common import one_thread  # noqa: F401  # isort: skip  Before numpy.

import numpy as np
from absl import flags

from data_pipeline.common import outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.readers import annotations, photographs, yolo
from data_pipeline.readers.person import SPLITS, Annotations
from data_pipeline.records import build_tasks, building, shards
from data_pipeline.skeleton import MPII16, Skeleton, load
from data_pipeline.synthetic import scenes

MISSING = "photograph missing"
# The data sets of which a tenth is held out where they hold training people alone.
HELD_OUT = (*annotations.ONE_SPLIT, *annotations.OWN_JOINTS)


def source(values: flags.FlagValues) -> tuple[str | None, str | None]:
    """`(data set, file)` of the annotations that the flags name; `(None, None)` where the poses are invented too."""
    if values.dataset != "synthetic":
        return values.dataset, require(values, "annotations")
    return (None, None) if values.poses is None else (annotations.recognise(values.poses), values.poses)


def read_people(values: flags.FlagValues) -> tuple[Sequence, list[str], collections.Counter, Skeleton]:
    """The people that the flags ask for and their splits; invented ones are their places in the sequence.

    Returns:
        `(people, splits, skipped, skeleton)`, the splits as the annotations give them, and the skeleton of the records:
        that of `--skeleton`, or of the annotations.
    """
    (name, path), wanted = source(values), load(values.skeleton) if values.skeleton else None
    if name is None:
        count = require(values, "limit")
        return list(range(count)), ["train"] * count, collections.Counter(), wanted or MPII16
    # The joints of drawn people are changed where they are drawn.
    found = annotations.read(name, path, values.split, wanted if values.dataset != "synthetic" else None)
    people = found.people[: values.limit]
    return people, [person.split for person in people], found.skipped, wanted or found.skeleton


def held_out(values: flags.FlagValues, people: Sequence, splits: list[str]) -> list[str]:
    """The splits after holding out what the flags ask for."""
    # Where all are for training, a tenth is held out, unless the flag says otherwise, or the file is of that split.
    alone = source(values)[0] in (None, *annotations.ONE_SPLIT) or values.split is None
    few = source(values)[0] in (None, *HELD_OUT) and alone and set(splits) == {"train"}
    counts = {"validation": len(splits) // 10 if few else 0, "test": 0}
    for split in counts:
        wanted = getattr(values, f"{split}_people")
        splits = hold_out(people, splits, counts[split] if wanted is None else wanted, values.seed, split)
    return splits


def require(values: flags.FlagValues, flag: str) -> Any:
    """The value of a flag that this data set needs; a UserError where it was not given."""
    value = getattr(values, flag)
    if value is None:
        raise UserError(f"--dataset={values.dataset} needs --{flag}")
    return value


def images_of(values: flags.FlagValues) -> str:
    """The folder of photographs; a `data.yaml` says itself where its are."""
    if values.dataset == "yolo" and values.images is None:
        return yolo.root(values.annotations)
    return require(values, "images")


def hold_out(people: Sequence, splits: list[str], count: int, seed: int, split: str = "validation") -> list[str]:
    """Moves training people to another split, all people of a photograph together.

    Args:
        people: `person.Person`s, or whole numbers for invented people, each of whom has a picture of their own.
        splits: the people's splits.
        count: how many to move; where a photograph shows several people, as many more as complete the last one.
        seed: of the choice of photographs.
        split: where they are moved to.

    Returns:
        The people's new splits.

    Raises:
        UserError: none would be left to train on.
    """
    shown = collections.defaultdict(list)
    for i, (person, old) in enumerate(zip(people, splits, strict=True)):
        if old == "train":
            shown[getattr(person, "image", person)].append(i)
    photographs_of, chosen = list(shown.values()), set()
    for index in np.random.default_rng([seed, 1]).permutation(len(photographs_of)):
        if len(chosen) >= count:
            break
        chosen.update(photographs_of[index])
    if chosen and len(chosen) == splits.count("train"):
        raise UserError(f"--{split}_people={count} leaves none of the {len(chosen)} people to train on")
    return [split if i in chosen else old for i, old in enumerate(splits)]


def encoder(values: flags.FlagValues, skeleton: Skeleton) -> Callable[[tuple], dict | None]:
    """The function of `build_tasks` that makes records as the flags want them."""
    if values.dataset == "synthetic":
        draw = build_tasks.synthetic if values.poses is None else build_tasks.posed
        return functools.partial(draw, seed=values.seed, patch_size=values.patch_size, skeleton=skeleton)
    return functools.partial(
        build_tasks.photographed,
        images=images_of(values),
        patch_size=values.patch_size,
        skip_damaged=values.allow_missing,
    )


def job_of(values: flags.FlagValues, people: Sequence, splits: list[str], skeleton: Skeleton) -> building.Job:
    """The `building.Job` of the wanted splits."""
    wanted = [split for split in SPLITS if split in splits and values.split in (None, split)]
    if not wanted:
        raise UserError(f"{values.dataset} has no {values.split} people here; it has {', '.join(sorted(set(splits)))}")
    order = np.random.default_rng([values.seed, 0]).permutation(len(people)).tolist()
    found = {}
    for split in wanted:
        # Training people are mixed over the shards once, the others keep the order of their annotations.
        chosen = order if split == "train" else range(len(people))
        found[split] = [(people[i], split) for i in chosen if splits[i] == split]
    return building.Job(values.output, found, encoder(values, skeleton), values.shards, values.allow_missing)


def description(
    values: flags.FlagValues, entries: dict[str, dict], skipped: collections.Counter, skeleton: Skeleton
) -> dict:
    """What `dataset.json` says."""
    name, _ = source(values)
    given = {"annotations": values.annotations, "images": values.images, "poses": values.poses}
    return {
        "dataset": values.dataset,
        "metric": annotations.METRICS.get(name, "pckh") if skeleton == MPII16 else skeleton.metric,
        "patch_size": values.patch_size,
        "seed": values.seed,
        "limit": values.limit,
        "source": {name: os.path.basename(os.path.normpath(path)) for name, path in given.items() if path},
        "skeleton": skeleton.as_json(),
        "skipped": dict(sorted(skipped.items())),
        "splits": entries,
    }


def summary(values: flags.FlagValues, people: Sequence, splits: list[str], skipped: collections.Counter) -> dict:
    """What `--dry_run` prints: counts over the wanted splits."""
    chosen = [p for p, split in zip(people, splits, strict=True) if values.split in (None, split)]
    if source(values) == (None, None):
        chosen = [scenes.sample(values.seed, index)[0] for index in chosen]
    return Annotations(chosen, skipped).summary()


def build(
    values: flags.FlagValues, people: Sequence, splits: list[str], skipped: collections.Counter, skeleton: Skeleton
) -> None:
    """Builds this worker's shards and, where no other worker's is missing, writes `dataset.json`."""
    job = job_of(values, people, splits, skeleton)
    settings = {name: getattr(values, name) for name in ("dataset", "patch_size", "seed")}
    building.agree(job, settings | {"skeleton": skeleton.as_json()})
    ahead = building.run(job, values.workers, (values.worker_index, values.worker_count))
    if ahead:
        print(f"{len(ahead)} of {len(job.all_shards())} shards are still to be built by other workers")
        return
    entries = building.entries(job)
    shards.describe(values.output, description(values, entries, skipped, skeleton))
    for split, entry in entries.items():
        print(f"{split}: {entry['people']} people in {values.shards} shards in {values.output}")


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_enum("dataset", None, (*annotations.READERS, "synthetic"), "what the annotations are", required=True)
    flags.DEFINE_string("annotations", None, "the annotation file, as downloaded or exported; of yolo, data.yaml")
    flags.DEFINE_string("images", None, "the folder of photographs; yolo's own by default")
    flags.DEFINE_string("poses", None, "for synthetic, an annotation file whose people are drawn in their real poses")
    flags.DEFINE_string(
        "skeleton",
        None,
        "the joints of the records: mpii16, lsp14, coco17 or a JSON file; joints are found by their names. By default "
        "those of the annotations",
    )
    flags.DEFINE_string("output", None, "the folder to write to")
    flags.DEFINE_enum("split", None, SPLITS, "build one split; all by default. Of coco, what the whole file is of")
    flags.DEFINE_integer("shards", 8, "files a split", lower_bound=1)
    flags.DEFINE_integer("limit", None, "the first people only; for synthetic, how many to make", lower_bound=1)
    flags.DEFINE_integer(
        "validation_people",
        None,
        "training people held out for validation, by photograph; not given, a tenth of lspet, synthetic, and "
        "coco and yolo without such people, none of others",
        lower_bound=0,
    )
    flags.DEFINE_integer("test_people", None, "training people held out for a test, by photograph", lower_bound=0)
    flags.DEFINE_integer("seed", 0, "of the order, of the hold-out and of synthetic people", lower_bound=0)
    flags.DEFINE_integer(
        "patch_size", 448, "side of the stored patches in pixels; 1.75 times the crop keeps it whole", lower_bound=16
    )
    flags.DEFINE_integer("workers", os.cpu_count(), "processes on this machine", lower_bound=1)
    flags.DEFINE_integer("worker_index", 0, "which of --worker_count machines this is, from 0", lower_bound=0)
    flags.DEFINE_integer("worker_count", 1, "machines that build shards of the same folder", lower_bound=1)
    flags.DEFINE_bool("dry_run", False, "read the annotations, print a JSON summary, write nothing")
    flags.DEFINE_bool("allow_missing", False, "leave out people whose photograph is missing or unreadable")


def main(values: flags.FlagValues) -> None:
    """Reads the annotations, then sums them up or builds."""
    if values.worker_index >= values.worker_count:
        raise UserError(f"--worker_index={values.worker_index} must be below --worker_count={values.worker_count}")
    if not values.dry_run:
        outputs.require_folder(require(values, "output"), "output")
    people, splits, skipped, skeleton = read_people(values)
    if values.dry_run:
        print(json.dumps(summary(values, people, held_out(values, people, splits), skipped), indent=2))
        return
    if values.dataset != "synthetic":
        people = photographs.located(people, images_of(values))
        kept = photographs.present(people, images_of(values), values.allow_missing)
        skipped = skipped + collections.Counter({MISSING: len(people) - len(kept)})
        people, splits = [people[i] for i in kept], [splits[i] for i in kept]
    try:
        build(values, people, held_out(values, people, splits), skipped, skeleton)
    except OSError as error:
        raise UserError(f"{error.filename or values.output} cannot be written ({error.strerror})") from error


if __name__ == "__main__":
    program.run(main, define_flags)
