"""From patches to crops on the device: flip, rotation and scale in one resampling, colour, joints moved along.

Validation takes the same path with `identity`, so training and evaluation see pixels made by the same code.
"""

import dataclasses
import math

import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.augmentation.warp import warp
from data_pipeline.skeleton import MPII16, Skeleton


@dataclasses.dataclass(frozen=True)
class Ranges:
    """How far each augmentation goes (Section 3; the hourglass paper).

    Attributes:
        rotation: degrees to either side.
        scale: the crop's side is multiplied by 1 - scale to 1 + scale.
        flip: probability of a mirrored crop.
        color: each colour channel is multiplied by 1 - color to 1 + color.
    """

    rotation: float = 30.0
    scale: float = 0.25
    flip: float = 0.5
    color: float = 0.4


def sample(batch_size: int | tf.Tensor, seed: tf.Tensor, ranges: Ranges) -> dict[str, tf.Tensor]:
    """Draws one augmentation a person.

    Args:
        batch_size: scalar.
        seed: int32 or int64 tensor [2]; the same seed gives the same augmentations.
        ranges: a `Ranges`.

    Returns:
        A dict of [B] tensors `angle` (radians), `scale`, `flip` (bool), and `gain` [B, 3].
    """
    uniform = tf.random.stateless_uniform([batch_size, 6], seed)
    centred = 2.0 * uniform - 1.0
    return {
        "angle": centred[:, 0] * math.radians(ranges.rotation),
        "scale": 1.0 + centred[:, 1] * ranges.scale,
        "flip": uniform[:, 2] < ranges.flip,
        "gain": 1.0 + centred[:, 3:] * ranges.color,
    }


def identity(batch_size: int | tf.Tensor) -> dict[str, tf.Tensor]:
    """What `sample` returns, with nothing changed."""
    return {
        "angle": tf.zeros([batch_size]),
        "scale": tf.ones([batch_size]),
        "flip": tf.zeros([batch_size], tf.bool),
        "gain": tf.ones([batch_size, 3]),
    }


def crop_to_patch(chosen: dict[str, tf.Tensor], crop_size: int, patch_size: int) -> tf.Tensor:
    """The map from crop to patch pixels of each person, [B, 2, 3] float32.

    A crop of scale 1 covers `1 / geometry.PATCH_RATIO` of the patch's side around the common centre.
    """
    unit = chosen["scale"] * (patch_size / (geometry.PATCH_RATIO * crop_size))
    mirror = tf.where(chosen["flip"], -1.0, 1.0)
    cos, sin = tf.cos(chosen["angle"]) * unit, tf.sin(chosen["angle"]) * unit
    linear = tf.stack([tf.stack([cos * mirror, -sin], -1), tf.stack([sin * mirror, cos], -1)], -2)
    centre_crop, centre_patch = (crop_size - 1) / 2, (patch_size - 1) / 2
    shift = centre_patch - tf.reduce_sum(linear, -1) * centre_crop
    return tf.concat([linear, shift[..., None]], -1)


def move_joints(matrix: tf.Tensor, joints_patch: tf.Tensor) -> tf.Tensor:
    """Patch pixels to crop pixels by the inverse of `crop_to_patch`'s maps; [B, J, 2] float32."""
    away = joints_patch - matrix[:, None, :, 2]
    return tf.linalg.matmul(away, tf.linalg.inv(matrix[..., :2]), transpose_b=True)


def mirror_joints(values: tf.Tensor, flip: tf.Tensor, skeleton: Skeleton = MPII16) -> tf.Tensor:
    """Swaps left and right along axis 1 of [B, J, ...] where `flip` [B] is set."""
    flip = tf.reshape(flip, [-1] + [1] * (len(values.shape) - 1))
    return tf.where(flip, tf.gather(values, skeleton.mirror, axis=1), values)


def make_crops(
    batch: dict[str, tf.Tensor], chosen: dict[str, tf.Tensor], crop_size: int, skeleton: Skeleton = MPII16
) -> dict[str, tf.Tensor]:
    """Cuts the crops out of the patches and moves the joints with them.

    Args:
        batch: `patch` [B, P, P, 3] uint8, `joints_patch` [B, J, 2], `annotated`, `visible` [B, J] bool,
            `head_size_patch` [B], as `dataset.load` gives them, and `occlusion_known` [B] bool, everybody's if missing.
        chosen: from `sample` or `identity`.
        crop_size: side of the crops in pixels.
        skeleton: whose J joints they are.

    Returns:
        A dict: `crop` [B, C, C, 3] float32 within 0 and 1, `joints_heatmap` [B, J, 2] heatmap pixels, `annotated`,
        `visible` [B, J] bool, `occlusion_known` [B] bool, `head_size_heatmap` [B] heatmap pixels, and `crop_to_patch`
        [B, 2, 3].
    """
    patch_size = batch["patch"].shape[1]
    matrix = crop_to_patch(chosen, crop_size, patch_size)
    crop = warp(tf.cast(batch["patch"], tf.float32), matrix, crop_size) * (chosen["gain"][:, None, None] / 255.0)
    joints_crop = move_joints(matrix, batch["joints_patch"])
    pixel_patch = chosen["scale"] * (geometry.STRIDE * patch_size / (geometry.PATCH_RATIO * crop_size))
    occlusion_known = batch.get("occlusion_known")
    if occlusion_known is None:
        occlusion_known = tf.ones_like(batch["head_size_patch"], tf.bool)
    return {
        "crop": tf.clip_by_value(crop, 0.0, 1.0),
        "joints_heatmap": mirror_joints(geometry.crop_to_heatmap(joints_crop), chosen["flip"], skeleton),
        "annotated": mirror_joints(batch["annotated"], chosen["flip"], skeleton),
        "visible": mirror_joints(batch["visible"], chosen["flip"], skeleton),
        "occlusion_known": tf.convert_to_tensor(occlusion_known),
        "head_size_heatmap": batch["head_size_patch"] / pixel_patch,
        "crop_to_patch": matrix,
    }
