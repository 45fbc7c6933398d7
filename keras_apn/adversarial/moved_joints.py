"""True poses with some joints moved: the mistakes that P must know from bodies whatever G does (BUILD_NOTES 46)."""

import tensorflow as tf

from data_pipeline.skeleton import MPII16, Skeleton

# Of the joints, each by itself: put on its mirror image, displaced, put where another person has it.
SWAPPED, DISPLACED, ANOTHERS = 0.12, 0.12, 0.10
# Standard deviation of the displacement by axis, head sizes.
DISPLACEMENT = 1.5
# A joint that came to lie closer to its place, in head sizes, has not been moved: PCKh's threshold.
NEAR = 0.5


def move(
    joints_heatmap: tf.Tensor,
    head_size_heatmap: tf.Tensor,
    annotated: tf.Tensor,
    seed: tf.Tensor,
    skeleton: Skeleton = MPII16,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves about a third of the joints as networks misplace them.

    Args:
        joints_heatmap: [B, J, 2] true places, heatmap pixels.
        head_size_heatmap: [B] heatmap pixels.
        annotated: [B, J] bool; a joint never goes to the place of one that is not annotated.
        seed: int tensor [2]; the same seed moves the same.
        skeleton: whose J joints they are; its tolerances make its unit of size count as head sizes.

    Returns:
        `(joints_heatmap, moved)`: [B, J, 2], and [B, J] bool, whether a joint is `NEAR` its place no more.
    """
    shape, unit = tf.shape(annotated), head_size_heatmap[:, None] * skeleton.tolerances
    seed, other = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    draw = tf.random.stateless_uniform(shape, seed)
    displaced = tf.random.stateless_normal(tf.concat([shape, [2]], 0), other) * DISPLACEMENT
    places = (
        (SWAPPED, tf.gather(joints_heatmap, skeleton.mirror, axis=1), tf.gather(annotated, skeleton.mirror, axis=1)),
        (DISPLACED, joints_heatmap + displaced * unit[..., None], annotated),
        (ANOTHERS, tf.roll(joints_heatmap, 1, 0), tf.roll(annotated, 1, 0)),
    )
    joints, begin = joints_heatmap, 0.0
    for share, place, known in places:
        chosen = (draw >= begin) & (draw < begin + share) & known & annotated
        joints, begin = tf.where(chosen[..., None], place, joints), begin + share
    away = tf.norm(joints - joints_heatmap, axis=-1)
    return joints, away >= NEAR * unit


def of_every_second(
    joints_heatmap: tf.Tensor,
    head_size_heatmap: tf.Tensor,
    annotated: tf.Tensor,
    seed: tf.Tensor,
    skeleton: Skeleton = MPII16,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Moves joints of every second person, of the others where the second number of the seed is one more or less.

    Who is left is real to P, so that its step on the truth costs one forward of all people (BUILD_NOTES 46).

    Args:
        joints_heatmap, head_size_heatmap, annotated, seed, skeleton: as for `move`.

    Returns:
        `(joints_heatmap, moved, scrambled)`: what `move` returns, and [B] bool, whose joints were moved.
    """
    joints, moved = move(joints_heatmap, head_size_heatmap, annotated, seed, skeleton)
    scrambled = (tf.range(tf.shape(moved)[0], dtype=seed.dtype) + seed[1]) % 2 == 0
    joints = tf.where(scrambled[:, None, None], joints, joints_heatmap)
    return joints, moved & scrambled[:, None], scrambled
