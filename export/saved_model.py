"""A SavedModel for TF Serving: from encoded photographs and boxes to joints in their pixels, all in one graph."""

import os
import shutil

import tensorflow as tf

from data_pipeline.errors import UserError
from data_pipeline.files import write_json
from data_pipeline.skeleton import JOINTS, LIMBS

METADATA = os.path.join("assets.extra", "metadata.json")


def signatures(estimator):
    """The functions that the model serves, each with a free batch dimension.

    - `serving_default`: `image_bytes` [B] string (JPEG or PNG, any sizes) and `boxes` [B, 4] float32 (x, y, width,
      height in pixels; zeros mean the whole image) to `joints` [B, 16, 2] float32 in 0-based pixels of the original
      image, `scores` [B, 16] and, unless single-task, `occluded` [B, 16], both within 0 and 1.
    - `crops`: `crops` [B, S, S, 3] uint8 to the same, in crop pixels.
    - `heatmaps`: `crops` [B, S, S, 3] uint8 to `pose` and `occlusion` [B, S / 4, S / 4, 16] float32.

    Args:
        estimator: a `keras_apn.inference.PoseEstimator`.

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


def metadata(estimator):
    """What a user of the file must know, as a dict that goes into JSON."""
    return {
        "model": "Adversarial PoseNet, generator (Chen et al., ICCV 2017)",
        "crop_size": estimator.crop_size,
        "joints": list(JOINTS),
        "limbs": [[JOINTS[a], JOINTS[b]] for a, b in LIMBS],
        "coordinates": "x, y; 0-based, pixel centres at integers",
        "flip_test": estimator.flip,
    }


def export(estimator, output, name, version):
    """Writes `output/name/version/`, whole or not at all.

    Args:
        estimator: a `keras_apn.inference.PoseEstimator`.
        output: a folder, made where it is missing.
        name, version: as TF Serving wants its folders called; the version a whole number.

    Returns:
        The path written.

    Raises:
        UserError: that version is there already.
    """
    path = os.path.join(output, name, str(version))
    if os.path.exists(path):
        raise UserError(f"{path} is there already; give another --version or --output")
    partial = f"{path}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        functions = signatures(estimator)
        # A module with nothing but the weights: given the Keras model, saving would trace every layer of it again.
        module = tf.Module()
        module.weights = list(functions["crops"].get_concrete_function().graph.variables)
        tf.saved_model.save(module, partial, signatures=functions)
        write_json(os.path.join(partial, METADATA), metadata(estimator))
        os.rename(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return path
