"""What runs exported models: TensorFlow, LiteRT and ONNX Runtime, each taking crops and giving named arrays.

A model takes `crops` [B, S, S, 3], uint8 or float32 within 0 and 1, and gives `joints`, `scores` and `occluded`, or
heatmaps, `pose` and `occlusion`, or both. Every runtime has `crop_size`, `skeleton`, `outputs`, which of `ANSWERS` it
gives, and

- `taken(crops, answer)`: [B, S, S, 3] float32 within 0 and 1, as the model takes them to give one of `outputs`;
- `run(values, answer)`: what `taken` gave to what the model gives, a dict of arrays as they come;
- a call with `(crops, answer)`: both of these, and float32 arrays.

TensorFlow is imported only by what needs it: it takes more time and memory than the other two runtimes.
"""

from typing import Any

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.inference import export_metadata
from keras_apn.inference.batches import dequantised, in_batches, quantised

# What must be there of one model; `occluded`, `plausible` and `occlusion` may be.
ANSWERS = {"joints": {"joints", "scores"}, "pose": {"pose"}}
BELONG = {"joints": {"joints", "scores", "occluded", "plausible"}, "pose": {"pose", "occlusion"}}
EXPECTED = "`joints` and `scores`, or `pose`"


class SavedModel:
    """A SavedModel: the signature `crops` for joints, `heatmaps` for heatmaps. TensorFlow's threads are the process's.

    Attributes:
        crop_size: side of the crops.
        skeleton: whose joints it finds.
        outputs: which of `ANSWERS` it gives.
    """

    def __init__(self, path: StrPath) -> None:
        import tensorflow as tf

        try:
            signatures = tf.saved_model.load(path).signatures
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise UserError(f"{path} cannot be read as a SavedModel: {error}") from error
        names = {"joints": "crops", "pose": "heatmaps"}
        self.functions = {key: signatures[name] for key, name in names.items() if name in signatures}
        if not self.functions:
            raise UserError(f"{path} must have a signature `crops` or `heatmaps`. Received: {', '.join(signatures)}")
        self.outputs = {answer for answer, f in self.functions.items() if ANSWERS[answer] <= set(f.structured_outputs)}
        _require_answers(self.outputs, path)
        taken = next(iter(self.functions.values())).structured_input_signature[1]
        if set(taken) != {"crops"}:
            raise UserError(f"{path} must take `crops`. Received: {', '.join(taken)}")
        self.dtype, self.constant = taken["crops"].dtype.as_numpy_dtype, tf.constant
        self.crop_size = _crop_size(taken["crops"].shape, path)
        self.skeleton = export_metadata.skeleton_of(export_metadata.of_saved_model(path), path)

    def taken(self, crops: np.ndarray, answer: str) -> Any:
        """Crops as a tensor of the model's own type."""
        return self.constant(quantised(crops, self.dtype))

    def run(self, values: Any, answer: str) -> dict[str, np.ndarray]:
        """One call of the signature."""
        return {name: found.numpy() for name, found in self.functions[answer](crops=values).items()}

    def __call__(self, crops: np.ndarray, answer: str) -> dict[str, np.ndarray]:
        """Runs it: [B, S, S, 3] float32 within 0 and 1 to a dict of arrays; `answer` is one of `outputs`."""
        return self.run(self.taken(crops, answer), answer)


