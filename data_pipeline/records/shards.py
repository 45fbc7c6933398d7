"""Shards: files of records that appear under their name only when they are whole, and what describes them."""

import os
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from data_pipeline.common import json_file
from data_pipeline.common.files import StrPath, write_json
from data_pipeline.records import framing

DESCRIPTION = "dataset.json"

Count = Annotated[int, msgspec.Meta(ge=0, le=10**9)]


class Split(msgspec.Struct):
    """What `dataset.json` must say of a split."""

    shards: dict[str, Count]


class Description(msgspec.Struct):
    """What `dataset.json` must say."""

    dataset: str
    metric: Literal["pckh", "pck", "pck_box", "pck_oks"]
    patch_size: Annotated[int, msgspec.Meta(ge=16, le=8192)]
    splits: dict[str, Split]


def name(split: str, number: int, count: int) -> str:
    """`train-00000-of-00008.tfrecord`."""
    return f"{split}-{number:05d}-of-{count:05d}.tfrecord"


def write(directory: StrPath, split: str, number: int, count: int, encoded: Iterable[bytes]) -> int:
    """Writes one shard, then gives it its name; it is on the disk by then.

    Args:
        directory: where, an existing folder.
        split, number, count: what `name` takes.
        encoded: iterable of records as bytes.

    Returns:
        The number of records written.
    """
    path = os.path.join(directory, name(split, number, count))
    partial, written = f"{path}.partial", 0
    try:
        with open(partial, "wb") as file:
            for record in encoded:
                file.write(framing.frame(record))
                written += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return written


def read_description(path: StrPath) -> dict[str, Any]:
    """What a `dataset.json` says.

    Raises:
        UserError: it is missing, or does not say what `Description` asks for.
    """
    way = "build the records again"
    told: dict[str, Any] = json_file.read(path, dict[str, Any], way=way)
    json_file.convert(told, Description, path, way=way)
    return told


def describe(directory: StrPath, description: dict[str, Any]) -> None:
    """Writes `dataset.json`, whole or not at all, keeping what it says of other splits."""
    path = os.path.join(directory, DESCRIPTION)
    if os.path.exists(path):
        old = read_description(path)
        description = {**description, "splits": {**old["splits"], **description["splits"]}}
    write_json(path, description)
