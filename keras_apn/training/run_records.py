"""The records that a run trains on: found, looked through, mixed, and cut into batches that start anywhere."""

import dataclasses
import math
import os
import shlex
from typing import Any

import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.geometry import PATCH_RATIO
from data_pipeline.records import dataset, integrity, padding
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.config import Config

# What each data set is called where it is downloaded.
SOURCES = {
    "mpii": "--annotations=mpii_human_pose_v1_u12_1.mat --images=images",
    "lsp": "--annotations=lsp_dataset/joints.mat --images=lsp_dataset/images",
    "lspet": "--annotations=hr-lspet/joints.mat --images=hr-lspet/images",
    "coco": "--annotations=person_keypoints.json --images=images",
    "yolo": "--annotations=data.yaml",
    "synthetic": "--limit=2000",
}


def find_records(config: Config, pattern: str) -> list[str]:
    """The shards of a glob; where there are none, a UserError with the command that builds them."""
    dataset_name, patch_size = config.data.dataset, round(PATCH_RATIO * config.model.crop_size)
    try:
        return dataset.find(pattern)
    except UserError as error:
        output = shlex.quote(os.path.dirname(pattern) or ".")
        raise UserError(
            f"{error}. Build them: python -m data_pipeline.build_tfrecords --dataset={dataset_name} "
            f"{SOURCES[dataset_name]} --patch_size={patch_size} --output={output}"
        ) from error


@dataclasses.dataclass(frozen=True)
class Records:
    """Records of a run, found and looked through.

    Attributes:
        segments: `integrity.Segment`s, or a list of such lists where data sets are mixed.
        proportions: of the lists in the mixture, or None.
        people: how many one pass over the first data set has.
        patch_size: side of the patches.
        skeleton: whose joints are wanted of them.
        stored: the `Skeleton` of each list's records in the mixture, or None.
    """

    segments: list
    proportions: list | None
    people: int
    patch_size: int
    skeleton: Skeleton = MPII16
    stored: list[Skeleton] | None = None


def of_run(config: Config) -> tuple[Records, Records]:
    """The `Records` that a run trains on, with those of `--mix`, and those that are held out.

    Raises:
        UserError: they are missing or damaged, or cannot be mixed.
    """
    data = config.data
    records = survey(config, data.train_records, data.max_damaged)
    dataset.tell_enlarged(records.patch_size, config.model.crop_size)
    if data.mix:
        records = mixed(config, records)
    return records, survey(config, data.validation_records, tolerated=0.0)


def survey(config: Config, pattern: str, tolerated: float) -> Records:
    """The `Records` of a glob; raises UserError where they are missing or damaged."""
    return _surveyed(find_records(config, pattern), tolerated, config.model.skeleton)[0]


def _surveyed(paths, tolerated, skeleton, mapped=False):
    """`(Records, Skeleton)` of shards; their joints must be those wanted, unless they are mapped by name."""
    described = dataset.describe(paths)
    if not mapped:
        dataset.require_skeleton(described, skeleton)
    segments = integrity.survey(described["shards"], tolerated)
    return Records(segments, None, described["people"], described["patch_size"], skeleton), described["skeleton"]


def _found_for_mix(pattern):
    """The shards of a glob of `--mix`, whose data set `--dataset` does not name."""
    try:
        return dataset.find(pattern)
    except UserError as error:
        raise UserError(f"{error}. Build them, or leave them out of --mix") from error


