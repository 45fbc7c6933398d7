"""An ONNX model for any runtime of that format: crops to joints and heatmaps, converted by tf2onnx."""

import json
import os
from typing import Any

import onnx
import tensorflow as tf
import tf2onnx

from data_pipeline.common import tensorflow_setup
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, write_whole
from export.formats import metadata, onnx_graph
from keras_apn.inference import export_metadata, pose_estimator

FILE = "model.onnx"
# Everything G needs is in it; ONNX Runtime has read it since 1.12, and later ones say nothing that G would use.
OPSET = 17
BATCH = "batch"


def export(estimator: pose_estimator.PoseEstimator, folder: StrPath, about: dict[str, Any]) -> None:
    """Writes `model.onnx`.

    It takes `crops` [B, S, S, 3] float32 within 0 and 1 and gives `joints` [B, 16, 2], `scores` [B, 16], `pose`
    [B, S / 4, S / 4, 16] and, unless single-task, `occluded` [B, 16] and `occlusion`, shaped as `pose`; of an estimator
    with P `plausible` [B, 16]; any B.

    Args:
        estimator: a `keras_apn.inference.pose_estimator.PoseEstimator`.
        folder: an empty folder, as `artefacts.written` gives it.
        about: of `metadata.describe`.
    """
    model = convert(estimator)
    describe(model, about)
    onnx.checker.check_model(model, full_check=True)
    write_whole(os.path.join(folder, FILE), model.SerializeToString())


def convert(estimator: pose_estimator.PoseEstimator) -> onnx.ModelProto:
    """A `PoseEstimator` as an `onnx.ModelProto` without metadata."""
    side = estimator.crop_size
    crops = tf.TensorSpec([None, side, side, 3], tf.float32, name="crops")

    @tf.function(input_signature=[crops])
    def predict(crops):
        return pose_estimator.everything(estimator, crops)

    with tensorflow_setup.silence():  # It warns of its own choices, and TensorFlow 2.15 tells of devices.
        model, _ = tf2onnx.convert.from_function(predict, input_signature=[crops], opset=OPSET)
    onnx_graph.simplify(model.graph)
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    return model


def describe(model: onnx.ModelProto, about: dict[str, Any]) -> None:
    """Puts what is told of an export, with what the model takes and gives, into its metadata.

    Args:
        model: an `onnx.ModelProto`, changed in place.
        about: of `metadata.describe`.
    """
    (taken,) = model.graph.input
    given = {value.name: {**_tensor(value), "meaning": metadata.MEANING[value.name]} for value in model.graph.output}
    taken = {"name": taken.name, **_tensor(taken), "layout": "NHWC, RGB", "range": [0, 1]}
    taken["meaning"] = metadata.MEANING["crops"]
    model.producer_name, model.producer_version = "keras_apn, by tf2onnx", tf2onnx.__version__
    model.graph.name, model.model_version = about["name"], about["version"]
    model.doc_string = f"{about['model']}. Weights: {about['licence']}."
    told = {**about, "opset": OPSET, "input": taken, "outputs": given}
    onnx.helper.set_model_props(model, {export_metadata.ONNX_KEY: json.dumps(told)})


def read_metadata(path: StrPath) -> dict[str, Any]:
    """What `describe` put into a file.

    Raises:
        UserError: the file is no ONNX model, or not one of this project.
    """
    try:
        model = onnx.load(path)
    except Exception as error:  # Protocol buffers' implementations raise different ones.
        raise UserError(f"{path} cannot be read as an ONNX model: {error}") from error
    told = export_metadata.of_onnx({entry.key: entry.value for entry in model.metadata_props})
    if told is None:
        raise UserError(f"{path} tells nothing of its joints; `python -m export` writes files that do")
    return told


def _tensor(value):
    """The dtype and shape of a graph's input or output."""
    kind = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    return {"dtype": dtype, "shape": [dim.dim_param or dim.dim_value for dim in kind.shape.dim]}
