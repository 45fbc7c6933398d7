"""How a camera was held, as a JPEG notes it (EXIF), in stock operators that travel with an exported graph."""

import tensorflow as tf

# Of a segment from its marker on: the marker, its length and "Exif" with two zeros come before the note.
NAME, NAME_AT, NOTE_AT = b"Exif\0\0", 4, 10
APP1 = 0xE1
LITTLE_ENDIAN = ord("I")
# The tag of the orientation, the bytes of an entry, and how many entries are looked at; cameras write some twelve.
TAG, ENTRY, MOST_ENTRIES = 0x0112, 12, 128
UPRIGHT = 1


def is_note(padded: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """Whether a segment holds a note.

    Args:
        padded: a file's bytes, with at least 10 more behind them.
        at: where the segment's marker is.
    """
    name = padded[at + NAME_AT : at + NOTE_AT]
    return (padded[at + 1] == APP1) & tf.reduce_all(name == tf.constant(list(NAME), tf.uint8))


def read(data: tf.Tensor, at: tf.Tensor) -> tf.Tensor:
    """The orientation that a note tells.

    Args:
        data: a file's bytes, [N] uint8.
        at: where the note's segment has its marker; 0 for none.

    Returns:
        A scalar int32, 1 to 8; 1 where there is none or it makes no sense.
    """
    start = at + NOTE_AT
    # What lies beyond the file reads as zeros, and no offset goes further than that.
    padded, end = tf.pad(data, [[0, 8 + ENTRY * (MOST_ENTRIES + 1)]]), tf.cast(tf.size(data), tf.int64)
    little = padded[start] == LITTLE_ENDIAN

    def number(places, size):
        digits = tf.cast(tf.gather(padded, places[..., None] + tf.range(size, dtype=tf.int64)), tf.int64)
        weights = tf.constant([256**n for n in range(size)], tf.int64)
        return tf.reduce_sum(digits * tf.where(little, weights, weights[::-1]), -1)

    first = tf.cast(start, tf.int64)
    directory = tf.minimum(first + number(first + 4, 4), end)
    entries = directory + 2 + ENTRY * tf.range(MOST_ENTRIES, dtype=tf.int64)
    there = tf.range(MOST_ENTRIES, dtype=tf.int64) < number(directory, 2)
    found = tf.boolean_mask(number(entries + 8, 2), there & (number(entries, 2) == TAG))
    told = tf.cast(tf.concat([found, [UPRIGHT]], 0)[0], tf.int32)
    return tf.where((at > 0) & (told >= 1) & (told <= 8), told, UPRIGHT)


def turns(orientation: tf.Tensor) -> tf.Tensor:
    """Whether an upright picture is as high as the stored one is wide."""
    return orientation >= 5


def upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """A stored picture, [H, W, 3], as it is to be seen."""

    def where(condition, change, picture):
        return tf.cond(condition, lambda: change(picture), lambda: picture)

    def one_of(*numbers):
        return tf.reduce_any(orientation == tf.constant(numbers))

    image = where(turns(orientation), lambda picture: tf.transpose(picture, [1, 0, 2]), image)
    image = where(one_of(2, 3, 6, 7), lambda picture: picture[:, ::-1], image)
    return where(one_of(3, 4, 7, 8), lambda picture: picture[::-1], image)
