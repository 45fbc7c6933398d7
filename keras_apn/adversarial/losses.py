"""The loss of G's heatmaps (Eq. 1) and of the discriminators' labels (Eq. 2 to 4). Unannotated joints weigh nothing."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from keras_apn.adversarial.batch import Joints
from keras_apn.config import TrainingConfig

REDUCTIONS = ("mean", "sum")
TINY = 1e-12


def heatmap_loss(
    predicted: tf.Tensor,
    true: tf.Tensor,
    annotated: tf.Tensor,
    *,
    stacks: int,
    reduction: str = "mean",
    weights: tf.Tensor | None = None,
    count: tf.Tensor | None = None,
) -> tf.Tensor:
    """One term of Eq. 1: one task's heatmaps of one stack.

    Args:
        predicted, true: [B, H, W, J] float32.
        annotated: [B, J] bool.
        stacks: N of Eq. 1, used by the printed sum.
        reduction: "mean" over the elements of annotated joints' maps, as Torch7's criterion computes it; "sum" as
            printed, 1 / (2 M N) of the sum (BUILD_NOTES 2).
        weights: [B, H, W, J] of the pixels, or None for 1.
        count: as of `masked_mean`.

    Returns:
        A scalar.

    Raises:
        ValueError: no such reduction.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"`reduction` must be one of {REDUCTIONS}. Received: {reduction}")
    mask = tf.cast(annotated, tf.float32)
    error = tf.square(predicted - true)
    if weights is not None:
        error *= weights
    total = tf.reduce_sum(tf.reduce_sum(error, axis=(1, 2)) * mask)
    if reduction == "sum":
        return total / (2.0 * stacks * tf.cast(tf.shape(predicted)[0], tf.float32))
    pixels = predicted.shape[1] * predicted.shape[2]
    return total / (pixels * _divisor(mask, count))


def generator_loss(
    stacks: Sequence[dict[str, tf.Tensor]],
    truth: dict[str, tf.Tensor],
    joints: dict[str, Joints],
    training: TrainingConfig,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Eq. 1: the loss of all stacks' heatmaps.

    Args:
        stacks: of each stack a dict of predicted heatmaps by task, [B, H, W, J].
        truth: the true ones.
        joints: by task a `batch.Joints`.
        training: a `config.TrainingConfig`, of which it takes `reduction` and `foreground_weight`.

    Returns:
        `(loss, logs)`: a scalar; it and each task's part of it by name.
    """
    # Both tasks by the pose's foreground: weighed by its own target, the occlusion map would learn to cry wolf.
    weights = 1.0 + training.foreground_weight * truth["pose"] if training.foreground_weight else None
    parts = dict.fromkeys(stacks[0], 0.0)
    for maps in stacks:
        for task, predicted in maps.items():
            mask, divisor = joints[task]
            how: dict[str, Any] = {
                "stacks": len(stacks),
                "reduction": training.reduction,
                "weights": weights,
                "count": divisor,
            }
            parts[task] += heatmap_loss(predicted, truth[task], mask, **how)
    total = sum(parts.values())
    return total, {"loss": total, **{f"loss_{task}": part for task, part in parts.items()}}


def label_loss(logits: tf.Tensor, labels: tf.Tensor, annotated: tf.Tensor, count: tf.Tensor | None = None) -> tf.Tensor:
    """Binary cross-entropy of a discriminator's logits, the mean over annotated joints (Eq. 2 and 3, BUILD_NOTES 3).

    Args:
        logits, labels: [B, J] float32, labels 0 or 1; no gradient flows into the labels.
        annotated: [B, J] bool.
        count: as of `masked_mean`.

    Returns:
        A scalar.
    """
    # -log of the label's probability. Not `tf.nn.sigmoid_cross_entropy_with_logits`: its gradient is a sum of three,
    # which TensorFlow adds up in the order of their coming (BUILD_NOTES 35).
    entropy = tf.nn.softplus((1.0 - 2.0 * tf.stop_gradient(labels)) * logits)
    return masked_mean(entropy, annotated, count)


def masked_mean(values: tf.Tensor, annotated: tf.Tensor, count: tf.Tensor | None = None) -> tf.Tensor:
    """The mean of values over annotated joints; 0 where there is none.

    Args:
        values: [B, J] float32.
        annotated: [B, J] bool.
        count: what the sum is divided by, where the values are of one of several parts of a batch: how many joints a
            part has annotated, in the mean over all parts. The mean of the parts' results is then that of the batch.

    Returns:
        A scalar.
    """
    mask = tf.cast(annotated, tf.float32)
    return tf.reduce_sum(values * mask) / _divisor(mask, count)


def _divisor(mask, count):
    """What sums over a mask are divided by, never 0."""
    return tf.maximum(tf.reduce_sum(mask) if count is None else count, TINY)


def accuracy(logits: tf.Tensor, labels: tf.Tensor, annotated: tf.Tensor, count: tf.Tensor | None = None) -> tf.Tensor:
    """Share of annotated joints on whose label ([B, J], 0 or 1) a discriminator's logits come down.

    `count` is as of `masked_mean`.
    """
    right = tf.cast((logits > 0.0) == (labels > 0.5), tf.float32)
    return masked_mean(right, annotated, count)
