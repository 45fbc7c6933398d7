"""PCKh and PCK: pure functions on arrays, a table of them, and thin Keras metrics.

Distances are in units of the metric's normaliser: the head size for PCKh, |left shoulder - right hip| for PCK.
Sums and counts are accumulated, never means of batch means. "Mean" has three conventions, each under its own name:
`mean_14`, the unweighted mean over the 14 joints that are neither pelvis nor thorax; `pooled_14`, all annotated ones of
the 14 together; `pooled_16`, of all 16.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.skeleton import COLUMNS, INDEX, JOINTS, JOINTS_14, NUM_JOINTS
from keras_apn import keras_compat

# What each metric divides distances by, and where its published threshold lies.
THRESHOLDS = {"pckh": 0.5, "pck": 0.2}
CURVE_POINTS = 51
TORSO = (INDEX["left_shoulder"], INDEX["right_hip"])
# What a table of rates shows, in its order; `auc` is the area under the curve of `mean_14`.
TITLES = (*COLUMNS, "mean_14", "pooled_14", "pooled_16", "auc")


def torso_size(joints: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """PCK's normaliser, |left shoulder - right hip|.

    Args:
        joints: [N, 16, 2], the truth.
        annotated: [N, 16] bool.

    Returns:
        [N] in the joints' pixels; 0, which counts nowhere, where one of the two is not annotated.
    """
    shoulder, hip = TORSO
    return np.linalg.norm(joints[:, shoulder] - joints[:, hip], axis=-1) * annotated[:, TORSO].all(axis=1)


def distances(predicted: np.ndarray, true: np.ndarray, normaliser: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Normalised distances.

    Args:
        predicted, true: [N, 16, 2] in one frame.
        normaliser: [N] in the same frame's pixels.
        annotated: [N, 16] bool.

    Returns:
        [N, 16] float64; NaN where not annotated or where the normaliser is 0, which counts nowhere.
    """
    away = np.linalg.norm(np.asarray(predicted, np.float64) - true, axis=-1)
    counted = annotated & (np.asarray(normaliser) > 0)[:, None]
    return np.where(counted, away / np.maximum(np.asarray(normaliser, np.float64), 1e-9)[:, None], np.nan)


def rates(normalised: np.ndarray, threshold: float) -> dict[str, float | None]:
    """Percent of joints within the threshold.

    Args:
        normalised: [N, 16] from `distances`.
        threshold: in units of the normaliser; a joint exactly at it counts.

    Returns:
        A dict: every column of `skeleton.COLUMNS`, `mean_14` (unweighted over the 14 joints that are neither pelvis
        nor thorax), `pooled_14` and `pooled_16` (over all their annotated joints). None where nothing is annotated.
    """
    return _rates((normalised <= threshold).sum(axis=0), (~np.isnan(normalised)).sum(axis=0))


def _rates(right, count):
    """The table of `rates` from how many of each of the 16 joints are right, of how many."""
    each = _each(right, count)

    def pooled(joints):
        joints = list(joints)
        return float(100.0 * right[joints].sum() / count[joints].sum()) if count[joints].sum() else None

    table = {name: _finite_mean(each[list(joints)]) for name, joints in COLUMNS.items()}
    fourteen = list(JOINTS_14)
    return {
        **table,
        "mean_14": _finite_mean(each[fourteen]),
        "pooled_14": pooled(fourteen),
        "pooled_16": pooled(range(NUM_JOINTS)),
    }


def _each(right, count):
    """Percent right of each joint; NaN where there is none."""
    with np.errstate(invalid="ignore"):
        return 100.0 * right / count


def _finite_mean(values):
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def curve(normalised: np.ndarray, most: float) -> dict[str, list]:
    """`rates` at `CURVE_POINTS` thresholds from 0 to `most`.

    Returns:
        A dict of lists: `thresholds`, in units of the normaliser, and the percents of each key of `rates`.
    """
    thresholds = np.linspace(0.0, most, CURVE_POINTS)
    tables = [rates(normalised, threshold) for threshold in thresholds]
    return {"thresholds": thresholds.tolist(), **{name: [table[name] for table in tables] for name in tables[0]}}


def area(thresholds: Sequence[float], percents: Sequence[float | None]) -> float | None:
    """The area under a curve over its range: its mean height, percent; None where it has no heights."""
    if percents[0] is None:
        return None
    heights, width = np.asarray(percents), thresholds[-1] - thresholds[0]
    return float(((heights[1:] + heights[:-1]) / 2 * np.diff(thresholds)).sum() / width)


def errors(normalised: np.ndarray) -> dict[str, float | None]:
    """`mean` and `median` distance over the annotated ones of the 14 joints; None where there is none."""
    counted = normalised[:, list(JOINTS_14)]
    counted = counted[~np.isnan(counted)]
    if not counted.size:
        return {"mean": None, "median": None}
    return {"mean": float(counted.mean()), "median": float(np.median(counted))}


