"""Builds sharded records from annotated photographs, or from none.

    python -m data_pipeline.build_tfrecords --dataset=mpii --annotations=FILE --images=DIR --output=DIR

Writes `<split>-00000-of-00008.tfrecord` and a `dataset.json` that says what they hold. `--dry_run` only reads the
annotations and prints a summary.
"""

import collections
import functools
import json
import multiprocessing
import os
import sys

from data_pipeline import program  # isort: skip  It quiets TensorFlow, so it comes before.

import numpy as np
import tensorflow as tf
import tqdm
from absl import flags

from data_pipeline import lsp, mpii, records, shards, synthetic
from data_pipeline.errors import UserError
from data_pipeline.person import SPLITS, Annotations
from data_pipeline.skeleton import JOINTS, LIMBS

READERS = {"mpii": mpii.read, "lsp": lsp.read_lsp, "lspet": lsp.read_lspet}
METRICS = {"mpii": "pckh", "lsp": "pck", "lspet": "pck", "synthetic": "pckh"}
# These come without a validation split: a tenth of their people is held out, unless the flag says otherwise.
UNSPLIT = ("lspet", "synthetic")
MISSING_SHARE = 0.01
MISSING, UNREADABLE = "photograph missing", "photograph unreadable"


def read_people(values):
    """The people that the flags ask for, every split; synthetic ones are their places in the sequence."""
    if values.dataset == "synthetic":
        if values.limit is None:
            raise UserError("--dataset=synthetic needs --limit, the number of people to make")
        return range(values.limit), ["train"] * values.limit, collections.Counter()
    require(values, "annotations")
    found = READERS[values.dataset](values.annotations, values.split if values.dataset not in UNSPLIT else None)
    people = found.people[: values.limit]
    return people, [person.split for person in people], found.skipped


def require(values, flag):
    """Raises UserError where a flag that this data set needs was not given."""
    if getattr(values, flag) is None:
        raise UserError(f"--dataset={values.dataset} needs --{flag}")


def hold_out(splits, count, seed):
    """Moves training people to validation.

    Args:
        splits: the people's splits.
        count: how many to move.
        seed: of their choice.

    Returns:
        The people's new splits.

    Raises:
        UserError: none would be left to train on.
    """
    train = [i for i, split in enumerate(splits) if split == "train"]
    if count and count >= len(train):
        raise UserError(f"--validation_people={count} leaves none of the {len(train)} people to train on")
    chosen = set(np.random.default_rng([seed, 1]).permutation(train)[:count].tolist())
    return ["validation" if i in chosen else split for i, split in enumerate(splits)]


def read_photograph(path):
    """Decodes a JPEG or PNG file to [H, W, 3] uint8 RGB; a UserError where it is not a whole image."""
    try:
        return tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as error:
        raise UserError(f"{path} is damaged or no image; download it again, or give --allow_missing") from error


def encode_photograph(task, images, patch_size, skip_damaged):
    """A `(person, split)` to `(record, joints annotated, joints occluded)`; None for a damaged photograph to skip."""
    person, split = task
    try:
        image = read_photograph(os.path.join(images, person.image))
    except UserError:
        if skip_damaged:
            return None
        raise
    return records.encode(person, image, patch_size, split), int(person.annotated.sum()), int(person.occluded.sum())


def encode_synthetic(task, seed, patch_size):
    """An `(index, split)` to the same."""
    index, split = task
    person, image = synthetic.sample(seed, index, split)
    return records.encode(person, image, patch_size, split), int(person.annotated.sum()), int(person.occluded.sum())


def with_photographs(people, images, allow_missing):
    """The places in `people` of those whose photograph is in the folder `images`.

    Raises:
        UserError: the folder is missing, or more than one in a hundred photographs is.
    """
    if not os.path.isdir(images):
        raise UserError(f"{images} is no folder; give --images the folder of the photographs")
    present = set(os.listdir(images))
    kept = [i for i, person in enumerate(people) if person.image in present]
    missing = len(people) - len(kept)
    if not kept:
        raise UserError(f"None of the {len(people)} photographs is in {images}; give --images their folder")
    if missing:
        first = next(person.image for person in people if person.image not in present)
        report = f"{missing} of {len(people)} photographs are missing from {images}, {first} for one"
        if missing > MISSING_SHARE * len(people) and not allow_missing:
            raise UserError(f"{report}; complete the folder, or leave these people out by --allow_missing")
        print(f"{report}; they are left out", file=sys.stderr)
    return kept


def write_split(directory, split, tasks, encode, count, results_of):
    """Writes the shards of one split.

    Args:
        directory: an existing folder.
        split: its name.
        tasks: what `encode` takes; task k goes into shard k modulo `count`.
        encode: to `(record, joints annotated, joints occluded)`, or to None for one that is left out.
        count: number of shards.
        results_of: `map`, or a process pool's `imap`.

    Returns:
        The split's entry in `dataset.json`.
    """
    totals = collections.Counter(people=0, joints_annotated=0, joints_occluded=0)
    names = {}

    def counted(results, progress):
        for result in results:
            progress.update()
            if result is None:
                totals[UNREADABLE] += 1
                continue
            record, annotated, occluded = result
            totals.update(people=1, joints_annotated=annotated, joints_occluded=occluded)
            yield record

    with tqdm.tqdm(total=len(tasks), desc=split, unit=" people", file=sys.stderr) as progress:
        for number in range(count):
            name = shards.name(split, number, count)
            encoded = counted(results_of(encode, tasks[number::count]), progress)
            names[name] = shards.write(directory, split, number, count, encoded)
    return {**totals, "shards": names}


