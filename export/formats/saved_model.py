"""A SavedModel for TF Serving: from encoded photographs and boxes to joints in their pixels, all in one graph."""

import os
from typing import Any

import tensorflow as tf

from data_pipeline.common.files import StrPath, write_json
from export.formats import metadata, warmup
from keras_apn.inference.pose_estimator import PoseEstimator

METADATA = os.path.join("assets.extra", metadata.FILE)


def signatures(estimator: PoseEstimator) -> dict[str, Any]:
    """The functions that the model serves, each with a free batch dimension.

    - `serving_default`: `image_bytes` [B] string (JPEG or PNG, any sizes) and `boxes` [B, 4] float32 (x, y, width,
      height in pixels; zeros mean the whole image) to `joints` [B, 16, 2] float32 in 0-based pixels of the original
      image, `scores` [B, 16] and, unless single-task, `occluded` [B, 16], both within 0 and 1.
    - `crops`: `crops` [B, S, S, 3] uint8 to the same, in crop pixels.
    - `heatmaps`: `crops` [B, S, S, 3] uint8 to `pose` and `occlusion` [B, S / 4, S / 4, 16] float32.

    A request that `serving_default` cannot answer fails with `InvalidArgument` and a sentence of `image_decoding`.

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
        return estimator.joints_in_crop(tf.cast(crops, tf.float32) / 255.0)

    @tf.function(input_signature=[crops])
    def heatmaps(crops):
        return estimator.heatmaps(tf.cast(crops, tf.float32) / 255.0)

    return {"serving_default": from_photographs, "crops": from_crops, "heatmaps": heatmaps}


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
