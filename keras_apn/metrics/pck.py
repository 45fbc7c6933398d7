"""PCKh, PCK and their like: pure functions on arrays, and a table of them. `running_pck` has the Keras metrics.

Distances are in units of the metric's normaliser (`normalisers`): the head size for PCKh, |left shoulder - right hip|
for PCK. "Mean" has three conventions, each under its own name, here of MPII's joints: `mean_14`, the unweighted mean
over the 14 that are neither pelvis nor thorax; `pooled_14`, all annotated ones of the 14 together; `pooled_16`, of all
16. A skeleton of 17 joints that all count has `mean_17` and `pooled_17`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline import skeleton as skeletons
from data_pipeline.skeleton import MPII16, Skeleton

# Where each metric's published threshold lies, in units of its normaliser.
THRESHOLDS = {skeletons.METRICS[unit]: threshold for unit, threshold in skeletons.THRESHOLDS.items()}
CURVE_POINTS = 51


def distances(predicted: np.ndarray, true: np.ndarray, normaliser: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Normalised distances.

    Args:
        predicted, true: [N, J, 2] in one frame.
        normaliser: [N], or [N, J], in the same frame's pixels.
        annotated: [N, J] bool.

    Returns:
        [N, J] float64; NaN where not annotated or where the normaliser is 0, which counts nowhere.
    """
    away = np.linalg.norm(np.asarray(predicted, np.float64) - true, axis=-1)
    unit = np.asarray(normaliser, np.float64)
    unit = unit[:, None] if unit.ndim == 1 else unit
    return np.where(annotated & (unit > 0), away / np.maximum(unit, 1e-9), np.nan)


def rates(normalised: np.ndarray, threshold: float, skeleton: Skeleton = MPII16) -> dict[str, float | None]:
    """Percent of joints within the threshold.

    Args:
        normalised: [N, J] from `distances`.
        threshold: in units of the normaliser; a joint exactly at it counts.
        skeleton: whose joints they are.

    Returns:
        A dict of `Skeleton.titles` but `auc`; of MPII's: every column, `mean_14` (unweighted over the 14 joints that
        are neither pelvis nor thorax), `pooled_14` and `pooled_16` (over all their annotated joints). None where
        nothing is annotated.
    """
    return rates_of((normalised <= threshold).sum(axis=0), (~np.isnan(normalised)).sum(axis=0), skeleton)


def rates_of(right: np.ndarray, count: np.ndarray, skeleton: Skeleton = MPII16) -> dict[str, float | None]:
    """What `rates` gives, from how many of each joint are right, [J], and of how many, [J]."""
    each = percents(right, count)

    def pooled(joints):
        joints = list(joints)
        return float(100.0 * right[joints].sum() / count[joints].sum()) if count[joints].sum() else None

    table = {name: _finite_mean(each[list(joints)]) for name, joints in skeleton.columns.items()}
    counted = list(skeleton.counted)
    return {
        **table,
        skeleton.mean: _finite_mean(each[counted]),
        skeleton.pooled: pooled(counted),
        f"pooled_{len(skeleton)}": pooled(range(len(skeleton))),
    }


def percents(right: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Percent right of each joint, [J]; NaN where there is none."""
    with np.errstate(invalid="ignore"):
        return 100.0 * right / count


def _finite_mean(values):
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def curve(normalised: np.ndarray, most: float, skeleton: Skeleton = MPII16) -> dict[str, list]:
    """`rates` at `CURVE_POINTS` thresholds from 0 to `most`.

    Returns:
        A dict of lists: `thresholds`, in units of the normaliser, and the percents of each key of `rates`.
    """
    thresholds = np.linspace(0.0, most, CURVE_POINTS)
    tables = [rates(normalised, threshold, skeleton) for threshold in thresholds]
    return {"thresholds": thresholds.tolist(), **{name: [table[name] for table in tables] for name in tables[0]}}


def area(thresholds: Sequence[float], percents: Sequence[float | None]) -> float | None:
    """The area under a curve over its range: its mean height, percent; None where it has no heights."""
    if percents[0] is None:
        return None
    heights, width = np.asarray(percents), thresholds[-1] - thresholds[0]
    return float(((heights[1:] + heights[:-1]) / 2 * np.diff(thresholds)).sum() / width)


def errors(normalised: np.ndarray, skeleton: Skeleton = MPII16) -> dict[str, float | None]:
    """`mean` and `median` distance over the annotated ones of the counted joints; None where there is none."""
    counted = normalised[:, list(skeleton.counted)]
    counted = counted[~np.isnan(counted)]
    if not counted.size:
        return {"mean": None, "median": None}
    return {"mean": float(counted.mean()), "median": float(np.median(counted))}


def by_visibility(
    normalised: np.ndarray,
    visible: np.ndarray | None,
    threshold: float,
    occlusion_known: np.ndarray | None = None,
    skeleton: Skeleton = MPII16,
) -> dict[str, dict[str, float | None]]:
    """Percent within the threshold of `Skeleton.by_visibility`: wrists and elbows, as in the paper's Table 3.

    Args:
        normalised: [N, J] from `distances`.
        visible: [N, J] bool, or None where it is not known.
        threshold: in units of the normaliser.
        occlusion_known: [N] bool, the people who count; None for all.
        skeleton: whose joints they are.

    Returns:
        `{"visible": {"wrist", "elbow"}, "occluded": {"wrist", "elbow"}}`, left and right pooled; None where there is
        none or it is not known.
    """
    table = {}
    for name, wanted in (("visible", True), ("occluded", False)):
        chosen = np.zeros(normalised.shape, bool) if visible is None else visible == wanted
        if occlusion_known is not None:
            chosen = chosen & occlusion_known[:, None]
        split = np.where(chosen, normalised, np.nan)
        table[name] = {
            title: _percent(split[:, list(skeleton.columns[title])], threshold) for title in skeleton.by_visibility
        }
    return table


def score(
    normalised: np.ndarray,
    visible: np.ndarray | None,
    metric: str = "pckh",
    occlusion_known: np.ndarray | None = None,
    skeleton: Skeleton = MPII16,
) -> dict[str, Any]:
    """Everything that can be said of distances alone.

    Args:
        normalised: [N, J] from `distances`.
        visible: [N, J] bool, or None where it is not known.
        metric: a key of `THRESHOLDS`.
        occlusion_known: [N] bool, whose `visible` counts; None for everybody's.
        skeleton: whose joints they are.

    Returns:
        A dict that goes into JSON: `<metric>@<threshold>` with the keys of `Skeleton.titles`, what `by_visibility`
        gives, `curve` and `people`.
    """
    threshold = THRESHOLDS[metric]
    points = curve(normalised, threshold, skeleton)
    table = {**rates(normalised, threshold, skeleton), "auc": area(points["thresholds"], points[skeleton.mean])}
    return {
        f"{metric}@{threshold}": table,
        **by_visibility(normalised, visible, threshold, occlusion_known, skeleton),
        "curve": points,
        "people": len(normalised),
    }


def _percent(normalised, threshold):
    count = (~np.isnan(normalised)).sum()
    return float(100.0 * (normalised <= threshold).sum() / count) if count else None