def mixed(config: Config, records: Records) -> Records:
    """Training records with those of `--mix` added, whose joints are found by their names.

    Raises:
        UserError: a share is none, they leave nothing for the first data set, records are missing or damaged, or
            patches differ in size, or a data set has none of the joints.
    """
    wanted = config.model.skeleton
    parts, shares, stored = [], [], [wanted]
    for word in config.data.mix.split(","):
        pattern, _, share = word.rpartition("=")
        try:
            shares.append(float(share))
        except ValueError as error:
            raise UserError(f"--mix must be GLOB=SHARE, as data/mpii/train-*.tfrecord=0.5. Received: {word}") from error
        part, own = _surveyed(_found_for_mix(pattern), config.data.max_damaged, wanted, mapped=True)
        if not set(own.joints) & set(wanted.joints):
            raise UserError(f"--mix: records of {own.name} in {pattern} have none of {wanted.name}'s joints")
        parts.append(part)
        stored.append(own)
    if min(shares) < 0.01 or sum(shares) > 0.99:
        raise UserError(f"--mix must leave each data set a share of 0.01 at least. Received: {config.data.mix}")
    sizes = {part.patch_size for part in parts} | {records.patch_size}
    if len(sizes) > 1:
        raise UserError(f"--mix needs patches of one size, here are {sorted(sizes)}; build with the same --patch_size")
    segments = [records.segments, *(part.segments for part in parts)]
    return dataclasses.replace(records, segments=segments, proportions=[1 - sum(shares), *shares], stored=stored)


@dataclasses.dataclass(frozen=True)
class Share:
    """What a worker's devices are given of every batch: each an equal part, one after the other.

    Attributes:
        worker, workers: its index and how many there are.
        devices: of all workers.
    """

    worker: int = 0
    workers: int = 1
    devices: int = 1

    def size(self, batch: int) -> int:
        """People that a device is given of a batch of so many."""
        return batch // self.devices

    def count(self, batches: int) -> int:
        """Parts that the worker's devices take of so many batches."""
        return batches * self.devices // self.workers


def batches(config: Config, records: Records, start: int, share: Share = Share(), **options: Any) -> tf.data.Dataset:
    """A worker's share of the training batches of a run behind the first `start`, from shards of its own."""
    return dataset.endless(
        records.segments,
        patch_size=records.patch_size,
        batch_size=share.size(config.training.batch_size),
        shuffle=config.data.shuffle,
        seed=config.training.seed,
        start=share.count(start),
        proportions=records.proportions,
        deterministic=config.data.deterministic,
        worker=(share.worker, share.workers),
        skeleton=records.skeleton,
        stored=records.stored,
        **options,
    )


def whole_batch(config: Config, records: Records, step: int, workers: int) -> dict[str, tf.Tensor]:
    """The batch of a step, counted from 0, with names, as a dict of tensors: what all workers together are given."""
    shares = [Share(worker, workers, workers) for worker in range(workers)]
    parts = [next(iter(batches(config, records, step, share, names=True))) for share in shares]
    return {name: tf.concat([part[name] for part in parts], axis=0) for name in parts[0]}


def held_out(config: Config, records: Records) -> tf.data.Dataset:
    """The validation batches of a run, in their order."""
    return dataset.load(
        records.segments,
        patch_size=records.patch_size,
        batch_size=config.training.batch_size,
        skeleton=records.skeleton,
    )


def held_out_steps(config: Config, records: Records) -> int:
    """Batches of one pass over the validation records."""
    return math.ceil(records.people / config.training.batch_size)


def held_out_share(config: Config, records: Records, share: Share) -> tf.data.Dataset:
    """A worker's share of the validation batches, pass after pass; what is missing in the last is padded."""
    size, count = share.size(config.training.batch_size), share.count(held_out_steps(config, records))
    own = (share.worker, share.workers)
    found = dataset.load(
        records.segments, patch_size=records.patch_size, batch_size=size, every=own, skeleton=records.skeleton
    )
    return padding.padded(found, size, count).repeat()


def steps_in_epoch(config: Config, records: Records) -> int:
    """Steps of an epoch: as set, or one pass over the first data set; raises UserError where that is none."""
    training = config.training
    own = training.batch_size * (records.proportions[0] if records.proportions else 1)
    steps = training.steps_per_epoch or int(records.people // own)
    if not steps:
        raise UserError(f"--batch_size={training.batch_size} is more than the {records.people} training people")
    return steps
