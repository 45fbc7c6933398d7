"""Where joints that are not found are put instead."""

import numpy as np

from data_pipeline.skeleton import MPII16, Skeleton

# In the order in which they are asked.
KINDS = ("other side", "other joint", "near", "far")


def classify(
    predicted: np.ndarray,
    true: np.ndarray,
    unit: np.ndarray,
    annotated: np.ndarray,
    threshold: float,
    skeleton: Skeleton = MPII16,
) -> np.ndarray:
    """What kind of miss each joint is.

    Args:
        predicted, true: [N, J, 2] in one frame.
        unit: [N], or [N, J], the metric's normaliser in the frame's pixels; where it is 0, nothing is counted.
        annotated: [N, J] bool.
        threshold: of the metric, in units.
        skeleton: whose joints they are.

    Returns:
        [N, J] int: an index of `KINDS` - within the threshold of the same joint of the other side, of any other
        joint, within twice the threshold of its own place, or none of these - and -1 where the joint is found or not
        counted.
    """
    # [N, joint predicted, joint where it may lie]
    apart = np.asarray(predicted, np.float64)[:, :, None] - true[:, None]
    unit = np.asarray(unit, np.float64)
    unit = np.broadcast_to(unit[:, None] if unit.ndim == 1 else unit, annotated.shape)
    away = np.linalg.norm(apart, axis=-1) / np.maximum(unit, 1e-9)[:, None]
    counted = annotated & (unit > 0)
    at = (away <= threshold) & annotated[:, None]
    joint = np.arange(len(skeleton))
    own = away[:, joint, joint]
    # A central joint mirrors itself, and where it is missed it is not there.
    kinds = np.select([at[:, joint, np.array(skeleton.mirror)], at.any(axis=-1), own <= 2 * threshold], [0, 1, 2], 3)
    return np.where(counted & (own > threshold), kinds, -1)


def shares(kinds: np.ndarray, skeleton: Skeleton = MPII16) -> dict[str, float | None]:
    """Counts over the counted joints, of MPII's the 14 that are neither pelvis nor thorax.

    Returns:
        A dict that goes into JSON: `misses`, their number, and by kind the percent of them; None where there is none.
    """
    missed = kinds[:, list(skeleton.counted)]
    total = int((missed >= 0).sum())
    return {
        "misses": total,
        **{kind: 100.0 * float((missed == n).sum()) / total if total else None for n, kind in enumerate(KINDS)},
    }
