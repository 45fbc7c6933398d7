"""PCKh and PCK over batches, as Keras metrics: sums and counts are accumulated, never means of batch means."""

import keras
import numpy as np
import tensorflow as tf

from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn import keras_compat
from keras_apn.metrics import normalisers
from keras_apn.metrics.pck import THRESHOLDS, percents, rates_of


class PCKh(keras.metrics.Metric):
    """PCKh@0.5 over all batches, as a share.

    Args:
        threshold: in head sizes, or what counts as such by `Skeleton.tolerances`; a joint exactly at it counts.
        mean: `Skeleton.mean`, which it is by default, `Skeleton.pooled` or, over all joints, `pooled_16`.
        name: of the metric.
        skeleton: whose joints they are.
    """

    def __init__(
        self,
        threshold: float = THRESHOLDS["pckh"],
        mean: str | None = None,
        name: str = "pckh",
        skeleton: Skeleton = MPII16,
    ) -> None:
        super().__init__(name=name)
        self.threshold, self.mean, self.skeleton = threshold, mean or skeleton.mean, skeleton
        self.tolerances: np.ndarray | float = skeleton.tolerances
        self.right = self.add_weight(name="right", shape=(len(skeleton),), initializer="zeros")
        self.count = self.add_weight(name="count", shape=(len(skeleton),), initializer="zeros")

    def update_state(
        self, joints: tf.Tensor, true_joints: tf.Tensor, head_size: tf.Tensor, annotated: tf.Tensor
    ) -> None:
        """Adds a batch: [B, J, 2] joints in one frame, [B] head sizes in its pixels, [B, J] bool."""
        counted = tf.cast(annotated & (head_size > 0)[:, None], tf.float32)
        unit = head_size[:, None] * self.tolerances
        near = tf.norm(joints - true_joints, axis=-1) <= self.threshold * unit
        self.right.assign_add(tf.reduce_sum(counted * tf.cast(near, tf.float32), axis=0))
        self.count.assign_add(tf.reduce_sum(counted, axis=0))

    def reset_state(self) -> None:
        """Forgets all batches."""
        keras_compat.clear((self.right, self.count))

    def result(self) -> tf.Tensor:
        """A scalar within 0 and 1; 0 where nothing was annotated."""
        counted = self.mean in (self.skeleton.mean, self.skeleton.pooled)
        joints = self.skeleton.counted if counted else range(len(self.skeleton))
        right, count = (tf.gather(tf.convert_to_tensor(v), list(joints)) for v in (self.right, self.count))
        if self.mean != self.skeleton.mean:
            return tf.math.divide_no_nan(tf.reduce_sum(right), tf.reduce_sum(count))
        seen = tf.reduce_sum(tf.cast(count > 0, tf.float32))
        return tf.reduce_sum(tf.math.divide_no_nan(right, count)) / tf.maximum(seen, 1.0)

    def table(self) -> dict[str, float | None]:
        """What the function `rates` gives for all batches so far; outside of graphs."""
        right, count = self._counted()
        return rates_of(right, count, self.skeleton)

    def by_joint(self) -> dict[str, float | None]:
        """Percent within the threshold by joint; None where it was annotated nowhere."""
        each = zip(self.skeleton.joints, percents(*self._counted()), strict=True)
        return {name: float(rate) if np.isfinite(rate) else None for name, rate in each}

    def _counted(self):
        return tuple(np.asarray(tf.convert_to_tensor(v), np.float64) for v in (self.right, self.count))


class PCK(PCKh):
    """PCK@0.2 over all batches, as a share; LSP's tables pool the 14 joints."""

    def __init__(
        self,
        threshold: float = THRESHOLDS["pck"],
        mean: str | None = None,
        name: str = "pck",
        skeleton: Skeleton = MPII16,
    ) -> None:
        super().__init__(threshold, mean or skeleton.pooled, name, skeleton)
        self.tolerances, self.ends = 1.0, normalisers.pair(skeleton)

    def update_state(  # type: ignore[override]
        self, joints: tf.Tensor, true_joints: tf.Tensor, annotated: tf.Tensor
    ) -> None:
        """Adds a batch: [B, J, 2] joints in one frame and [B, J] bool."""
        shoulder, hip = self.ends
        size = tf.norm(true_joints[:, shoulder] - true_joints[:, hip], axis=-1)
        known = tf.cast(annotated[:, shoulder] & annotated[:, hip], tf.float32)
        super().update_state(joints, true_joints, size * known, annotated)
