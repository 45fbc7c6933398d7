"""Average precision: how well occlusion probabilities rank occluded joints above visible ones."""

from typing import Any

import numpy as np

from data_pipeline.skeleton import MPII16, Skeleton


def average_precision(scores: np.ndarray, positives: np.ndarray) -> float | None:
    """The area under the precision-recall curve, as scikit-learn defines it: sum of (R_n - R_{n-1}) P_n.

    Thresholds are the distinct scores, so that equal scores count together and the order of the rows does not matter.

    Args:
        scores: [K] numbers; higher means more probably positive.
        positives: [K] bool.

    Returns:
        Within 0 and 1; None where nothing is positive. Scores that tell nothing give the share of positives.
    """
    scores, positives = np.asarray(scores, np.float64), np.asarray(positives, bool)
    if not positives.any():
        return None
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(positives[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # Each distinct score's last place.
    precision, recall = found[last] / (last + 1.0), found[last] / found[-1]
    return float((np.diff(recall, prepend=0.0) * precision).sum())


def occlusion(
    occluded: np.ndarray | None,
    visible: np.ndarray | None,
    annotated: np.ndarray,
    occlusion_known: np.ndarray | None = None,
    skeleton: Skeleton = MPII16,
) -> dict[str, Any] | None:
    """Average precision of occlusion, joint by joint.

    Args:
        occluded: [N, J] predicted probabilities, or None where none are predicted.
        visible: [N, J] bool, or None where it is not known.
        annotated: [N, J] bool.
        occlusion_known: [N] bool, the people who count; None for all.
        skeleton: whose joints they are.

    Returns:
        A dict that goes into JSON: the skeleton's columns (mean of left and right) and `Skeleton.mean`, all in percent,
        `joints` with each of them, and `share`, the columns' percent of joints that are occluded, which is
        what chance scores. Percents are None where no joint is occluded. None where either side is not known, of all
        joints or of everybody.
    """
    people = np.ones(len(annotated), bool) if occlusion_known is None else occlusion_known
    if occluded is None or visible is None or not people.any():
        return None
    chosen = [annotated[:, i] & people for i in range(len(skeleton))]
    each = [average_precision(occluded[known, i], ~visible[known, i]) for i, known in enumerate(chosen)]
    shares = [100.0 * np.mean(~visible[known, i]) if known.any() else None for i, known in enumerate(chosen)]
    each = [None if value is None else 100.0 * value for value in each]
    return {
        **{name: _mean(each[i] for i in joints) for name, joints in skeleton.columns.items()},
        skeleton.mean: _mean(each[i] for i in skeleton.counted),
        "joints": dict(zip(skeleton.joints, each, strict=True)),
        "share": {name: _mean(shares[i] for i in joints) for name, joints in skeleton.columns.items()},
    }


def _mean(values):
    """The mean of what is not None, or None."""
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None
