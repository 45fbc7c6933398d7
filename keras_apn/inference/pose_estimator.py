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
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn import config as configuration
from keras_apn.inference import test_time_augmentation
from keras_apn.inference.photographs import image_decoding
from keras_apn.inference.photographs.cropping import crop_person, joints_to_image
from keras_apn.models import best_weights, networks
from keras_apn.models.generator import last_outputs

# Photographs of a batch in memory together; each may be as large as `image_decoding` allows.
DECODED_AT_ONCE = 4
TASKS = ("pose", "occlusion")


def joints_in_maps(maps: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What heatmaps say.

    Args:
        maps: a dict of `pose` and, unless single-task, `occlusion`: [B, H, H, J] float32.

    Returns:
        A dict of `joints` [B, J, 2] float32 crop pixels, `scores` [B, J], the peaks' heights clipped to 0 and 1,
        and, unless single-task, `occluded` [B, J], probabilities.
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
        image_bytes: [B] strings, each a JPEG or PNG file; or [1], one file for all boxes, decoded once.
        boxes: [B, 4] float32, as for `square_of_box`.

    Returns:
        What `joints_in_crop` does, with `joints` in pixels of the original image.

    Raises:
        tf.errors.InvalidArgumentError: as of `image_decoding.check_batch`.
    """
    crop_size, scales = estimator.crop_size, estimator.scales
    kinds = ([tf.float32] * len(scales), tf.float32, tf.float32)
    at_once = None if tf.executing_eagerly() else DECODED_AT_ONCE  # It warns that eager execution has no use for it.

    def load(photograph):
        encoded, own, held = photograph
        image = image_decoding.upright(encoded, held)
        return tf.map_fn(
            lambda box: crop_person(image, box, crop_size, scales),
            own,
            fn_output_signature=kinds,
            parallel_iterations=1,
        )

    checked = image_decoding.check_batch(image_bytes, boxes)
    found = tf.map_fn(load, checked, fn_output_signature=kinds, parallel_iterations=at_once)
    views, centers, sides = tf.nest.map_structure(_people, found)
    views = [tf.ensure_shape(crops, [None, crop_size, crop_size, 3]) for crops in views]
    centers, sides = tf.ensure_shape(centers, [None, 2]), tf.ensure_shape(sides, [None])
    found = estimator.joints_in_crop(views[0] if len(views) == 1 else views)
    return {**found, "joints": joints_to_image(found["joints"], centers, sides, crop_size)}


def _people(values):
    """[N, K, ...], of N images with K people each, to [N K, ...]."""
    return tf.reshape(values, tf.concat([[-1], tf.shape(values)[2:]], 0))


def everything(estimator: Any, crops: tf.Tensor) -> dict[str, tf.Tensor]:
    """All that a `PoseEstimator` says of crops: `joints`, `scores` and so on, and the heatmaps by task."""
    seen = estimator.seen(crops)
    return {**estimator.told(seen), **{task: seen[task] for task in TASKS if task in seen}}


class PoseEstimator:
    """G with everything around it that turns pictures into joints.

    Args:
        generator: G, from `build_generator`.
        flip: average with the mirrored maps of the mirrored crop, at twice the cost.
        scales: average over crops of these scales, as `test_time_augmentation` has them, at as many times the cost.
        skeleton: whose joints G finds.
    """

    def __init__(
        self,
        generator: keras.Model,
        flip: bool = False,
        scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE,
        skeleton: Skeleton = MPII16,
    ) -> None:
        self.generator, self.skeleton = generator, skeleton
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
            A dict of `pose` and, unless single-task, `occlusion`: [B, crop_size / 4, crop_size / 4, J] float32.
        """
        return test_time_augmentation.average(self._predict, crops, self.flip, self.scales, self.skeleton)

    def _predict(self, crops):
        maps = self.generator(crops, training=False)
        return {task: maps[name] for task, name in self.last.items()}

    def seen(self, crops: tf.Tensor | list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """All that joints are told by: the heatmaps, and whatever else a subclass needs; of any batch."""
        return self.heatmaps(crops)

    def told(self, seen: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Joints by what `seen` gives: a dict as of `joints_in_maps`, with what a subclass adds."""
        return joints_in_maps(seen)

    def joints_in_crop(self, crops: tf.Tensor | list[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Joints of crops: what `told` makes of `seen`."""
        return self.told(self.seen(crops))

    def joints_in_image(self, image_bytes: tf.Tensor, boxes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Joints of encoded photographs; arguments and answer as of the function `joints_in_image`."""
        return joints_in_image(self, image_bytes, boxes)


class Compiled:
    """An estimator whose `joints_in_crop` is one graph, for batches of any size.

    Args:
        estimator: a `PoseEstimator`, or anything with its `crop_size`, `scales`, `skeleton` and `joints_in_crop`.
    """

    def __init__(self, estimator: Any) -> None:
        self.crop_size, self.scales, self.skeleton = estimator.crop_size, estimator.scales, estimator.skeleton
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
    model = configuration.load(workdir).model
    generator = networks.generator(model)
    load_best(generator, workdir, "generator")
    return PoseEstimator(generator, flip, scales, model.skeleton)
