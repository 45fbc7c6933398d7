"""Reading shards of records into batches, and the `dataset.json` that describes them."""

import glob
import json
import os
import socket
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.records import record_format, stream
from data_pipeline.records.integrity import Segment
from data_pipeline.records.shards import DESCRIPTION

NAMES = ("patch_to_image", "image", "person_index")


def find(pattern: str) -> list[str]:
    """The shards that match a glob, sorted.

    Raises:
        UserError: there is none.
    """
    paths = sorted(glob.glob(pattern))
    if not paths:
        raise UserError(f"No records match {pattern}")
    return paths


def describe(paths: Sequence[str]) -> dict[str, Any]:
    """The description that the builder left beside the shards.

    Args:
        paths: shards of one folder, named `<split>-00000-of-00008.tfrecord`.

    Returns:
        The folder's `dataset.json` as a dict, with `people` the number of records in these shards and `shards` that of
        each by its path.

    Raises:
        UserError: it is missing or cannot be read.
    """
    path = os.path.join(os.path.dirname(paths[0]), DESCRIPTION)
    try:
        with open(path, encoding="utf-8") as file:
            description = json.load(file)
        counts = {name: n for split in description["splits"].values() for name, n in split["shards"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is missing or damaged ({error}); build the records again") from error
    unknown = [p for p in paths if os.path.basename(p) not in counts]
    if unknown:
        name = os.path.basename(unknown[0])
        raise UserError(f"{path} does not describe {name}; give a glob of its shards alone, like train-*.tfrecord")
    shards = {p: counts[os.path.basename(p)] for p in paths}
    return {**description, "people": sum(shards.values()), "shards": shards}


def load(
    shards: Sequence[str | Segment],
    *,
    patch_size: int,
    batch_size: int,
    shuffle: int = 0,
    seed: int = 0,
    names: bool = False,
    deterministic: bool = True,
    every: tuple[int, int] = (0, 1),
    service: str | None = None,
) -> tf.data.Dataset:
    """Batches of one pass over records, decoded on the host in parallel; the last one may be smaller.

    Args:
        shards: paths, or the `integrity.Segment`s of them that can be read.
        patch_size: side of their patches, from `describe`.
        batch_size: records in a batch.
        shuffle: size of the shuffle buffer in (encoded) records; 0 keeps the order of the files.
        seed: of the shuffle: the same order for the same seed, another one in every pass.
        names: also give `patch_to_image` [B, 2, 3], `image` [B] string and `person_index` [B].
        deterministic: the same order for the same seed; if not, what is ready first comes first.
        every: `(index, count)`; every `count`-th record, from the one at `index` on.
        service: address of a tf.data service, as `grpc://host:5050`, whose machines read and decode; they must see
            the shards under the same paths.

    Returns:
        A `tf.data.Dataset` of dicts: `patch` [B, P, P, 3] uint8, `joints_patch` [B, 16, 2] float32, `annotated` and
        `visible` [B, 16] bool, `occlusion_known` [B] bool, `head_size_patch` [B] float32.

    Raises:
        UserError: nobody answers at the service's address.
    """
    index, count = every
    encoded = stream.once(_segments(shards), shuffle=shuffle, seed=seed, deterministic=deterministic)
    batches = encoded.shard(count, index).batch(batch_size)
    return _decoded(batches, patch_size, names, deterministic, service)


def endless(
    shards: Sequence,
    *,
    patch_size: int,
    batch_size: int,
    shuffle: int = 0,
    seed: int = 0,
    names: bool = False,
    deterministic: bool = True,
    start: int = 0,
    proportions: Sequence[float] | None = None,
    worker: tuple[int, int] = (0, 1),
    service: str | None = None,
) -> tf.data.Dataset:
    """Full batches for ever, in another order in every pass over the records.

    Args:
        shards: as of `load`; with `proportions` a list of such lists.
        patch_size, batch_size, shuffle, seed, names, deterministic, service: as of `load`.
        start: batches that were taken before: what follows them comes first. Needs segments.
        proportions: of each list of `shards` in a mixture; the batches hold them evenly spread.
        worker: `(index, count)`; each of `count` workers gets its own shards.

    Returns:
        What `load` does.

    Raises:
        UserError: there are fewer shards than workers, or nobody answers at the service's address.
    """
    groups = [_of_worker(_segments(group), *worker) for group in (shards if proportions else [shards])]
    order: dict[str, Any] = {"shuffle": shuffle, "seed": seed, "deterministic": deterministic}
    if proportions:
        sources = [lambda taken, own=own: stream.endless(own, start=taken, **order) for own in groups]
        encoded = stream.mixed(sources, proportions, start * batch_size)
    else:
        encoded = stream.endless(groups[0], start=start * batch_size, **order)
    return _decoded(encoded.batch(batch_size, drop_remainder=True), patch_size, names, deterministic, service)


def _decoded(batches, patch_size, names, deterministic, service):
    """Batches of encoded records as dicts, by a service where there is one."""

    def parse(serialized):
        batch = record_format.parse(serialized, patch_size)
        return {key: value for key, value in batch.items() if names or key not in NAMES}

    # Batched before they are decoded: one call of the parser a batch, and each patch is copied once (BUILD_NOTES 23).
    batches = batches.map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=deterministic)
    if service:
        _reach(service)
        policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
        batches = batches.apply(tf.data.experimental.service.distribute(processing_mode=policy, service=service))
    return batches.prefetch(tf.data.AUTOTUNE)


def padded(batches: tf.data.Dataset, batch_size: int, count: int) -> tf.data.Dataset:
    """So many batches of one size: what is missing are people of whom nothing is annotated.

    Args:
        batches: as `load` gives them; no more than `count`, and none larger than `batch_size`.
        batch_size: of every batch.
        count: of batches.

    Returns:
        A `tf.data.Dataset` like `batches`.
    """

    def fill(batch):
        missing = batch_size - tf.shape(batch["annotated"])[0]
        return {name: _lengthened(value, missing) for name, value in batch.items()}

    nobody = {name: tf.zeros([0, *spec.shape[1:]], spec.dtype) for name, spec in batches.element_spec.items()}
    rest = tf.data.Dataset.from_tensors(nobody).repeat()
    filled = batches.concatenate(rest).take(count).map(fill, num_parallel_calls=tf.data.AUTOTUNE)
    return filled.prefetch(tf.data.AUTOTUNE)


def _lengthened(value, missing):
    """A batch's tensor with so many rows of zeros, or of False, behind it."""
    return tf.concat([value, tf.zeros([missing, *value.shape[1:]], value.dtype)], axis=0)


def _segments(shards):
    """Paths or segments as `Segment`s."""
    return [shard if isinstance(shard, Segment) else Segment(shard, 0, -1) for shard in shards]


def _reach(service):
    """Raises UserError where nobody answers at the address of a service; TensorFlow would wait for ever."""
    host, _, port = service.rpartition("://")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, ValueError) as error:
        raise UserError(f"{service} does not answer ({error}); python -m data_pipeline.service starts one") from error


def _of_worker(segments, index, count):
    """The segments of one worker's shards."""
    paths = sorted({segment.path for segment in segments})
    if count > 1 and len(paths) < count:
        raise UserError(f"{count} workers need as many shards, here are {len(paths)}; build with --shards={count}")
    own = set(paths[index::count])
    return [segment for segment in segments if segment.path in own]
