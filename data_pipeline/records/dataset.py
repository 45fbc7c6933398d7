"""Reading shards of records into batches, and the `dataset.json` that describes them."""

import functools
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from data_pipeline.common.errors import UserError, shortened
from data_pipeline.common.files import find_files
from data_pipeline.geometry import PATCH_RATIO
from data_pipeline.records import record_format, shards, stream
from data_pipeline.records.integrity import Segment
from data_pipeline.skeleton import MPII16, Skeleton, of_description

# What folders must have in common to be read as one.
ALIKE = ("metric", "patch_size", "joints")
NAMES = ("patch_to_image", "image", "person_index")


def find(pattern: str) -> list[str]:
    """The shards that match a glob, sorted, as `files.find_files` finds them.

    Raises:
        UserError: there is none.
    """
    paths = find_files(pattern)
    if not paths:
        raise UserError(f"No records match {pattern}")
    return paths


def describe(paths: Sequence[str]) -> dict[str, Any]:
    """The description that the builder left beside the shards.

    Args:
        paths: shards named `<split>-00000-of-00008.tfrecord`, of one folder or of several that can be read as one.

    Returns:
        The first folder's `dataset.json` as a dict, with `people` the number of records in these shards, `shards` that
        of each by its path, and `skeleton` the `Skeleton` of the records.

    Raises:
        UserError: it is missing or cannot be read, the shards hold no people, or folders differ in what `ALIKE` names.
    """
    folders = {os.path.dirname(path): None for path in paths}
    told = {folder: shards.read_description(os.path.join(folder, shards.DESCRIPTION)) for folder in folders}
    own = {folder: of_description(description) for folder, description in told.items()}
    told = {folder: {**description, "joints": own[folder].joints} for folder, description in told.items()}
    first, *others = told
    for name, other in ((name, other) for other in others for name in ALIKE):
        if told[first].get(name) != told[other].get(name):
            raise UserError(
                f"{first} and {other} hold records of different {name} ({shortened(told[first].get(name))} and "
                f"{shortened(told[other].get(name))}); give a glob of one folder's"
            )
    counts = {path: _records_in(path, told[os.path.dirname(path)]) for path in paths}
    people = sum(counts.values())
    if not people:
        raise UserError(f"{paths[0]} and its like hold no people; build the records again, or give others")
    return {**told[first], "people": people, "shards": counts, "skeleton": own[first]}


def _records_in(path, description):
    """How many records a shard should hold."""
    name = os.path.basename(path)
    for split in description["splits"].values():
        if name in split["shards"]:
            return split["shards"][name]
    where = os.path.join(os.path.dirname(path), shards.DESCRIPTION)
    raise UserError(f"{where} does not describe {name}; give a glob of its shards alone, like train-*.tfrecord")


def require_skeleton(described: dict[str, Any], skeleton: Skeleton) -> None:
    """Raises UserError unless records, of `describe`, hold the joints of a skeleton in its order."""
    stored = described["skeleton"]
    if stored.joints != skeleton.joints:
        folder = os.path.dirname(next(iter(described["shards"])))
        raise UserError(
            f"{folder} holds records of {stored.name} ({len(stored)} joints), wanted is {skeleton.name} "
            f"({len(skeleton)} joints); give --skeleton={os.path.join(folder, shards.DESCRIPTION)}, or other records"
        )


@functools.cache
def tell_enlarged(patch_size: int, crop_size: int) -> None:
    """One line on standard error where patches are too small for crops, which are enlarged then; once a process."""
    suited = round(crop_size * PATCH_RATIO)
    if suited > patch_size:
        print(
            f"warning: the records' patches of {patch_size} pixels are enlarged for crops of {crop_size}; "
            f"build records with --patch_size={suited}",
            file=sys.stderr,
        )


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
    skeleton: Skeleton = MPII16,
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
        skeleton: whose J joints the records hold.

    Returns:
        A `tf.data.Dataset` of dicts: `patch` [B, P, P, 3] uint8, `joints_patch` [B, J, 2] float32, `annotated` and
        `visible` [B, J] bool, `occlusion_known` [B] bool, `head_size_patch` [B] float32.

    Raises:
        UserError: nobody answers at the service's address.
    """
    index, count = every
    encoded = stream.once(_segments(shards), shuffle=shuffle, seed=seed, deterministic=deterministic)
    batches = encoded.shard(count, index).batch(batch_size)

    def parse(serialized):
        return record_format.parse(serialized, patch_size, skeleton)

    return _decoded(batches, parse, names, deterministic, service)


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
    skeleton: Skeleton = MPII16,
    stored: Sequence[Skeleton] | None = None,
) -> tf.data.Dataset:
    """Full batches for ever, in another order in every pass over the records.

    Args:
        shards: as of `load`; with `proportions` a list of such lists.
        patch_size, batch_size, shuffle, seed, names, deterministic, service: as of `load`.
        start: batches that were taken before: what follows them comes first. Needs segments.
        proportions: of each list of `shards` in a mixture; the batches hold them evenly spread.
        worker: `(index, count)`; each of `count` workers gets its own shards.
        skeleton: whose joints are wanted.
        stored: whose joints the records of each list of `shards` hold in a mixture, `skeleton`'s if None. Joints are
            found by their names; those that a data set lacks are not annotated.

    Returns:
        What `load` does.

    Raises:
        UserError: there are fewer shards than workers, or nobody answers at the service's address.
    """
    groups = [_of_worker(_segments(group), *worker) for group in (shards if proportions else [shards])]
    if any(all(segment.records == 0 for segment in group) for group in groups):
        raise UserError("A worker's shards hold no people, and would be read for ever; build fewer shards")
    order: dict[str, Any] = {"shuffle": shuffle, "seed": seed, "deterministic": deterministic}
    differ = proportions and stored and any(one.joints != skeleton.joints for one in stored)
    if proportions:
        sources = [_source(own, order, n if differ else None) for n, own in enumerate(groups)]
        encoded = stream.mixed(sources, proportions, start * batch_size)
    else:
        encoded = stream.endless(groups[0], start=start * batch_size, **order)

    def parse(serialized, source=None):
        if differ:
            return record_format.parse_mixed(serialized, source, patch_size, skeleton, stored)
        return record_format.parse(serialized, patch_size, skeleton)

    return _decoded(encoded.batch(batch_size, drop_remainder=True), parse, names, deterministic, service)


def _source(segments, order, number):
    """A function of `stream.mixed`; its records come with the number of their data set, if that is given."""

    def records(taken):
        found = stream.endless(segments, start=taken, **order)
        return found if number is None else found.map(lambda record: (record, tf.constant(number, tf.int64)))

    return records


def _decoded(batches, parse, names, deterministic, service):
    """Batches of encoded records as the dicts that `parse` makes of them, by a service where there is one."""

    def chosen(*encoded):
        return {key: value for key, value in parse(*encoded).items() if names or key not in NAMES}

    # Batched before they are decoded: one call of the parser a batch, and each patch is copied once (BUILD_NOTES 23).
    batches = batches.map(chosen, num_parallel_calls=tf.data.AUTOTUNE, deterministic=deterministic)
    if service:
        _reach(service)
        policy = tf.data.experimental.service.ShardingPolicy.DYNAMIC
        batches = batches.apply(tf.data.experimental.service.distribute(processing_mode=policy, service=service))
    return batches.prefetch(tf.data.AUTOTUNE)


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
