"""Crops that a quantised model takes its ranges from."""

from collections.abc import Sequence

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.evaluation import scoring

# More do not score better (BUILD_NOTES 31).
PEOPLE = 128


def crops(paths: Sequence[str], crop_size: int, people: int = PEOPLE, skeleton: Skeleton = MPII16) -> np.ndarray:
    """Unaugmented crops of records, as many of each shard.

    Args:
        paths: shards of one folder, as `dataset.find` gives them.
        crop_size: side of the crops in pixels.
        people: how many; fewer where the shards hold fewer.
        skeleton: whose joints the records hold.

    Returns:
        [N, S, S, 3] float32 within 0 and 1.

    Raises:
        UserError: the shards hold nobody, or are damaged.
    """
    counts, chosen = dataset.describe(paths)["shards"], _spread(paths, people)
    each = -(-people // len(chosen))
    parts = [_first(path, crop_size, each, skeleton) for path in chosen if counts[path]]
    if not parts:
        raise UserError(f"{chosen[0]} and its like hold nobody to calibrate on")
    return np.concatenate(parts)[:people]


def _spread(paths, most):
    """At most so many paths, evenly spread over all."""
    return [paths[n] for n in np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int))]


def _first(path, crop_size, people, skeleton):
    """The crops of a shard's first people."""
    for example in scoring.examples([path], crop_size, people, skeleton=skeleton):
        return example["crop"].numpy()
    return np.zeros([0, crop_size, crop_size, 3], np.float32)
