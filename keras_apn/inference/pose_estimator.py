"""From photographs and boxes to joints: what `evaluate`, `predict` and every exporter share.

All of it is TensorFlow, so that an exported graph does what the programs do.
"""

import warnings
import zipfile
from typing import Any

import keras
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.decode import decode, occlusion_probability
from keras_apn import config as configuration
from keras_apn.inference import image_decoding, test_time_augmentation
from keras_apn.inference.arrays import BOX_MARGIN
from keras_apn.models import best_weights, networks
from keras_apn.models.generator import last_outputs

# Photographs of a batch in memory together; each may be as large as `image_decoding` allows.
DECODED_AT_ONCE = 4


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
    crop = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=tf.constant([crop_size, crop_size]),
        scale=tf.stack([scale, scale]),
        translation=tf.reverse(-corner * scale, [0]),
        kernel_type="triangle",
        antialias=True,
    )
    return tf.clip_by_value(tf.ensure_shape(crop, [1, crop_size, crop_size, 3])[0] / 255.0, 0.0, 1.0)


def crop_person(
    image: tf.Tensor, box: tf.Tensor, crop_size: int, scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE
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
    """Crop pixels to image pixels; [B, 16, 2], [B, 2], [B] -> [B, 16, 2]."""
    away = (joints_crop - (crop_size - 1) / 2) * (side_image / crop_size)[:, None, None]
    return center_image[:, None] + away


def joints_in_maps(maps: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What heatmaps say.

    Args:
        maps: a dict of `pose` and, unless single-task, `occlusion`: [B, H, H, 16] float32.

    Returns:
        A dict of `joints` [B, 16, 2] float32 crop pixels, `scores` [B, 16], the peaks' heights clipped to 0 and 1,
        and, unless single-task, `occluded` [B, 16], probabilities.
    """
    joints_heatmap, peaks = decode(maps["pose"])
    found = {"joints": geometry.heatmap_to_crop(joints_heatmap), "scores": tf.clip_by_value(peaks, 0.0, 1.0)}
    if "occlusion" in maps:
        found["occluded"] = occlusion_probability(maps["pose"], maps["occlusion"])
    return found


def joints_in_image(estimator: Any, image_bytes: tf.Tensor, boxes: tf.Tensor) -> dict[str, tf.Tensor]:
    """Joints of encoded photographs, one person a row, by whatever finds them in crops.

    Args:
        estimator: has `crop_size`, `scales` and `joints_in_crop`, as `PoseEstimator` does.
        image_bytes: [B] strings, each a JPEG or PNG file.
        boxes: [B, 4] float32, as for `square_of_box`.

    Returns:
        What `joints_in_crop` does, with `joints` in pixels of the original image.

    Raises:
        tf.errors.InvalidArgumentError: the batch is empty, or a row is none that `image_decoding.read` takes.
    """
    crop_size, scales = estimator.crop_size, estimator.scales

    def load(person):
        photograph, box, row = person
        return crop_person(image_decoding.read(photograph, box, row), box, crop_size, scales)

    image_bytes, boxes = image_decoding.check_batch(image_bytes, boxes)
    rows = tf.range(tf.shape(image_bytes)[0])
    kinds = ([tf.float32] * len(scales), tf.float32, tf.float32)
    at_once = None if tf.executing_eagerly() else DECODED_AT_ONCE  # It warns that eager execution has no use for it.
    views, centers, sides = tf.map_fn(
        load, (image_bytes, boxes, rows), fn_output_signature=kinds, parallel_iterations=at_once
    )
    views = [tf.ensure_shape(crops, [None, crop_size, crop_size, 3]) for crops in views]
    centers, sides = tf.ensure_shape(centers, [None, 2]), tf.ensure_shape(sides, [None])
    found = estimator.joints_in_crop(views[0] if len(views) == 1 else views)
    return {**found, "joints": joints_to_image(found["joints"], centers, sides, crop_size)}


class PoseEstimator:
    """G with everything around it that turns pictures into joints.

    Args:
        generator: G, from `build_generator`.
        flip: average with the mirrored maps of the mirrored crop, at twice the cost.
        scales: average over crops of these scales, as `test_time_augmentation` has them, at as many times the cost.
    """

    def __init__(
        self, generator: keras.Model, flip: bool = False, scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE
    ) -> None:
        self.generator = generator
        self.flip = flip
        self.scales = tuple(scales)
        self.crop_size = generator.input_shape[1]
        self.last = last_outputs(generator)

    def heatmaps(self, crops: tf.Tensor | list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """The last stack's heatmaps, averaged.

        Args:
            crops: [B, crop_size, crop_size, 3] float32 within 0 and 1; with several scales a list of such, one a
                scale.

        Returns:
            A dict of `pose` and, unless single-task, `occlusion`: [B, crop_size / 4, crop_size / 4, 16] float32.
        """
        return test_time_augmentation.average(self._predict, crops, self.flip, self.scales)

    def _predict(self, crops):
        maps = self.generator(crops, training=False)
        return {task: maps[name] for task, name in self.last.items()}

    def joints_in_crop(self, crops: tf.Tensor | list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Joints of crops: `joints_in_maps` of what `heatmaps` gives for them."""
        return joints_in_maps(self.heatmaps(crops))

    def joints_in_image(self, image_bytes: tf.Tensor, boxes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Joints of encoded photographs; arguments and answer as of the function `joints_in_image`."""
        return joints_in_image(self, image_bytes, boxes)


class Compiled:
    """An estimator whose `joints_in_crop` is one graph, for batches of any size.

    Args:
        estimator: a `PoseEstimator`, or anything with its `crop_size`, `scales` and `joints_in_crop`.
    """

    def __init__(self, estimator: Any) -> None:
        self.crop_size, self.scales = estimator.crop_size, estimator.scales
        self.joints_in_crop = tf.function(estimator.joints_in_crop, reduce_retracing=True)


def load_best(network: keras.Model, workdir: StrPath, name: str) -> None:
    """Loads a workdir's best weights of a network, by its name in `checkpoints.networks`.

    Raises:
        UserError: the workdir holds no weights yet, or they do not fit.
    """
    path = best_weights.find(workdir, name)
    if path is None:
        raise UserError(f"{workdir} holds no weights yet; python -m keras_apn.train --workdir={workdir} trains them")
    try:
        with warnings.catch_warnings():  # Keras warns of each layer that does not fit before it says so.
            warnings.simplefilter("ignore")
            best_weights.load(network, path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} cannot be read as the weights of {workdir}'s model: {error}") from error


def from_workdir(
    workdir: StrPath, flip: bool = False, scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE
) -> PoseEstimator:
    """The estimator with a workdir's best weights.

    Raises:
        UserError: it is no workdir, or holds no weights yet.
    """
    generator = networks.generator(configuration.load(workdir).model)
    load_best(generator, workdir, "generator")
    return PoseEstimator(generator, flip, scales)
