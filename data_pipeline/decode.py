"""From heatmaps to joints: arg-max, then a quarter of a pixel toward the higher neighbour."""

import tensorflow as tf


def decode(pose: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds each map's peak.

    Args:
        pose: [B, H, W, J] float32 heatmaps.

    Returns:
        `(joints_heatmap, scores)`: [B, J, 2] float32 heatmap pixels, x then y, and the peaks' values [B, J].
    """
    height, width = pose.shape[1:3]
    flat = _flatten(pose)
    peak = tf.argmax(flat, axis=-1, output_type=tf.int32)
    x, y = peak % width, peak // width

    def at(x, y):
        return tf.gather(flat, (y * width + x)[..., None], batch_dims=2)[..., 0]

    joints = tf.stack([_refined(x, width, lambda v: at(v, y)), _refined(y, height, lambda v: at(x, v))], axis=-1)
    return joints, at(x, y)


def occlusion_probability(pose: tf.Tensor, occlusion: tf.Tensor) -> tf.Tensor:
    """How probably each joint is occluded, given that it is where the pose map peaks.

    The pose map regresses "the joint is here", the occlusion map "it is here and occluded": their ratio at the peak
    estimates the conditional probability.

    Args:
        pose, occlusion: [B, H, W, J] float32 heatmaps.

    Returns:
        [B, J] float32 within 0 and 1.
    """
    peak = tf.argmax(_flatten(pose), axis=-1, output_type=tf.int32)[..., None]
    here, hidden = (tf.gather(_flatten(m), peak, batch_dims=2)[..., 0] for m in (pose, occlusion))
    return tf.clip_by_value(hidden / tf.maximum(here, 1e-3), 0.0, 1.0)


def _flatten(maps):
    """[B, H, W, J] to [B, J, H * W]."""
    height, width, joints = maps.shape[1:]
    return tf.reshape(tf.transpose(maps, [0, 3, 1, 2]), [-1, joints, height * width])


def _refined(index, size, value_at):
    """Moves an index a quarter toward its higher neighbour; at the border, where one is missing, it stays."""
    higher, lower = value_at(tf.minimum(index + 1, size - 1)), value_at(tf.maximum(index - 1, 0))
    within = tf.cast((index > 0) & (index < size - 1), tf.float32)
    return tf.cast(index, tf.float32) + 0.25 * within * tf.sign(higher - lower)