class TFLite:
    """A TFLite model, run by LiteRT, or by TensorFlow's own interpreter where that is not installed.

    Args:
        path: of the file.
        threads: that it may use; None for its own choice, which is one.
    """

    def __init__(self, path: StrPath, threads: int | None = None) -> None:
        try:
            self.interpreter = _interpreter()(model_path=path, num_threads=threads)
            self.interpreter.allocate_tensors()
            signatures = self.interpreter.get_signature_list()
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"{path} cannot be read as a TFLite model: {error}") from error
        self.keys = {
            answer: key
            for answer, needed in ANSWERS.items()
            for key, ends in signatures.items()
            if needed <= set(ends["outputs"]) and ends["inputs"] == ["crops"]
        }
        self.outputs = set(self.keys)
        _require_answers(self.outputs, path)
        self.runners = {key: self.interpreter.get_signature_runner(key) for key in self.keys.values()}
        shape = self._input(next(iter(self.outputs)))["shape_signature"]
        # The batch that it takes; None for any.
        self.batch = int(shape[0]) if shape[0] > 0 else None
        self.crop_size = _crop_size(shape, path)
        self.skeleton = export_metadata.skeleton_of(export_metadata.of_tflite(path), path)

    def _input(self, answer):
        return self.runners[self.keys[answer]].get_input_details()["crops"]

    def taken(self, crops: np.ndarray, answer: str) -> np.ndarray:
        """Crops as an array of the model's own type, by its quantisation."""
        details = self._input(answer)
        return quantised(crops, details["dtype"], *details["quantization"])

    def run(self, values: np.ndarray, answer: str) -> dict[str, np.ndarray]:
        """As many calls as there are batches; a model's batch is mostly 1."""
        runner = self.runners[self.keys[answer]]
        return in_batches(lambda part: runner(crops=part), values, self.batch)

    def __call__(self, crops: np.ndarray, answer: str) -> dict[str, np.ndarray]:
        """As of `SavedModel`."""
        given = self.runners[self.keys[answer]].get_output_details()
        found = self.run(self.taken(crops, answer), answer)
        return {name: dequantised(part, *given[name]["quantization"]) for name, part in found.items()}


class ONNX:
    """An ONNX model, run by ONNX Runtime on the CPU.

    Args:
        path: of the file.
        threads: that one operation may use; None for its own choice, which is one a core.
    """

    def __init__(self, path: StrPath, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError(f"{path} needs ONNX Runtime: pip install onnxruntime") from error
        onnxruntime.set_default_logger_severity(3)  # Errors; it would warn of attributes that tf2onnx writes.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # Its exceptions have no base class of their own.
            raise UserError(f"{path} cannot be read as an ONNX model: {error}") from error
        (taken, *others), names = self.session.get_inputs(), [o.name for o in self.session.get_outputs()]
        if others:
            raise UserError(f"{path} must take `crops` alone. Received: {', '.join(i.name for i in [taken, *others])}")
        plain = {_plain(name) for name in names}
        self.outputs = {answer for answer, needed in ANSWERS.items() if needed <= plain}
        _require_answers(self.outputs, path)
        self.wanted = {answer: [name for name in names if _plain(name) in BELONG[answer]] for answer in self.outputs}
        self.input, self.dtype = taken.name, np.uint8 if taken.type == "tensor(uint8)" else np.float32
        self.batch = taken.shape[0] if isinstance(taken.shape[0], int) else None
        self.crop_size = _crop_size(taken.shape, path)
        properties = self.session.get_modelmeta().custom_metadata_map
        self.skeleton = export_metadata.skeleton_of(export_metadata.of_onnx(properties), path)

    def taken(self, crops: np.ndarray, answer: str) -> np.ndarray:
        """Crops as an array of the model's own type."""
        return quantised(crops, self.dtype)

    def run(self, values: np.ndarray, answer: str) -> dict[str, np.ndarray]:
        """The outputs that belong to the answer, and no others, which would be copied too."""
        wanted = self.wanted[answer]

        def run(part):
            found = self.session.run(wanted, {self.input: part})
            return {_plain(name): array for name, array in zip(wanted, found, strict=True)}

        return in_batches(run, values, self.batch)

    def __call__(self, crops: np.ndarray, answer: str) -> dict[str, np.ndarray]:
        """As of `SavedModel`."""
        return self.run(self.taken(crops, answer), answer)


def _interpreter():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter
    return Interpreter


def _plain(name):
    """An ONNX output's name without TensorFlow's number behind it."""
    return name.split(":")[0]


def _require_answers(outputs, path):
    if not outputs:
        raise UserError(f"{path} must take `crops` and give {EXPECTED}, by these names; it is another model")


def _crop_size(shape, path):
    """S of [B, S, S, 3]."""
    if len(shape) != 4 or shape[1] != shape[2] or not isinstance(shape[1], int | np.integer) or shape[3] != 3:
        raise UserError(f"{path} must take crops [B, S, S, 3]. Received: {list(shape)}")
    return int(shape[1])
