"""What runs exported models: TensorFlow, LiteRT and ONNX Runtime, each taking crops and giving named arrays.

A model takes `crops` [B, S, S, 3], uint8 or float32 within 0 and 1, and gives `joints`, `scores` and `occluded`, or
heatmaps, `pose` and `occlusion`, or both.
"""

import numpy as np
import tensorflow as tf

from data_pipeline import quiet
from data_pipeline.errors import UserError

# What must be there of one model; `scores`, `occluded` and `occlusion` may be.
ANSWERS = {"joints": {"joints", "scores"}, "pose": {"pose"}}
EXPECTED = "`joints` and `scores`, or `pose`"


class SavedModel:
    """A SavedModel: the signature `crops` for joints, `heatmaps` for heatmaps.

    Attributes:
        crop_size: side of the crops.
        outputs: which of `ANSWERS` it gives.
    """

    def __init__(self, path):
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
        self.dtype = taken["crops"].dtype.as_numpy_dtype
        self.crop_size = _crop_size(taken["crops"].shape, path)

    def __call__(self, crops, answer):
        """Runs it: [B, S, S, 3] float32 within 0 and 1 to a dict of arrays; `answer` is one of `outputs`."""
        found = self.functions[answer](crops=tf.constant(quantised(crops, self.dtype)))
        return {name: values.numpy() for name, values in found.items()}


class TFLite:
    """A TFLite model, run by LiteRT, or by TensorFlow's own interpreter where that is not installed."""

    def __init__(self, path):
        try:
            with quiet.silence():  # It tells which delegate it has made.
                self.interpreter = _interpreter()(model_path=path)
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
        shape = self._taken(next(iter(self.keys.values())))["shape_signature"]
        # The batch that it takes; None for any.
        self.batch = int(shape[0]) if shape[0] > 0 else None
        self.crop_size = _crop_size(shape, path)

    def _taken(self, key):
        return self.runners[key].get_input_details()["crops"]

    def __call__(self, crops, answer):
        """As of `SavedModel`."""
        key = self.keys[answer]
        taken, given = self._taken(key), self.runners[key].get_output_details()
        values = quantised(crops, taken["dtype"], *taken["quantization"])
        found = in_batches(lambda part: self.runners[key](crops=part), values, self.batch)
        return {name: _dequantised(part, *given[name]["quantization"]) for name, part in found.items()}


class ONNX:
    """An ONNX model, run by ONNX Runtime on the CPU."""

    def __init__(self, path):
        try:
            import onnxruntime
        except ImportError as error:
            raise UserError(f"{path} needs ONNX Runtime: pip install onnxruntime") from error
        onnxruntime.set_default_logger_severity(3)  # Errors; it would warn of attributes that tf2onnx writes.
        try:
            self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        except Exception as error:  # Its exceptions have no base class of their own.
            raise UserError(f"{path} cannot be read as an ONNX model: {error}") from error
        (taken, *others), self.names = self.session.get_inputs(), [o.name for o in self.session.get_outputs()]
        if others:
            raise UserError(f"{path} must take `crops` alone. Received: {', '.join(i.name for i in [taken, *others])}")
        plain = {_plain(name) for name in self.names}
        self.outputs = {answer for answer, needed in ANSWERS.items() if needed <= plain}
        _require_answers(self.outputs, path)
        self.input, self.dtype = taken.name, np.uint8 if taken.type == "tensor(uint8)" else np.float32
        self.batch = taken.shape[0] if isinstance(taken.shape[0], int) else None
        self.crop_size = _crop_size(taken.shape, path)

    def __call__(self, crops, answer):
        """As of `SavedModel`."""

        def run(part):
            found = self.session.run(self.names, {self.input: part})
            return {_plain(name): values for name, values in zip(self.names, found, strict=True)}

        return in_batches(run, quantised(crops, self.dtype), self.batch)


def _interpreter():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
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


def quantised(crops, dtype, scale=0.0, zero=0):
    """Crops as a model takes them.

    Args:
        crops: [B, S, S, 3] within 0 and 1.
        dtype: numpy's; float32 stays as it is.
        scale, zero: of the model's quantisation: value = (byte - zero) * scale. Without a scale bytes are 0 to 255.
    """
    crops = np.asarray(crops, np.float32)
    if dtype == np.float32:
        return crops
    limits = np.iinfo(dtype)
    return np.clip(np.rint(crops / (scale or 1 / 255) + zero), limits.min, limits.max).astype(dtype)


def _dequantised(values, scale, zero):
    return values if not scale else (values.astype(np.float32) - zero) * np.float32(scale)


def in_batches(run, values, size):
    """Runs batches of a fixed size, the last one filled up; all at once where any size is taken.

    Args:
        run: an array to a dict of arrays with as many rows.
        values: [N, ...].
        size: of a batch; None for any.

    Returns:
        `run`'s dict for all N.
    """
    if size is None:
        return run(values)
    parts = []
    for start in range(0, len(values), size):
        part = values[start : start + size]
        filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        parts.append({name: np.array(found[: len(part)]) for name, found in run(filled).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
