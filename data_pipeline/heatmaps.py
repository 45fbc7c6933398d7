"""Target heatmaps: a Gaussian of peak 1 at each joint, drawn for a whole batch on the device (Section 2.1)."""

import math

import tensorflow as tf


def target_norm(sigma: float) -> float:
    """The L2 norm of one whole target Gaussian: 1.77 at sigma 1, the unit of c_fake's threshold."""
    return math.sqrt(math.pi) * sigma


def inside(joints_heatmap: tf.Tensor, size: int) -> tf.Tensor:
    """Whether each joint lies on a heatmap of `size` pixels, edges included; [..., 2] -> [...] bool."""
    return tf.reduce_all((joints_heatmap >= -0.5) & (joints_heatmap < size - 0.5), axis=-1)


def draw(joints_heatmap: tf.Tensor, present: tf.Tensor, size: int, sigma: float) -> tf.Tensor:
    """Draws Gaussians of peak 1, centred between pixels where the joint is.

    Args:
        joints_heatmap: [B, J, 2] float32, heatmap pixels, x then y.
        present: [B, J] bool; the map of an absent joint, and of one outside the heatmap, is zeros.
        size: side of the square heatmaps.
        sigma: standard deviation in heatmap pixels.

    Returns:
        [B, size, size, J] float32 within 0 and 1.
    """
    present = tf.cast(present & inside(joints_heatmap, size), tf.float32)
    away = tf.range(size, dtype=tf.float32)[None, :, None, None] - joints_heatmap[:, None]
    profile = tf.exp(-0.5 * tf.square(away / sigma))  # [B, size, J, 2]
    return profile[:, None, :, :, 0] * (profile[..., 1] * present[:, None])[:, :, None]


def targets(
    joints_heatmap: tf.Tensor, annotated: tf.Tensor, visible: tf.Tensor, size: int, sigma: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """The truth that G learns: pose maps y and occlusion maps z (Section 2.1).

    Args:
        joints_heatmap: [B, J, 2] float32, heatmap pixels.
        annotated, visible: [B, J] bool.
        size, sigma: as for `draw`.

    Returns:
        `(pose, occlusion)`, each [B, size, size, J]: an occluded joint has the same Gaussian in both, a visible one in
        the first only, a joint that is not annotated or outside the heatmap in neither.
    """
    pose = draw(joints_heatmap, annotated, size, sigma)
    occluded = tf.cast(annotated & ~visible, tf.float32)
    return pose, pose * occluded[:, None, None]
