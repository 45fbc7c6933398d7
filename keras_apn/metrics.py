"""PCKh and PCK: pure functions on arrays, a table of them, and a thin Keras metric for training.

Distances are in units of the metric's normaliser: the head size for PCKh, |left shoulder - right hip| for PCK.
Sums and counts are accumulated, never means of batch means.
"""

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.skeleton import COLUMNS, INDEX, JOINTS_14, NUM_JOINTS
from keras_apn import lanes

# What each metric divides distances by, and where its published threshold lies.
THRESHOLDS = {"pckh": 0.5, "pck": 0.2}
CURVE_POINTS = 51


def torso_size(joints):
    """PCK's normaliser, |left shoulder - right hip|; [N, 16, 2] -> [N]."""
    return np.linalg.norm(joints[:, INDEX["left_shoulder"]] - joints[:, INDEX["right_hip"]], axis=-1)


def distances(predicted, true, normaliser, annotated):
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


def rates(normalised, threshold):
    """Percent of joints within the threshold.

    Args:
        normalised: [N, 16] from `distances`.
        threshold: in units of the normaliser; a joint exactly at it counts.

    Returns:
        A dict: every column of `skeleton.COLUMNS`, `mean_14` (unweighted over the 14 joints that are neither pelvis
        nor thorax), `pooled_14` and `pooled_16` (over all their annotated joints). None where nothing is annotated.
    """
    count = (~np.isnan(normalised)).sum(axis=0)
    right = (normalised <= threshold).sum(axis=0)
    with np.errstate(invalid="ignore"):
        each = 100.0 * right / count

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


def _finite_mean(values):
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else None


def curve(normalised, most):
    """`mean_14` at `CURVE_POINTS` thresholds from 0 to `most`: `(thresholds, percents)`."""
    thresholds = np.linspace(0.0, most, CURVE_POINTS)
    return thresholds, np.array([rates(normalised, t)["mean_14"] or 0.0 for t in thresholds])


def area(thresholds, percents):
    """The area under a curve over its range: its mean height, percent."""
    heights = (percents[1:] + percents[:-1]) / 2
    return float((heights * np.diff(thresholds)).sum() / (thresholds[-1] - thresholds[0]))


def score(normalised, visible, metric="pckh"):
    """Everything that a table shows of one set of predictions.

    Args:
        normalised: [N, 16] from `distances`.
        visible: [N, 16] bool.
        metric: a key of `THRESHOLDS`.

    Returns:
        A dict that goes into JSON: `<metric>@<threshold>` with the keys of `rates` and `auc`; `visible` and `occluded`
        with the percents of `wrist` and `elbow` (the paper's Table 3); `people`.
    """
    threshold = THRESHOLDS[metric]
    table = {**rates(normalised, threshold), "auc": area(*curve(normalised, threshold))}
    by_visibility = {}
    for name, chosen in (("visible", visible), ("occluded", ~visible)):
        part = normalised[:, list(COLUMNS["wrist"] + COLUMNS["elbow"])]
        part = np.where(chosen[:, list(COLUMNS["wrist"] + COLUMNS["elbow"])], part, np.nan)
        by_visibility[name] = {"wrist": _percent(part[:, :2], threshold), "elbow": _percent(part[:, 2:], threshold)}
    return {f"{metric}@{threshold}": table, **by_visibility, "people": len(normalised)}


def _percent(normalised, threshold):
    count = (~np.isnan(normalised)).sum()
    return float(100.0 * (normalised <= threshold).sum() / count) if count else None


class PCKh(keras.metrics.Metric):
    """PCKh@0.5 during training, as a share: unweighted mean over the 14 joints that are annotated anywhere."""

    def __init__(self, threshold=0.5, name="pckh"):
        super().__init__(name=name)
        self.threshold = threshold
        self.right = self.add_weight(name="right", shape=(NUM_JOINTS,), initializer="zeros")
        self.count = self.add_weight(name="count", shape=(NUM_JOINTS,), initializer="zeros")

    def update_state(self, joints, true_joints, head_size, annotated):
        """Adds a batch: [B, 16, 2] joints in one frame, [B] head sizes in its pixels, [B, 16] bool."""
        counted = tf.cast(annotated, tf.float32)
        near = tf.norm(joints - true_joints, axis=-1) <= self.threshold * head_size[:, None]
        self.right.assign_add(tf.reduce_sum(counted * tf.cast(near, tf.float32), axis=0))
        self.count.assign_add(tf.reduce_sum(counted, axis=0))

    def reset_state(self):
        """Forgets all batches."""
        lanes.clear((self.right, self.count))

    def result(self):
        """A scalar within 0 and 1."""
        right, count = (tf.gather(tf.convert_to_tensor(v), list(JOINTS_14)) for v in (self.right, self.count))
        seen = tf.reduce_sum(tf.cast(count > 0, tf.float32))
        return tf.reduce_sum(tf.math.divide_no_nan(right, count)) / tf.maximum(seen, 1.0)
