"""Heatmaps averaged over views of one person: the mirrored crop (flip test) and crops of several scales.

A view of scale s covers s times the side of the plain crop, around the same centre, in as many pixels.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from data_pipeline.augmentation.warp import warp
from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import MPII16, Skeleton

# Half the crop, where the network sees too little of the body, and the side of a record's patch.
LEAST_SCALE, MOST_SCALE = 0.5, 1.75
ONE_SCALE = (1.0,)


def require_scales(words: Sequence[str | float]) -> tuple[float, ...]:
    """Scales as a tuple of floats.

    Args:
        words: strings or numbers.

    Raises:
        UserError: there is none, or one is no number or not within `LEAST_SCALE` and `MOST_SCALE`.
    """
    rule = f"--scales must be numbers within {LEAST_SCALE} and {MOST_SCALE}, as in 0.85,1,1.15"
    try:
        scales = tuple(float(word) for word in words)
    except ValueError as error:
        raise UserError(f"{rule}. Received: {','.join(map(str, words))}") from error
    if not scales or not all(LEAST_SCALE <= scale <= MOST_SCALE for scale in scales):
        raise UserError(f"{rule}. Received: {','.join(map(str, words))}")
    return scales


def average(
    predict: Callable[[tf.Tensor], dict[str, tf.Tensor]],
    views: tf.Tensor | Sequence[tf.Tensor],
    flip: bool = False,
    scales: tuple[float, ...] = ONE_SCALE,
    skeleton: Skeleton = MPII16,
) -> dict[str, tf.Tensor]:
    """Predicts every view and averages what they say of each pixel of the plain crop's heatmaps.

    Args:
        predict: crops [B, S, S, 3] to a dict of heatmaps [B, H, H, J].
        views: the crops; with several scales a list of them, one a scale.
        flip: add each view's mirror image, at twice the cost.
        scales: of the views.
        skeleton: whose J joints the heatmaps are of.

    Returns:
        A dict of the same heatmaps. A pixel that a narrow view does not show is averaged over the others.

    Raises:
        ValueError: there are not as many views as scales.
    """
    views = [views] if tf.is_tensor(views) or hasattr(views, "shape") else list(views)
    if len(views) != len(scales):
        raise ValueError(f"`views` must hold a batch of crops for each of {len(scales)} scales. Received: {len(views)}")
    maps = [with_mirrored(predict, crops, skeleton) if flip else predict(crops) for crops in views]
    if tuple(scales) == ONE_SCALE:
        return maps[0]
    return {task: _mean([found[task] for found in maps], scales) for task in maps[0]}


def with_mirrored(
    predict: Callable[[tf.Tensor], dict[str, tf.Tensor]], crops: tf.Tensor, skeleton: Skeleton = MPII16
) -> dict[str, tf.Tensor]:
    """The flip test: the mean of the heatmaps and the mirrored heatmaps of the mirrored crops."""
    maps, mirrored = predict(crops), predict(tf.reverse(crops, [2]))
    mirror = list(skeleton.mirror)
    return {task: (maps[task] + tf.gather(tf.reverse(mirrored[task], [2]), mirror, axis=-1)) / 2 for task in maps}


def _mean(maps, scales):
    """The mean of [B, H, H, J] heatmaps of several scales in the plain crop's pixels."""
    shown = [tf.ones_like(found[..., :1]) for found in maps]
    total, count = (
        sum(_to_plain(values, scale) for values, scale in zip(views, scales, strict=True)) for views in (maps, shown)
    )
    return tf.math.divide_no_nan(total, count)


def _to_plain(values, scale):
    """Resamples [B, H, H, C] of a view to the plain crop's pixels; zeros where the view does not reach."""
    if scale == 1.0:
        return values
    size = values.shape[1]
    shift = (size - 1) / 2 * (1 - 1 / scale)
    matrix = tf.constant([[[1 / scale, 0.0, shift], [0.0, 1 / scale, shift]]], tf.float32)
    return warp(values, tf.repeat(matrix, tf.shape(values)[0], axis=0), size)