def build(values, people, splits, skipped, encode):
    """Writes what the flags ask for: every wanted split's shards, then `dataset.json`."""
    wanted = [split for split in SPLITS if split in splits and values.split in (None, split)]
    if not wanted:
        raise UserError(f"{values.dataset} has no {values.split} people here; it has {', '.join(sorted(set(splits)))}")
    os.makedirs(values.output, exist_ok=True)
    shards.refuse_existing(values.output, wanted)
    try:
        entries = write_splits(values, people, splits, encode, wanted)
    except BaseException:
        shards.discard(values.output, wanted)
        raise
    shards.describe(values.output, description(values, entries, skipped))
    for split, entry in entries.items():
        print(f"{split}: {entry['people']} people in {values.shards} shards in {values.output}")


def write_splits(values, people, splits, encode, wanted):
    """Writes the shards of the wanted splits in parallel; returns their entries in `dataset.json`."""
    order = np.random.default_rng([values.seed, 0]).permutation(len(people))
    entries = {}
    # Fresh interpreters: a fork of one that has started TensorFlow's threads can hang.
    with multiprocessing.get_context("spawn").Pool(values.workers) as pool:
        results_of = functools.partial(pool.imap, chunksize=4)
        for split in wanted:
            # Training people are mixed over the shards once, the others keep the order of their annotations.
            chosen = order if split == "train" else range(len(people))
            tasks = [(people[i], split) for i in chosen if splits[i] == split]
            entries[split] = write_split(values.output, split, tasks, encode, values.shards, results_of)
    return entries


def description(values, entries, skipped):
    """What `dataset.json` says."""
    given = {"annotations": values.annotations, "images": values.images}
    source = {name: os.path.basename(os.path.normpath(path)) for name, path in given.items() if path}
    return {
        "dataset": values.dataset,
        "metric": METRICS[values.dataset],
        "patch_size": values.patch_size,
        "seed": values.seed,
        "limit": values.limit,
        "source": source,
        "joints": list(JOINTS),
        "limbs": [[JOINTS[a], JOINTS[b]] for a, b in LIMBS],
        "skipped": dict(sorted(skipped.items())),
        "splits": entries,
    }


def summary(values, people, splits, skipped):
    """What `--dry_run` prints: counts over the wanted splits."""
    chosen = [p for p, split in zip(people, splits, strict=True) if values.split in (None, split)]
    if values.dataset == "synthetic":
        chosen = [synthetic.sample(values.seed, index)[0] for index in chosen]
    return Annotations(chosen, skipped).summary()


def define_flags():
    """The program's flags."""
    flags.DEFINE_enum("dataset", None, (*READERS, "synthetic"), "what the annotations are", required=True)
    flags.DEFINE_string("annotations", None, "the annotation file, as downloaded")
    flags.DEFINE_string("images", None, "the folder of photographs")
    flags.DEFINE_string("output", None, "the folder to write to")
    flags.DEFINE_enum("split", None, SPLITS, "build one split; all that there are, if not given")
    flags.DEFINE_integer("shards", 8, "files a split", lower_bound=1)
    flags.DEFINE_integer("limit", None, "the first people only; for synthetic, how many to make", lower_bound=1)
    flags.DEFINE_integer(
        "validation_people",
        None,
        "training people held out for validation; not given, a tenth of lspet and synthetic, none of others",
        lower_bound=0,
    )
    flags.DEFINE_integer("seed", 0, "of the order, of the hold-out and of synthetic people", lower_bound=0)
    flags.DEFINE_integer(
        "patch_size", 448, "side of the stored patches in pixels; 1.75 times the crop keeps it whole", lower_bound=16
    )
    flags.DEFINE_integer("workers", os.cpu_count(), "processes", lower_bound=1)
    flags.DEFINE_bool("dry_run", False, "read the annotations, print a JSON summary, write nothing")
    flags.DEFINE_bool("allow_missing", False, "leave out people whose photograph is missing or unreadable")


def main(values):
    """Reads the annotations, then sums them up or builds."""
    people, splits, skipped = read_people(values)
    default = len(splits) // 10 if values.dataset in UNSPLIT else 0
    splits = hold_out(splits, default if values.validation_people is None else values.validation_people, values.seed)
    if values.dry_run:
        print(json.dumps(summary(values, people, splits, skipped), indent=2))
        return
    require(values, "output")
    if values.dataset == "synthetic":
        encode = functools.partial(encode_synthetic, seed=values.seed, patch_size=values.patch_size)
    else:
        require(values, "images")
        kept = with_photographs(people, values.images, values.allow_missing)
        skipped = skipped + collections.Counter({MISSING: len(people) - len(kept)})
        people, splits = [people[i] for i in kept], [splits[i] for i in kept]
        encode = functools.partial(
            encode_photograph, images=values.images, patch_size=values.patch_size, skip_damaged=values.allow_missing
        )
    build(values, people, splits, skipped, encode)


if __name__ == "__main__":
    program.run(main, define_flags)
