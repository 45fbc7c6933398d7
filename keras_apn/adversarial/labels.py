"""p_fake and c_fake: what the discriminators are told of each predicted joint (Section 2.4).

Both are decided per sample and joint, from predictions that no gradient flows back into.
"""

import math

import tensorflow as tf
from numpy.typing import ArrayLike

from data_pipeline.decode import decode
from data_pipeline.heatmaps import target_norm
from keras_apn.config import TrainingConfig

SCHEDULES = ("constant", "linear", "cosine")


def pose_labels(
    pose: tf.Tensor,
    joints_heatmap: tf.Tensor,
    head_size_heatmap: tf.Tensor,
    delta: float | tf.Tensor,
    tolerances: ArrayLike = 1.0,
) -> tf.Tensor:
    """p_fake: 1 where a joint is found within `delta` head sizes of its place, else 0.

    Args:
        pose: [B, H, W, J] predicted pose maps.
        joints_heatmap: [B, J, 2] true places, heatmap pixels.
        head_size_heatmap: [B] head size in heatmap pixels.
        delta: threshold in head sizes; 0.5 is PCKh@0.5.
        tolerances: [J], the skeleton's, which make other units of size count as head sizes.

    Returns:
        [B, J] float32.
    """
    found, _ = decode(tf.stop_gradient(pose))
    distance = tf.norm(found - joints_heatmap, axis=-1)
    return tf.cast(distance < delta * (head_size_heatmap[:, None] * tolerances), tf.float32)


def confidence_labels(pose: tf.Tensor, true_pose: tf.Tensor, sigma: float, epsilon: float | tf.Tensor) -> tf.Tensor:
    """c_fake: 1 where a joint's map is closer than `epsilon` to the true one, else 0.

    Args:
        pose, true_pose: [B, H, W, J] maps.
        sigma: of the true Gaussians, heatmap pixels.
        epsilon: threshold on the L2 norm of the difference, in norms of one whole target Gaussian, so that it does
            not depend on sigma (BUILD_NOTES 5).

    Returns:
        [B, J] float32.
    """
    error = tf.norm(tf.stop_gradient(pose) - true_pose, axis=(1, 2))
    return tf.cast(error < epsilon * target_norm(sigma), tf.float32)


def thresholds(training: TrainingConfig, progress: tf.Tensor) -> dict[str, tf.Tensor]:
    """`{"delta", "epsilon"}` of a `config.TrainingConfig`, on their way from wide to narrow."""
    return {
        "delta": threshold(training.threshold_schedule, training.delta_start, training.delta, progress),
        "epsilon": threshold(training.threshold_schedule, training.epsilon_start, training.epsilon, progress),
    }


def threshold(schedule: str, start: float, end: float, progress: tf.Tensor) -> tf.Tensor:
    """A threshold on its way from `start` to `end`.

    Args:
        schedule: one of `SCHEDULES`; "constant" stays at `end`.
        start, end: its first and last value.
        progress: share of the training done, a float tensor; clipped to 0 and 1.

    Returns:
        A scalar float32 tensor.

    Raises:
        ValueError: no such schedule.
    """
    progress = tf.clip_by_value(tf.cast(progress, tf.float32), 0.0, 1.0)
    if schedule == "constant":
        done = tf.ones([])
    elif schedule == "linear":
        done = progress
    elif schedule == "cosine":
        done = 0.5 - 0.5 * tf.cos(math.pi * progress)
    else:
        raise ValueError(f"`schedule` must be one of {SCHEDULES}. Received: {schedule}")
    return start + (end - start) * done


def ramp(progress: tf.Tensor, start: float, full: float) -> tf.Tensor:
    """A factor that is 0 until a share `start` of the training is done, and 1 from `full` on; linear between.

    Args:
        progress: share of the training done, a float tensor.
        start, full: shares, `start` at most `full`.

    Returns:
        A scalar float32 tensor.
    """
    if full <= start:
        return tf.cast(progress >= start, tf.float32)
    return tf.clip_by_value((tf.cast(progress, tf.float32) - start) / (full - start), 0.0, 1.0)
