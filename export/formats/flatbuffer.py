"""TFLite files as objects: what is in one, what travels in it, and how two become one."""

import collections

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

OPERATORS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
# The converter's own metadata: 16 bytes, the version and zeros.
RUNTIME = "min_runtime_version"
TYPES = {code: name.lower() for name, code in vars(schema.TensorType).items() if isinstance(code, int)}


def parse(content: bytes) -> schema.ModelT:
    """A file's bytes as a `ModelT` of TFLite's schema."""
    return flatbuffer_utils.convert_bytearray_to_object(bytearray(content))


def read(path: StrPath) -> schema.ModelT:
    """A file as a `ModelT`.

    Raises:
        UserError: it cannot be read, or is no TFLite model.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    # The schema's own reader takes any bytes and fails where they lead it.
    if content[4:8] != b"TFL3":
        raise UserError(f"{path} cannot be read as a TFLite model: it lacks TFL3 in its first bytes")
    return parse(content)


def serialise(model: schema.ModelT) -> bytes:
    """The bytes of a `ModelT`."""
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def operators(model: schema.ModelT) -> collections.Counter:
    """How often each operator is there: a Counter by its name in TFLite's schema, a custom one as `CUSTOM name`."""
    names = [_operator(code) for code in model.operatorCodes]
    return collections.Counter(names[node.opcodeIndex] for graph in model.subgraphs for node in graph.operators)


def types(model: schema.ModelT) -> set[str]:
    """The dtypes of all tensors, as `int8`."""
    return {TYPES[tensor.type] for graph in model.subgraphs for tensor in graph.tensors}


def ends(model: schema.ModelT, side: str) -> dict[str, dict]:
    """The `inputs` or `outputs` of the one signature.

    Returns:
        A dict by name of dicts: `index` of the tensor, `dtype`, `shape`, and for a quantised tensor `scale` and
        `zero_point`: value = (stored - zero_point) * scale.
    """
    found = {}
    for end in getattr(model.signatureDefs[0], side):
        tensor = model.subgraphs[0].tensors[end.tensorIndex]
        told = {"index": int(end.tensorIndex), "dtype": TYPES[tensor.type], "shape": [int(n) for n in tensor.shape]}
        if tensor.quantization is not None and tensor.quantization.scale is not None:
            told["scale"] = float(tensor.quantization.scale[0])
            told["zero_point"] = int(tensor.quantization.zeroPoint[0])
        found[_text(end.name)] = told
    return found


def name_signature(model: schema.ModelT, key: str) -> None:
    """Names the one signature."""
    model.signatureDefs[0].signatureKey = key


def embed(model: schema.ModelT, name: str, content: bytes) -> None:
    """Lets bytes travel in the file, as its metadata of this name."""
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]


def embedded(model: schema.ModelT, name: str) -> bytes | None:
    """The bytes that `embed` put there; None where there are none."""
    for entry in model.metadata or []:
        if _text(entry.name) == name:
            return bytes(model.buffers[entry.buffer].data)
    return None


def join(first: schema.ModelT, second: schema.ModelT) -> schema.ModelT:
    """Feeds a model's outputs to the inputs of the same names of another.

    Args:
        first, second: `ModelT`s with one graph and one signature each; a quantised output of the first is turned back
            into the float32 that the second takes. Both are used up.

    Returns:
        A `ModelT` with the inputs of the first, the outputs of the second, and the signature's key of the second.
    """
    given, taken = ends(first, "outputs"), ends(second, "inputs")
    graph, tail = first.subgraphs[0], second.subgraphs[0]
    offset = len(graph.tensors)
    runtime = max(_runtime(first), _runtime(second), key=_numbers)
    _append(first, second)
    moved = {end["index"]: end["index"] + offset for end in taken.values()}
    for name, end in taken.items():
        if given[name]["dtype"] == end["dtype"]:
            moved[end["index"]] = given[name]["index"]
        else:
            graph.operators.append(_dequantize(first, given[name]["index"], moved[end["index"]]))

    def place(indices):
        return [moved.get(int(n), int(n) + offset if n >= 0 else -1) for n in indices]

    for node in tail.operators:
        node.inputs, node.outputs = place(node.inputs), place(node.outputs)
    graph.operators += tail.operators
    graph.outputs = place(tail.outputs)
    signature, ending = first.signatureDefs[0], second.signatureDefs[0]
    for end in ending.outputs:
        end.tensorIndex += offset
    signature.outputs, signature.signatureKey = ending.outputs, ending.signatureKey
    _require_runtime(first, runtime)
    return first


def _append(first, second):
    """Adds a model's buffers, tensors and operator codes to another, and counts its references to them on."""
    tail = second.subgraphs[0]
    for tensor in tail.tensors:
        tensor.buffer += len(first.buffers)
    for node in tail.operators:
        node.opcodeIndex += len(first.operatorCodes)
    first.buffers += second.buffers
    first.operatorCodes += second.operatorCodes
    first.subgraphs[0].tensors += tail.tensors


def _dequantize(model, source, target):
    """A new operator from a quantised to a float32 tensor."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 2  # The first that takes int8.
    model.operatorCodes.append(code)
    node = schema.OperatorT()
    node.opcodeIndex, node.inputs, node.outputs = len(model.operatorCodes) - 1, [source], [target]
    return node


def _runtime(model):
    """The oldest runtime that knows a model's operators, as b"2.3.0"."""
    return (embedded(model, RUNTIME) or b"0").rstrip(b"\0")


def _require_runtime(model, version):
    for entry in model.metadata or []:
        if _text(entry.name) == RUNTIME:
            model.buffers[entry.buffer].data = np.frombuffer(version.ljust(16, b"\0"), np.uint8)


def _numbers(version):
    return [int(number) for number in version.split(b".")]


def _operator(code):
    if code.customCode is not None:
        return f"CUSTOM {_text(code.customCode)}"
    # Codes below 127 are in the first of the two fields, and files of old converters have no other.
    return OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def _text(name):
    return name.decode() if isinstance(name, bytes) else name
