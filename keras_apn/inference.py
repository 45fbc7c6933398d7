"""From photographs and boxes to joints: what `evaluate`, `predict` and every exporter share.

All of it is TensorFlow, so that an exported graph does what the programs do.
"""

import os

import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.errors import UserError
from data_pipeline.skeleton import MIRROR
from keras_apn import config as configuration
from keras_apn import networks
from keras_apn.callbacks import best_path
from keras_apn.decode import decode, occlusion_probability
from keras_apn.generator import last_outputs

# A crop is a quarter wider than the box around a person, as MPII's is than the person's height.
BOX_MARGIN = 1.25


def square_of_box(box, height, width):
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


def crop_image(image, center_image, side_image, crop_size):
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
    crop = tf.raw_ops.ScaleAndTranslate(
        images=tf.cast(image, tf.float32)[None],
        size=tf.constant([crop_size, crop_size]),
        scale=tf.stack([scale, scale]),
        translation=tf.reverse(-corner * scale, [0]),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.clip_by_value(tf.ensure_shape(crop, [1, crop_size, crop_size, 3])[0] / 255.0, 0.0, 1.0)


def joints_to_image(joints_crop, center_image, side_image, crop_size):
    """Crop pixels to image pixels; [B, 16, 2], [B, 2], [B] -> [B, 16, 2]."""
    away = (joints_crop - (crop_size - 1) / 2) * (side_image / crop_size)[:, None, None]
    return center_image[:, None] + away


class PoseEstimator:
    """G with everything around it that turns pictures into joints.

    Args:
        generator: G, from `build_generator`.
        flip: average with the mirrored maps of the mirrored crop, at twice the cost.
    """

    def __init__(self, generator, flip=False):
        self.generator = generator
        self.flip = flip
        self.crop_size = generator.input_shape[1]
        self.last = last_outputs(generator)

    def heatmaps(self, crops):
        """The last stack's heatmaps.

        Args:
            crops: [B, crop_size, crop_size, 3] float32 within 0 and 1.

        Returns:
            A dict of `pose` and, unless single-task, `occlusion`: [B, crop_size / 4, crop_size / 4, 16] float32.
        """
        maps = self._predict(crops)
        if not self.flip:
            return maps
        mirrored = self._predict(tf.reverse(crops, [2]))
        return {task: (maps[task] + tf.gather(tf.reverse(mirrored[task], [2]), MIRROR, axis=-1)) / 2 for task in maps}

    def _predict(self, crops):
        maps = self.generator(crops, training=False)
        return {task: maps[name] for task, name in self.last.items()}

    def joints_in_crop(self, crops):
        """Joints of crops.

        Args:
            crops: as for `heatmaps`.

        Returns:
            A dict of `joints` [B, 16, 2] float32 crop pixels, `scores` [B, 16], the peaks' heights clipped to 0 and 1,
            and, unless single-task, `occluded` [B, 16], probabilities.
        """
        maps = self.heatmaps(crops)
        joints_heatmap, peaks = decode(maps["pose"])
        found = {"joints": geometry.heatmap_to_crop(joints_heatmap), "scores": tf.clip_by_value(peaks, 0.0, 1.0)}
        if "occlusion" in maps:
            found["occluded"] = occlusion_probability(maps["pose"], maps["occlusion"])
        return found

    def joints_in_image(self, image_bytes, boxes):
        """Joints of encoded photographs, one person a row.

        Args:
            image_bytes: [B] strings, each a JPEG or PNG file.
            boxes: [B, 4] float32, as for `square_of_box`.

        Returns:
            What `joints_in_crop` does, with `joints` in pixels of the original image.
        """

        def load(pair):
            image = tf.io.decode_image(pair[0], channels=3, expand_animations=False)
            shape = tf.shape(image)
            center, side = square_of_box(pair[1], shape[0], shape[1])
            return crop_image(image, center, side, self.crop_size), center, side

        kinds = (tf.float32, tf.float32, tf.float32)
        crops, centers, sides = tf.map_fn(load, (image_bytes, boxes), fn_output_signature=kinds)
        crops = tf.ensure_shape(crops, [None, self.crop_size, self.crop_size, 3])
        centers, sides = tf.ensure_shape(centers, [None, 2]), tf.ensure_shape(sides, [None])
        found = self.joints_in_crop(crops)
        return {**found, "joints": joints_to_image(found["joints"], centers, sides, self.crop_size)}


def from_workdir(workdir, flip=False):
    """The estimator with a workdir's best weights.

    Raises:
        UserError: it is no workdir, or holds no weights yet.
    """
    config, path = configuration.load(workdir), best_path(workdir, "generator")
    if not os.path.exists(path):
        raise UserError(f"{workdir} holds no weights yet; python -m keras_apn.train --workdir={workdir} trains them")
    generator = networks.generator(config.model)
    try:
        generator.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be read as the weights of {workdir}'s model: {error}") from error
    return PoseEstimator(generator, flip)
