"""Crops that a quantised model takes its ranges from."""

from collections.abc import Sequence

import numpy as np

from data_pipeline.common.errors import UserError
from keras_apn.evaluation import scoring

# More do not score better (BUILD_NOTES 31).
PEOPLE = 128


def crops(paths: Sequence[str], crop_size: int, people: int = PEOPLE) -> np.ndarray:
    """Unaugmented crops of records, as many of each shard.

    Args:
        paths: shards of one folder, as `dataset.find` gives them.
        crop_size: side of the crops in pixels.
        people: how many; fewer where the shards hold fewer.

    Returns:
        [N, S, S, 3] float32 within 0 and 1.

    Raises:
        UserError: the shards hold nobody, or are damaged.
    """
    chosen = _spread(paths, people)
    parts = [_first(path, crop_size, -(-people // len(chosen))) for path in chosen]
    found = np.concatenate(parts)[:people]
    if not len(found):
        raise UserError(f"{paths[0]} and its like hold nobody to calibrate on")
    return found


def _spread(paths, most):
    """At most so many paths, evenly spread over all."""
    return [paths[n] for n in np.unique(np.linspace(0, len(paths) - 1, min(most, len(paths))).round().astype(int))]


def _first(path, crop_size, people):
    """The crops of a shard's first people."""
    for example in scoring.examples([path], crop_size, people):
        return example["crop"].numpy()
    return np.zeros([0, crop_size, crop_size, 3], np.float32)
