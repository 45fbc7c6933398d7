"""One projective resampling for a whole batch, on whatever device the batch is on.

TensorFlow Addons' `tfa.image.transform` where it is installed (TensorFlow 2.15), else the operator that it wraps.
"""

import warnings

import tensorflow as tf

try:
    with warnings.catch_warnings():
        # Addons says at each import that it is in its last release; BUILD_NOTES.md says what replaces it.
        warnings.simplefilter("ignore")
        from tensorflow_addons.image import transform as addons_transform
except ImportError:
    addons_transform = None


def _raw_transform(images, transforms, output_shape):
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=output_shape,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
        fill_value=0.0,
    )


def _addons_transform(images, transforms, output_shape):
    return addons_transform(images, transforms, interpolation="bilinear", output_shape=output_shape)


def warp(images: tf.Tensor, matrix: tf.Tensor, size: int) -> tf.Tensor:
    """Resamples images bilinearly; what lies outside the source is black.

    Args:
        images: [B, H, W, C] float32.
        matrix: [B, 2, 3] float32, the map from target pixels to source pixels (x, y).
        size: side of the square result in pixels.

    Returns:
        [B, size, size, C] float32.
    """
    transforms = tf.pad(tf.reshape(matrix, [-1, 6]), [[0, 0], [0, 2]])
    transform = _addons_transform if addons_transform is not None else _raw_transform
    warped = transform(images, transforms, tf.constant([size, size]))
    return tf.ensure_shape(warped, [None, size, size, images.shape[-1]])
