"""Whether scores tell right joints from wrong ones, and whether they mean what they say."""

from typing import Any

import numpy as np

from keras_apn.metrics.average_precision import average_precision

BINS = 15


def score(scores: np.ndarray, right: np.ndarray) -> dict[str, Any] | None:
    """What scores are worth as probabilities that joints are right.

    Args:
        scores: [K] within 0 and 1.
        right: [K] bool.

    Returns:
        A dict that goes into JSON: `ap`, the average precision, and `auc`, the area under the ROC curve, of ranking
        right joints above wrong ones; `ece`, the expected calibration error over `BINS` equal bins; and `curve`, lists
        of each filled bin's `score` (the mean), `right` (the share) and `count`. All within 0 and 1 but for counts;
        `ap` and `auc` are None where one class is missing. None where there are no joints.
    """
    scores, right = np.asarray(scores, np.float64), np.asarray(right, bool)
    if not scores.size:
        return None
    filled, count, told, found = _bins(scores, right)
    return {
        "ap": average_precision(scores, right),
        "auc": area_under_curve(scores, right),
        "ece": float(np.abs(told - found)[filled].sum() / scores.size),
        "curve": {
            "score": (told[filled] / count[filled]).tolist(),
            "right": (found[filled] / count[filled]).tolist(),
            "count": count[filled].astype(int).tolist(),
        },
    }


def error(scores: np.ndarray, right: np.ndarray) -> float:
    """The expected calibration error of [K] scores of joints that are [K] right or not."""
    found = score(scores, right)
    return float("nan") if found is None else found["ece"]


def area_under_curve(scores: np.ndarray, right: np.ndarray) -> float | None:
    """How often a right joint's score is above a wrong one's, ties counting half; None where either is missing."""
    ones = int(right.sum())
    zeros = right.size - ones
    if not ones or not zeros:
        return None
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2.0)[place]
    return float((ranks[right].sum() - ones * (ones + 1) / 2.0) / (ones * zeros))


def _bins(scores, right):
    """`(filled, count, sum of scores, sum of right)`, each [BINS]."""
    place = np.clip((scores * BINS).astype(int), 0, BINS - 1)
    count, told, found = (np.bincount(place, weights, BINS) for weights in (None, scores, right))
    return count > 0, count, told, found
