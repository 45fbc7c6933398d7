"""A JPEG file's segments in stock operators: how large it is, what it costs, and how the camera was held."""

from typing import NamedTuple

import tensorflow as tf

from data_pipeline.common.jpeg import (
    DECODING_PASSES,
    END_OF_IMAGE,
    FRAMES,
    MOST_SEGMENTS,
    START,
    START_OF_SCAN,
    TABLES,
)
from keras_apn.inference.photographs import orientation

# Bytes behind the file that are looked at where it ends early, as zeros: of a frame header, or of a note's name.
BEYOND = max(9, orientation.NOTE_AT)


class Frame(NamedTuple):
    """What a photograph's header tells, scalars.

    Attributes:
        whole: bool, whether it has a frame and an end.
        height, width: int64, of the stored picture.
        passes: int64, what a decoder does for each pixel, as `jpeg.MOST_WORK` counts it.
        held: int32, how the camera was held, as `orientation.read` gives it.
        segments: int64, of those that were looked at; above `jpeg.MOST_SEGMENTS` where there were more.
    """

    whole: tf.Tensor
    height: tf.Tensor
    width: tf.Tensor
    passes: tf.Tensor
    held: tf.Tensor
    segments: tf.Tensor


def number(data: tf.Tensor, start: tf.Tensor | int, size: int) -> tf.Tensor:
    """The big-endian number in some bytes, [N] uint8; int64, so that no header of four bytes wraps around."""
    digits = tf.cast(data[start : start + size], tf.int64)
    return tf.reduce_sum(digits * tf.constant([256**n for n in reversed(range(size))], tf.int64))


def read(data: tf.Tensor) -> Frame:
    """Walks from segment to segment as libjpeg does, `jpeg.MOST_SEGMENTS` at most.

    The bytes are searched for markers once, so that filling and a scan's data cost no round of their own.

    Args:
        data: a file that begins with `jpeg.START`, [N] uint8.
    """
    places, kinds = _markers(data)
    padded = tf.pad(data, [[0, BEYOND]])

    def more(index, frame, note, scans, segments):
        return (kinds[index] != END_OF_IMAGE) & (kinds[index] != 0) & (segments <= MOST_SEGMENTS)

    def following(index, frame, note, scans, segments):
        at, kind = places[index], kinds[index]
        after = at + 2 + tf.maximum(number(padded, at + 2, 2), 2)
        noted = (note == 0) & (frame == 0) & orientation.is_note(padded, at)
        return (
            tf.searchsorted(places[:-1], after[None], out_type=tf.int64)[0],
            tf.where((frame == 0) & _is_frame(kind), at, frame),
            tf.where(noted, at, note),
            scans + tf.cast(kind == START_OF_SCAN, tf.int64),
            segments + 1,
        )

    zero = tf.constant(0, tf.int64)
    last, frame, note, scans, segments = tf.while_loop(more, following, [zero] * 5, parallel_iterations=1)
    whole = (segments > MOST_SEGMENTS) | ((frame > 0) & (kinds[last] == END_OF_IMAGE))
    height, width = (tf.where(frame > 0, number(padded, frame + side, 2), 0) for side in (5, 7))
    return Frame(
        whole, height, width, DECODING_PASSES + scans, orientation.read(data, tf.cast(note, tf.int32)), segments
    )


def _markers(data):
    """`(places, kinds)` of a file's markers, in order, and a last one of kind 0 behind them."""
    at = tf.where(data[len(START) - 1 : -1] == 0xFF)[:, 0] + len(START) - 1
    kinds = tf.cast(tf.gather(data, at + 1), tf.int32)
    # As `jpeg.MARKER` has them.
    known = (kinds > 1) & (kinds < 0xFF) & ((kinds < 0xD0) | (kinds > 0xD7))
    places, kinds = tf.boolean_mask(at, known), tf.boolean_mask(kinds, known)
    return tf.concat([places, [tf.size(data, tf.int64)]], 0), tf.concat([kinds, [0]], 0)


def _is_frame(kind):
    return (kind >= FRAMES[0]) & (kind <= FRAMES[1]) & ~tf.reduce_any(kind == tf.constant(TABLES))
