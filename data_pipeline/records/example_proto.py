"""`tf.train.Example`, the message that a record is, without TensorFlow: its import takes longer than 200 records.

The same message is described to protobuf here, so its bytes are those of TensorFlow's own (`test_example_proto.py`).
"""

import functools
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_LISTS = {"BytesList": _FIELD.TYPE_BYTES, "FloatList": _FIELD.TYPE_FLOAT, "Int64List": _FIELD.TYPE_INT64}
_KINDS = {"b": "int64_list", "i": "int64_list", "u": "int64_list", "f": "float_list"}


@functools.cache
def _message():
    """The class of the message; the fields are those of TensorFlow's example.proto and feature.proto."""
    file = descriptor_pb2.FileDescriptorProto(name="apn_example.proto", package="apn", syntax="proto3")
    for name, kind in _LISTS.items():
        _add(file.message_type.add(name=name), "value", 1, kind, repeated=True)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (field, name) in enumerate(
        (("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List")), 1
    ):
        _add(feature, field, number, _FIELD.TYPE_MESSAGE, f".apn.{name}").oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    _add(entry, "key", 1, _FIELD.TYPE_STRING)
    _add(entry, "value", 2, _FIELD.TYPE_MESSAGE, ".apn.Feature")
    _add(features, "feature", 1, _FIELD.TYPE_MESSAGE, ".apn.Features.FeatureEntry", repeated=True)
    _add(file.message_type.add(name="Example"), "features", 1, _FIELD.TYPE_MESSAGE, ".apn.Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("apn.Example"))


def _add(message, name, number, kind, type_name=None, repeated=False):
    label = _FIELD.LABEL_REPEATED if repeated else _FIELD.LABEL_OPTIONAL
    return message.field.add(name=name, number=number, type=kind, type_name=type_name, label=label)


def serialize(values: dict[str, Any]) -> bytes:
    """Makes a record.

    Args:
        values: a dict of bytes, numbers and arrays of them, as `patch.values` gives it.

    Returns:
        Bytes of a `tf.train.Example`; the same values give the same bytes.
    """
    message = _message()()
    for name, value in values.items():
        feature = message.features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        else:
            flat = np.ravel(value)
            kind = _KINDS[flat.dtype.kind]
            flat = flat.astype(np.int64 if kind == "int64_list" else np.float32)
            getattr(feature, kind).value.extend(flat.tolist())
    return message.SerializeToString(deterministic=True)


def counts(serialized: bytes) -> dict[str, int]:
    """What a record adds to the counts of `dataset.json`.

    Args:
        serialized: bytes, as `serialize` makes them.

    Returns:
        A dict: `people`, 1; `people_occlusion_unknown`, 1 or 0; `joints_annotated`; `joints_occluded`, 0 where that is
        not known.
    """
    features = _message().FromString(serialized).features.feature
    annotated, visible = (sum(features[f"joints/{flag}"].int64_list.value) for flag in ("annotated", "visible"))
    known = all(features["occlusion_known"].int64_list.value)
    return {
        "people": 1,
        "people_occlusion_unknown": int(not known),
        "joints_annotated": annotated,
        "joints_occluded": annotated - visible if known else 0,
    }
