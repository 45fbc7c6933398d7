"""What exported files tell of themselves, read without TensorFlow."""

import os
from typing import Any

from data_pipeline import skeleton as skeletons
from data_pipeline.common import json_file
from data_pipeline.common.files import StrPath
from data_pipeline.skeleton import MPII16, Skeleton

# Where each format keeps it.
FILE = "metadata.json"
SAVED_MODEL_FOLDER = "assets.extra"
ONNX_KEY = "metadata"
AGAIN = "export the model again"
# Of the tables of TFLite's schema: the places of their fields.
_MODEL_BUFFERS, _MODEL_METADATA, _METADATA_NAME, _METADATA_BUFFER, _BUFFER_DATA = 4, 6, 0, 1, 0


def of_saved_model(path: StrPath) -> dict[str, Any] | None:
    """What is told in a SavedModel's folder; None where nothing is."""
    file = os.path.join(path, SAVED_MODEL_FOLDER, FILE)
    return json_file.read(file, dict[str, Any], way=AGAIN) if os.path.exists(file) else None


def of_onnx(properties: dict[str, str]) -> dict[str, Any] | None:
    """What is told in the properties of an ONNX model; None where nothing is."""
    return _parsed(properties.get(ONNX_KEY))


def of_tflite(path: StrPath) -> dict[str, Any] | None:
    """What is told in a TFLite file, by the place of its entry alone; None where nothing is."""
    import flatbuffers
    from flatbuffers.table import Table

    with open(path, "rb") as file:
        content = bytearray(file.read())

    def vector(table, place):
        """The tables of a vector."""
        offset = table.Offset(4 + 2 * place)
        if not offset:
            return []
        start, count = table.Vector(offset), table.VectorLen(offset)
        return [Table(content, table.Indirect(start + 4 * n)) for n in range(count)]

    model = Table(content, flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0))
    for entry in vector(model, _MODEL_METADATA):
        name, number = (entry.Offset(4 + 2 * place) for place in (_METADATA_NAME, _METADATA_BUFFER))
        if name and entry.String(entry.Pos + name) == FILE.encode():
            buffer = entry.Get(flatbuffers.number_types.Uint32Flags, entry.Pos + number) if number else 0
            data = (held := vector(model, _MODEL_BUFFERS)[buffer]).Offset(4 + 2 * _BUFFER_DATA)
            start = held.Vector(data)
            return _parsed(bytes(content[start : start + held.VectorLen(data)]))
    return None


def skeleton_of(told: dict[str, Any] | None, source: StrPath) -> Skeleton:
    """The skeleton that an export tells; MPII's where it tells none, as exports did not before there was a choice.

    Raises:
        UserError: what it tells is no skeleton.
    """
    if not told or "skeleton" not in told:
        return MPII16
    return skeletons.from_json(told["skeleton"], str(source))


def _parsed(content):
    """A JSON object, or None where there is none; a UserError where it is damaged."""
    if content is None:
        return None
    return json_file.decode(content, dict[str, Any], f"the model's {FILE}", way=AGAIN)
