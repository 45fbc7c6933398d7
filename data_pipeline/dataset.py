"""Reading shards of records into batches, and the `dataset.json` that describes them."""

import glob
import json
import os

import tensorflow as tf

from data_pipeline import records
from data_pipeline.errors import UserError

DESCRIPTION = "dataset.json"


def find(pattern):
    """The shards that match a glob, sorted.

    Raises:
        UserError: there is none.
    """
    paths = sorted(glob.glob(pattern))
    if not paths:
        raise UserError(f"No records match {pattern}")
    return paths


def describe(paths):
    """The description that the builder left beside the shards.

    Args:
        paths: shards of one folder, named `<split>-00000-of-00008.tfrecord`.

    Returns:
        The folder's `dataset.json` as a dict, with `people` the number of records in these shards' splits.

    Raises:
        UserError: it is missing or cannot be read.
    """
    path = os.path.join(os.path.dirname(paths[0]), DESCRIPTION)
    try:
        with open(path, encoding="utf-8") as file:
            description = json.load(file)
        names = {os.path.basename(p) for p in paths}
        people = sum(n for split in description["splits"].values() for s, n in split["shards"].items() if s in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); build the records again") from error
    return {**description, "people": people}


def load(paths, *, patch_size, batch_size, shuffle=0, seed=0, repeat=False, names=False):
    """Batches of records, decoded on the host in parallel.

    Args:
        paths: shards.
        patch_size: side of their patches, from `describe`.
        batch_size: records in a batch; the last one of an epoch may be smaller unless `repeat`.
        shuffle: size of the shuffle buffer in (encoded) records; 0 keeps the order of the files.
        seed: of the shuffle; the order changes from epoch to epoch and is the same for the same seed.
        repeat: go on for ever.
        names: also give `patch_to_image` [B, 2, 3], `image` [B] string and `person_index` [B].

    Returns:
        A `tf.data.Dataset` of dicts: `patch` [B, P, P, 3] uint8, `joints_patch` [B, 16, 2] float32, `annotated` and
        `visible` [B, 16] bool, `head_size_patch` [B] float32.
    """
    shards = tf.data.Dataset.from_tensor_slices(list(paths))
    if shuffle:
        shards = shards.shuffle(len(paths), seed=seed)
        encoded = shards.interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(len(paths), 8),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        encoded = encoded.shuffle(shuffle, seed=seed)
    else:
        encoded = shards.flat_map(tf.data.TFRecordDataset)
    if repeat:
        encoded = encoded.repeat()

    def parse(serialized):
        record = records.parse(serialized, patch_size)
        if not names:
            for key in ("patch_to_image", "image", "person_index"):
                del record[key]
        return record

    decoded = encoded.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return decoded.batch(batch_size, drop_remainder=repeat).prefetch(tf.data.AUTOTUNE)
