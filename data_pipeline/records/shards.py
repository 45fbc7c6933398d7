"""Shards: files of records that appear under their name only when they are whole, and what describes them."""

import os
from collections.abc import Iterable
from typing import Any

from data_pipeline.common.files import StrPath, read_json, write_json
from data_pipeline.records import framing

DESCRIPTION = "dataset.json"


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


def describe(directory: StrPath, description: dict[str, Any]) -> None:
    """Writes `dataset.json`, whole or not at all, keeping what it says of other splits."""
    path = os.path.join(directory, DESCRIPTION)
    if os.path.exists(path):
        old = read_json(path)
        description = {**description, "splits": {**old.get("splits", {}), **description["splits"]}}
    write_json(path, description)
