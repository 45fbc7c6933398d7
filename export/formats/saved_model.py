"""A SavedModel for TF Serving: from encoded photographs and boxes to joints in their pixels, all in one graph."""

import functools
import os
from typing import Any

import tensorflow as tf

from data_pipeline.common.files import StrPath, write_json
from export.formats import metadata, warmup
from keras_apn.inference import pose_estimator
from keras_apn.inference.arrays import MOST_PEOPLE
from keras_apn.inference.pose_estimator import PoseEstimator

METADATA = os.path.join("assets.extra", metadata.FILE)


def signatures(estimator: PoseEstimator) -> dict[str, Any]:
    """The functions that the model serves, each with a free batch dimension.

    - `serving_default`: `image_bytes` [B] string (JPEG or PNG, any sizes), or [1] where one image is for all boxes, and
      `boxes` [B, 4] float32 (x, y, width, height in pixels; zeros mean the whole image) to `joints` [B, 16, 2] float32
      in 0-based pixels of the original image, `scores` [B, 16] and, unless single-task, `occluded` [B, 16], both within
      0 and 1.
    - `crops`: `crops` [B, S, S, 3] uint8 to the same, in crop pixels.
    - `heatmaps`: `crops` [B, S, S, 3] uint8 to `pose` and `occlusion` [B, S / 4, S / 4, 16] float32.

    Of an estimator with P all three also give `plausible` [B, 16].

    A request that a signature cannot answer, or that would cost more than a bound, fails with `InvalidArgument`; of
    `serving_default` with a sentence of `image_decoding`.

    Args:
        estimator: a `keras_apn.inference.pose_estimator.PoseEstimator`.

    Returns:
        A dict of `tf.function`s with fixed input signatures.
    """
    side = estimator.crop_size
    crops = tf.TensorSpec([None, side, side, 3], tf.uint8, name="crops")

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="image_bytes"),
            tf.TensorSpec([None, 4], tf.float32, name="boxes"),
        ]
    )
    def from_photographs(image_bytes, boxes):
        return estimator.joints_in_image(image_bytes, boxes)

    @tf.function(input_signature=[crops])
    def from_crops(crops):
        return _answered(estimator.joints_in_crop, crops, side)

    @tf.function(input_signature=[crops])
    def heatmaps(crops):
        found = _answered(functools.partial(pose_estimator.everything, estimator), crops, side)
        return {name: found[name] for name in (*pose_estimator.TASKS, "plausible") if name in found}

    return {"serving_default": from_photographs, "crops": from_crops, "heatmaps": heatmaps}


def _answered(answer, crops, side):
    """What `answer` gives of crops of the shape that is promised, and nothing of none.

    A server looks at a tensor's type alone, and oneDNN ends the process where a convolution gets another shape. On some
    processors its convolutions fail on no crops, so that these get company.
    """
    crops = tf.ensure_shape(crops, [None, side, side, 3])
    count = tf.shape(crops)[0]
    few = tf.debugging.Assert(count <= MOST_PEOPLE, [f"more than {MOST_PEOPLE} crops in a request"], summarize=1)
    with tf.control_dependencies([few]):
        company = tf.zeros([tf.cast(count == 0, tf.int32), side, side, 3])
    # Neither padded nor in bytes: TensorFlow's converter to TFLite would lose the shape, or has no such operator.
    found = answer(tf.concat([tf.cast(crops, tf.float32) / 255.0, company], 0))
    return {name: values[:count] for name, values in found.items()}


def describe(functions: dict[str, Any]) -> dict[str, Any]:
    """Names, types, shapes and meaning of what the signatures take and give; a dict that goes into JSON."""
    described = {}
    for name, function in functions.items():
        concrete = function.get_concrete_function()
        given = {spec.name: spec for spec in function.input_signature}
        meaning = dict(metadata.MEANING)
        if name == "serving_default":
            meaning["joints"] = "x, y in pixels of the original image"
        described[name] = {
            "inputs": {key: _end(spec, meaning[key]) for key, spec in given.items()},
            "outputs": {key: _end(spec, meaning[key]) for key, spec in concrete.structured_outputs.items()},
        }
    return described


def _end(spec, meaning):
    return {"dtype": spec.dtype.name, "shape": spec.shape.as_list(), "meaning": meaning}


def export(estimator: PoseEstimator, folder: StrPath, about: dict[str, Any]) -> None:
    """Writes a SavedModel with its warm-up requests.

    Args:
        estimator: a `keras_apn.inference.pose_estimator.PoseEstimator`.
        folder: an empty folder, as `artefacts.written` gives it.
        about: of `metadata.describe`.
    """
    functions = signatures(estimator)
    # A module with nothing but the weights: given the Keras model, saving would trace every layer of it again.
    module = tf.Module()
    module.weights = list(functions["crops"].get_concrete_function().graph.variables)
    tf.saved_model.save(module, folder, signatures=functions)
    warmup.write(folder, about["name"], estimator.crop_size)
    write_json(os.path.join(folder, METADATA), {**about, "signatures": describe(functions)})
