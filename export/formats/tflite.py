"""TFLite files for phones: heatmaps for GPU and NNAPI delegates, or decoded joints, each in four quantisations.

The heatmaps are a graph of operators that delegates take. The joints are the same graph with the decoding behind it, in
float32 in every file: eight bits hold a heatmap, but not a coordinate.
"""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.common import json_file, tensorflow_setup
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from export.formats import flatbuffer, metadata
from keras_apn.inference import export_metadata, pose_estimator

# The quantisations that can be asked for, and their words in the files' names.
QUANTIZATIONS = {"none": "float32", "float16": "float16", "dynamic": "dynamic", "int8": "int8"}
# Flavours, and the signatures that they have in common with the SavedModel.
SIGNATURES = {"heatmaps": "heatmaps", "joints": "crops"}
# What the GPU delegate and NNAPI 1.2 (Android 10) both take with constant weights and shapes. With float16 weights each
# constant has a DEQUANTIZE, which the GPU delegate and XNNPACK do once, when the model is loaded.
DELEGATED = frozenset(
    {"ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "MUL", "RELU"}
    | {"RESIZE_NEAREST_NEIGHBOR"}
)
WEIGHTS_ONLY = frozenset({"DEQUANTIZE"})


def export(
    estimator: pose_estimator.PoseEstimator,
    folder: StrPath,
    about: dict[str, Any],
    quantize: Sequence[str] = tuple(QUANTIZATIONS),
    calibration: np.ndarray | Callable[[], np.ndarray] | None = None,
) -> None:
    """Writes `heatmaps_float32.tflite`, `joints_float32.tflite` and so on, each for one crop at a time.

    - `heatmaps`: signature `heatmaps`, `crops` [1, S, S, 3] to `pose` and `occlusion` [1, S / 4, S / 4, 16].
    - `joints`: signature `crops`, the same to `joints` [1, 16, 2] float32 crop pixels, `scores` [1, 16] and, unless
      single-task, `occluded` [1, 16], float32 within 0 and 1; of an estimator with P also `plausible` [1, 16], by G's
      features, which are quantised as the heatmaps are, and P in float32.

    Crops and heatmaps are float32, crops within 0 and 1; with int8 both are int8, with the scale and zero point that
    the file tells.

    Args:
        estimator: a `pose_estimator.PoseEstimator`. One that flips adds operators that delegates may not take.
        folder: an empty folder, as `artefacts.written` gives it.
        about: of `metadata.describe`; it travels in each file, with `input` and `outputs`.
        quantize: which of `QUANTIZATIONS`.
        calibration: for int8, crops [N, S, S, 3] float32 within 0 and 1, or a function that gives them.

    Raises:
        UserError: a quantisation is none of these, or int8 is asked for and there are no crops.
    """
    _require(quantize)
    crops = _crops(calibration, estimator.crop_size) if "int8" in quantize else None
    with tempfile.TemporaryDirectory() as saved:
        with tensorflow_setup.silence():
            beside = _save(estimator, saved)
            decoder = _converter(saved, "decoder").convert()
        for kind in dict.fromkeys(quantize):
            with tensorflow_setup.silence():
                maps = {"heatmaps": convert(saved, kind, crops)}
                maps["joints"] = convert(saved, kind, crops, "seen") if beside else maps["heatmaps"]
            for flavour in SIGNATURES:
                model = flatbuffer.parse(maps[flavour])
                if flavour == "joints":
                    model = flatbuffer.join(model, flatbuffer.parse(decoder))
                flatbuffer.name_signature(model, SIGNATURES[flavour])
                _describe(model, about, kind)
                with open(os.path.join(folder, f"{flavour}_{QUANTIZATIONS[kind]}.tflite"), "wb") as file:
                    file.write(flatbuffer.serialise(model))


def read_metadata(path: StrPath) -> dict[str, Any]:
    """What travels in a file: the dict of `metadata.describe` with `quantization`, `input` and `outputs`.

    Raises:
        UserError: the file cannot be read, is no TFLite model, or none that was exported here.
    """
    content = flatbuffer.embedded(flatbuffer.read(path), metadata.FILE)
    if content is None:
        raise UserError(f"{path} has no {metadata.FILE} in it; python -m export writes files that do")
    return json_file.decode(content, dict[str, Any], path, way=export_metadata.AGAIN)


def convert(saved: str, kind: str, crops: np.ndarray | None = None, signature: str = "heatmaps") -> bytes:
    """The bytes of the heatmaps' graph in one of `QUANTIZATIONS`.

    Args:
        saved: folder of a SavedModel with a signature `heatmaps`.
        kind: the quantisation.
        crops: for int8, [N, S, S, 3] float32 within 0 and 1.
        signature: `heatmaps`, or `seen`, with what P sees beside them.
    """
    converter = _converter(saved, signature)
    if kind != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if kind == "int8":
        converter.representative_dataset = lambda: ({"crops": crop[None]} for crop in crops)
        # This alone: an operator that cannot be had in eight bits is an error, not a float one in between.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def _require(quantize):
    """Raises UserError unless all are quantisations, and there is one."""
    unknown = [kind for kind in quantize if kind not in QUANTIZATIONS]
    if unknown or not quantize:
        raise UserError(f"--quantize must be of {', '.join(QUANTIZATIONS)}. Received: {','.join(quantize)}")


def _crops(calibration, size):
    """Crops to calibrate on, the first with one black and one white pixel: their range is then 0 to 1 in any case."""
    if calibration is None:
        raise UserError("int8 takes its ranges from records, and there are none; leave int8 out of --quantize")
    crops = np.array(calibration() if callable(calibration) else calibration, np.float32)
    if crops.shape[1:] != (size, size, 3) or not len(crops):
        raise UserError(f"int8 takes its ranges from crops [N, {size}, {size}, 3]. Received: {list(crops.shape)}")
    crops[0, 0, :2] = [[0.0], [1.0]]
    return crops


def _save(estimator, folder):
    """A SavedModel of `heatmaps`, of `seen`, and of `decoder`, from what is seen to joints, for one crop.

    Returns whether more than the heatmaps is seen. The converter loses the weights of a function that does not come
    from a SavedModel on TensorFlow 2.21.
    """
    side = estimator.crop_size
    crops = [tf.TensorSpec([1, side, side, 3], name="crops")]
    heatmaps, seen = (tf.function(of, input_signature=crops) for of in (estimator.heatmaps, estimator.seen))
    concrete = seen.get_concrete_function()
    given = {name: tf.TensorSpec(values.shape, name=name) for name, values in concrete.structured_outputs.items()}
    decoder = tf.function(lambda **given: estimator.told(given)).get_concrete_function(**given)
    module = tf.Module()
    module.weights = [*concrete.graph.variables, *decoder.graph.variables]
    tf.saved_model.save(module, folder, signatures={"heatmaps": heatmaps, "seen": seen, "decoder": decoder})
    return not set(given) <= set(pose_estimator.TASKS)


def _converter(saved, signature):
    return tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[signature])


def _describe(model, about, kind):
    """Lets the description travel in the file."""
    ((name, crops),) = _ends(model, "inputs").items()
    told = {
        **about,
        "quantization": QUANTIZATIONS[kind],
        "input": {**crops, "name": name, "layout": "NHWC, RGB", "range": [0, 1]},
        "outputs": _ends(model, "outputs"),
    }
    flatbuffer.embed(model, metadata.FILE, json.dumps(told, indent=2).encode())


def _ends(model, side):
    """`flatbuffer.ends` with their meaning, without the tensors' places."""
    return {
        name: {**{key: value for key, value in end.items() if key != "index"}, "meaning": metadata.MEANING[name]}
        for name, end in flatbuffer.ends(model, side).items()
    }
