"""Writing records into shards that appear under their final name only when they are whole."""

import glob
import json
import os

import tensorflow as tf

from data_pipeline.dataset import DESCRIPTION
from data_pipeline.errors import UserError
from data_pipeline.files import write_json


def name(split, number, count):
    """`train-00000-of-00008.tfrecord`."""
    return f"{split}-{number:05d}-of-{count:05d}.tfrecord"


def _existing(directory, split):
    return glob.glob(os.path.join(glob.escape(directory), f"{split}-*-of-*.tfrecord"))


def discard(directory, splits):
    """Removes the shards of these splits: what a build that failed had finished is no data set."""
    for split in splits:
        for path in _existing(directory, split):
            os.remove(path)


def refuse_existing(directory, splits):
    """Raises UserError where a folder already holds shards of one of these splits."""
    for split in splits:
        found = _existing(directory, split)
        if found:
            raise UserError(f"{directory} holds {len(found)} {split} shards; delete them or give another --output")


def write(directory, split, number, count, encoded):
    """Writes one shard, then renames it.

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
        with tf.io.TFRecordWriter(partial) as writer:
            for record in encoded:
                writer.write(record)
                written += 1
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
    return written


def describe(directory, description):
    """Writes `dataset.json`, whole or not at all, keeping what it says of other splits."""
    path = os.path.join(directory, DESCRIPTION)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            old = json.load(file)
        description = {**description, "splits": {**old.get("splits", {}), **description["splits"]}}
    write_json(path, description)