def by_visibility(
    normalised: np.ndarray, visible: np.ndarray | None, threshold: float, occlusion_known: np.ndarray | None = None
) -> dict[str, dict[str, float | None]]:
    """Percent of wrists and elbows within the threshold, left and right pooled (the paper's Table 3).

    Args:
        normalised: [N, 16] from `distances`.
        visible: [N, 16] bool, or None where it is not known.
        threshold: in units of the normaliser.
        occlusion_known: [N] bool, the people who count; None for all.

    Returns:
        `{"visible": {"wrist", "elbow"}, "occluded": {"wrist", "elbow"}}`; None where there is none or it is not known.
    """
    table = {}
    for name, wanted in (("visible", True), ("occluded", False)):
        chosen = np.zeros(normalised.shape, bool) if visible is None else visible == wanted
        if occlusion_known is not None:
            chosen = chosen & occlusion_known[:, None]
        split = np.where(chosen, normalised, np.nan)
        table[name] = {joint: _percent(split[:, list(COLUMNS[joint])], threshold) for joint in ("wrist", "elbow")}
    return table


def score(
    normalised: np.ndarray, visible: np.ndarray | None, metric: str = "pckh", occlusion_known: np.ndarray | None = None
) -> dict[str, Any]:
    """Everything that can be said of distances alone.

    Args:
        normalised: [N, 16] from `distances`.
        visible: [N, 16] bool, or None where it is not known.
        metric: a key of `THRESHOLDS`.
        occlusion_known: [N] bool, whose `visible` counts; None for everybody's.

    Returns:
        A dict that goes into JSON: `<metric>@<threshold>` with the keys of `TITLES`, what `by_visibility` gives,
        `curve` and `people`.
    """
    threshold = THRESHOLDS[metric]
    points = curve(normalised, threshold)
    table = {**rates(normalised, threshold), "auc": area(points["thresholds"], points["mean_14"])}
    return {
        f"{metric}@{threshold}": table,
        **by_visibility(normalised, visible, threshold, occlusion_known),
        "curve": points,
        "people": len(normalised),
    }


def _percent(normalised, threshold):
    count = (~np.isnan(normalised)).sum()
    return float(100.0 * (normalised <= threshold).sum() / count) if count else None


class PCKh(keras.metrics.Metric):
    """PCKh@0.5 over all batches, as a share.

    Args:
        threshold: in units of the normaliser; a joint exactly at it counts.
        mean: `mean_14`, `pooled_14` or `pooled_16`, as `rates` has them.
        name: of the metric.
    """

    def __init__(self, threshold: float = THRESHOLDS["pckh"], mean: str = "mean_14", name: str = "pckh") -> None:
        super().__init__(name=name)
        self.threshold, self.mean = threshold, mean
        self.right = self.add_weight(name="right", shape=(NUM_JOINTS,), initializer="zeros")
        self.count = self.add_weight(name="count", shape=(NUM_JOINTS,), initializer="zeros")

    def update_state(
        self, joints: tf.Tensor, true_joints: tf.Tensor, head_size: tf.Tensor, annotated: tf.Tensor
    ) -> None:
        """Adds a batch: [B, 16, 2] joints in one frame, [B] head sizes in its pixels, [B, 16] bool."""
        counted = tf.cast(annotated & (head_size > 0)[:, None], tf.float32)
        near = tf.norm(joints - true_joints, axis=-1) <= self.threshold * head_size[:, None]
        self.right.assign_add(tf.reduce_sum(counted * tf.cast(near, tf.float32), axis=0))
        self.count.assign_add(tf.reduce_sum(counted, axis=0))

    def reset_state(self) -> None:
        """Forgets all batches."""
        keras_compat.clear((self.right, self.count))

    def result(self) -> tf.Tensor:
        """A scalar within 0 and 1; 0 where nothing was annotated."""
        joints = range(NUM_JOINTS) if self.mean == "pooled_16" else JOINTS_14
        right, count = (tf.gather(tf.convert_to_tensor(v), list(joints)) for v in (self.right, self.count))
        if self.mean != "mean_14":
            return tf.math.divide_no_nan(tf.reduce_sum(right), tf.reduce_sum(count))
        seen = tf.reduce_sum(tf.cast(count > 0, tf.float32))
        return tf.reduce_sum(tf.math.divide_no_nan(right, count)) / tf.maximum(seen, 1.0)

    def table(self) -> dict[str, float | None]:
        """What the function `rates` gives for all batches so far; outside of graphs."""
        return _rates(*self._counted())

    def by_joint(self) -> dict[str, float | None]:
        """Percent within the threshold by joint of `skeleton.JOINTS`; None where it was annotated nowhere."""
        each = _each(*self._counted())
        return {name: float(rate) if np.isfinite(rate) else None for name, rate in zip(JOINTS, each, strict=True)}

    def _counted(self):
        return tuple(np.asarray(tf.convert_to_tensor(v), np.float64) for v in (self.right, self.count))


class PCK(PCKh):
    """PCK@0.2 over all batches, as a share; LSP's tables pool the 14 joints."""

    def __init__(self, threshold: float = THRESHOLDS["pck"], mean: str = "pooled_14", name: str = "pck") -> None:
        super().__init__(threshold, mean, name)

    def update_state(  # type: ignore[override]
        self, joints: tf.Tensor, true_joints: tf.Tensor, annotated: tf.Tensor
    ) -> None:
        """Adds a batch: [B, 16, 2] joints in one frame and [B, 16] bool."""
        shoulder, hip = TORSO
        size = tf.norm(true_joints[:, shoulder] - true_joints[:, hip], axis=-1)
        known = tf.cast(annotated[:, shoulder] & annotated[:, hip], tf.float32)
        super().update_state(joints, true_joints, size * known, annotated)
