"""The records that a run trains on: found, looked through, mixed, and cut into batches that start anywhere."""

import dataclasses
import os
import shlex

from data_pipeline import dataset, intact
from data_pipeline.errors import UserError
from data_pipeline.geometry import PATCH_RATIO

# What each data set is called where it is downloaded.
SOURCES = {
    "mpii": "--annotations=mpii_human_pose_v1_u12_1.mat --images=images",
    "lsp": "--annotations=lsp_dataset/joints.mat --images=lsp_dataset/images",
    "lspet": "--annotations=hr-lspet/joints.mat --images=hr-lspet/images",
    "synthetic": "--limit=2000",
}


def find_records(config, pattern):
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
        segments: `intact.Segment`s, or a list of such lists where data sets are mixed.
        proportions: of the lists in the mixture, or None.
        people: how many one pass over the first data set has.
        patch_size: side of the patches.
    """

    segments: list
    proportions: list | None
    people: int
    patch_size: int


def survey(config, pattern, tolerated):
    """The `Records` of a glob; raises UserError where they are missing or damaged."""
    described = dataset.describe(find_records(config, pattern))
    segments = intact.survey(described["shards"], tolerated)
    return Records(segments, None, described["people"], described["patch_size"])


def mixed(config, records):
    """Training records with those of `--mix` added.

    Raises:
        UserError: a share is none, they leave nothing for the first data set, or patches differ in size.
    """
    parts, shares = [], []
    for word in config.data.mix.split(","):
        pattern, _, share = word.rpartition("=")
        try:
            shares.append(float(share))
        except ValueError as error:
            raise UserError(f"--mix must be GLOB=SHARE, as data/mpii/train-*.tfrecord=0.5. Received: {word}") from error
        parts.append(survey(config, pattern, config.data.max_damaged))
    if min(shares) < 0.01 or sum(shares) > 0.99:
        raise UserError(f"--mix must leave each data set a share of 0.01 at least. Received: {config.data.mix}")
    sizes = {part.patch_size for part in parts} | {records.patch_size}
    if len(sizes) > 1:
        raise UserError(f"--mix needs patches of one size, here are {sorted(sizes)}; build with the same --patch_size")
    segments = [records.segments, *(part.segments for part in parts)]
    return dataclasses.replace(records, segments=segments, proportions=[1 - sum(shares), *shares])


def batches(config, records, start, **options):
    """The training batches of a run behind the first `start`."""
    return dataset.load(
        records.segments,
        patch_size=records.patch_size,
        batch_size=config.training.batch_size,
        shuffle=config.data.shuffle,
        seed=config.training.seed,
        repeat=True,
        start=start,
        proportions=records.proportions,
        deterministic=config.data.deterministic,
        **options,
    )


def steps_in_epoch(config, records):
    """Steps of an epoch: as set, or one pass over the first data set; raises UserError where that is none."""
    training = config.training
    own = training.batch_size * (records.proportions[0] if records.proportions else 1)
    steps = training.steps_per_epoch or int(records.people // own)
    if not steps:
        raise UserError(f"--batch_size={training.batch_size} is more than the {records.people} training people")
    return steps
