"""Encoded records in the order of training, which follows from seed and position alone.

Every pass over the records has an order of its own, drawn from the seed and the number of the pass; so a training that
was stopped goes on with the very records that would have come next.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from data_pipeline.records.integrity import Segment

INTERLEAVED = 8
READ_BYTES = 1 << 20
# A mixture's proportions are kept exactly in every so many records.
PERIOD = 100


def once(
    segments: Sequence[Segment],
    shuffle: int = 0,
    seed: int = 0,
    deterministic: bool = True,
    number: int | tf.Tensor = 0,
) -> tf.data.Dataset:
    """One pass over the records of segments.

    Args:
        segments: `integrity.Segment`s.
        shuffle: size of the shuffle buffer in records; 0 keeps the order of the files.
        seed: of the order.
        deterministic: the same order for the same seed; if not, what is ready first comes first.
        number: of the pass, an integer or a scalar tensor; each has its own order.

    Returns:
        A `tf.data.Dataset` of scalar strings.
    """
    if not segments:  # Shards without a record.
        return tf.data.Dataset.from_tensor_slices(tf.constant([], tf.string))
    paths, offsets, counts = zip(*segments, strict=True)
    places = tf.data.Dataset.from_tensor_slices((list(paths), tf.constant(offsets, tf.int64), list(counts)))
    if not shuffle:
        return places.flat_map(_records)
    drawn = tf.random.stateless_uniform([4], [seed, number], maxval=tf.int64.max, dtype=tf.int64)
    records = _shuffled(places, len(segments), drawn[:2]).interleave(
        _records,
        cycle_length=min(len(segments), INTERLEAVED),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=deterministic,
    )
    return _shuffled(records, shuffle, drawn[2:])


def endless(
    segments: Sequence[Segment], shuffle: int = 0, seed: int = 0, deterministic: bool = True, start: int = 0
) -> tf.data.Dataset:
    """Pass after pass over the records of segments.

    Args:
        segments, shuffle, seed, deterministic: as of `once`.
        start: how many records have been taken before; what follows them comes first.

    Returns:
        A `tf.data.Dataset` of scalar strings.

    Raises:
        ValueError: `start` is given and a segment does not tell how many records it holds.
    """
    if start and any(segment.records < 0 for segment in segments):
        raise ValueError("`start` needs segments that tell their records, as `integrity.survey` gives them.")
    number, taken = divmod(start, max(sum(segment.records for segment in segments), 1)) if start else (0, 0)
    passes = tf.data.Dataset.counter(number)
    return passes.flat_map(lambda n: once(segments, shuffle, seed, deterministic, n)).skip(taken)


def mixed(
    sources: Sequence[Callable[[int], tf.data.Dataset]], proportions: Sequence[float], start: int = 0
) -> tf.data.Dataset:
    """Records of several streams, spread evenly, in exact proportions in every `PERIOD` records.

    Args:
        sources: functions from how many of its records have been taken before to a stream, as `endless` makes them.
        proportions: of each in the mixture, above 0; they need not add up to 1.
        start: how many records of the mixture have been taken before.

    Returns:
        A `tf.data.Dataset` of scalar strings.
    """
    pattern = turns(proportions)
    periods, within = divmod(start, PERIOD)
    in_period, begun = (np.bincount(part, minlength=len(sources)) for part in (pattern, pattern[:within]))
    streams = [source(int(taken)) for source, taken in zip(sources, periods * in_period + begun, strict=True)]
    choice = tf.data.Dataset.from_tensor_slices(np.roll(pattern, -within)).repeat()
    return tf.data.Dataset.choose_from_datasets(streams, choice, stop_on_empty_dataset=False)


def turns(proportions: Sequence[float]) -> np.ndarray:
    """Whose turn it is in a mixture: [PERIOD] int64 indices, each source as often as its share says, to one record.

    Raises:
        ValueError: a share is too small to come once.
    """
    wanted = PERIOD * np.asarray(proportions, np.float64) / np.sum(proportions)
    if wanted.min() < 1:
        raise ValueError(f"Each share of a mixture must be at least 1 in {PERIOD}. Received: {list(proportions)}")
    counts = np.floor(wanted)
    # What rounding down leaves over goes to the largest remainders.
    counts[np.argsort(counts - wanted, kind="stable")[: round(PERIOD - counts.sum())]] += 1
    taken, order = np.zeros(len(counts)), []
    for n in range(PERIOD):  # Whoever is furthest behind.
        chosen = int((counts * (n + 1) / PERIOD - taken).argmax())
        taken[chosen] += 1
        order.append(chosen)
    return np.array(order, np.int64)


def _shuffled(values, size, seeds):
    """Shuffles by two seeds alone. `Dataset.shuffle` takes one that is a tensor only while no global seed is 0."""
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(values),
        buffer_size=tf.constant(size, tf.int64),
        seed=seeds[0],
        seed2=seeds[1],
        output_types=[spec.dtype for spec in tf.nest.flatten(values.element_spec)],
        output_shapes=[spec.shape for spec in tf.nest.flatten(values.element_spec)],
    )
    return tf.data.experimental.from_variant(variant, values.element_spec)


def _records(path, offset, count):
    """The encoded records of one segment. `tf.data.TFRecordDataset` cannot start within a file, its operator can."""
    variant = tf.raw_ops.TFRecordDatasetV2(
        filenames=[path], compression_type="", buffer_size=tf.constant(READ_BYTES, tf.int64), byte_offsets=[offset]
    )
    found = tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))
    return found.take(tf.cast(count, tf.int64))
