"""Crops around boxes, cut out of photographs in a graph, and back to the photographs' pixels."""

import tensorflow as tf

from keras_apn.inference.arrays import BOX_MARGIN

ONE_SCALE = (1.0,)


def square_of_box(box: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The square that a box's crop shows.

    Args:
        box: [4] float32, x, y, width and height in pixels from the image's corner; zeros mean the whole image.
        height, width: of the image, scalars.

    Returns:
        `(center_image [2], side_image)` float32: pixel centres at integers, as everywhere.
    """
    size = tf.cast(tf.stack([width, height]), tf.float32)
    whole = tf.reduce_all(box == 0.0)
    center = tf.where(whole, size / 2.0, box[:2] + box[2:] / 2.0) - 0.5
    side = tf.where(whole, tf.reduce_max(size), BOX_MARGIN * tf.reduce_max(box[2:]))
    return center, side


def crop_image(image: tf.Tensor, center_image: tf.Tensor, side_image: tf.Tensor, crop_size: int) -> tf.Tensor:
    """Cuts one square out of an image, smoothing where it gets smaller; black outside.

    Args:
        image: [H, W, 3] uint8.
        center_image, side_image: from `square_of_box`.
        crop_size: side of the crop in pixels.

    Returns:
        [crop_size, crop_size, 3] float32 within 0 and 1.
    """
    scale = crop_size / side_image
    corner = center_image + 0.5 - side_image / 2.0
    # What the square shows and the smoothing reaches: the cost of a small box is not that of a large photograph.
    size = tf.reverse(tf.cast(tf.shape(image)[:2], tf.float32), [0])
    reach = 1.0 / scale + 2.0
    first = tf.clip_by_value(tf.floor(corner - reach), 0.0, size - 1.0)
    last = tf.clip_by_value(tf.math.ceil(corner + side_image + reach), first + 1.0, size)
    (left, top), (right, bottom) = tf.unstack(tf.cast(first, tf.int32)), tf.unstack(tf.cast(last, tf.int32))
    corner -= first
    crop = tf.raw_ops.ScaleAndTranslate(
        images=image[None, top:bottom, left:right],
        size=tf.constant([crop_size, crop_size]),
        scale=tf.stack([scale, scale]),
        translation=tf.reverse(-corner * scale, [0]),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.clip_by_value(tf.ensure_shape(crop, [1, crop_size, crop_size, 3])[0] / 255.0, 0.0, 1.0)


def crop_person(
    image: tf.Tensor, box: tf.Tensor, crop_size: int, scales: tuple[float, ...] = ONE_SCALE
) -> tuple[list[tf.Tensor], tf.Tensor, tf.Tensor]:
    """Cuts the square around a box out of an image.

    Args:
        image: [H, W, 3] uint8.
        box: [4] float32, as for `square_of_box`.
        crop_size: side of the crop in pixels.
        scales: of the views, as `test_time_augmentation` has them.

    Returns:
        `(views, center_image, side_image)`: a crop a scale, as `crop_image` gives it, and what `square_of_box` gives.
    """
    shape = tf.shape(image)
    center, side = square_of_box(box, shape[0], shape[1])
    return [crop_image(image, center, side * scale, crop_size) for scale in scales], center, side


def joints_to_image(
    joints_crop: tf.Tensor, center_image: tf.Tensor, side_image: tf.Tensor, crop_size: int
) -> tf.Tensor:
    """Crop pixels to image pixels; [B, J, 2], [B, 2], [B] -> [B, J, 2]."""
    away = (joints_crop - (crop_size - 1) / 2) * (side_image / crop_size)[:, None, None]
    return center_image[:, None] + away
