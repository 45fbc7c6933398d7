"""Encoded photographs in a graph: checked from their first bytes on, decoded as Pillow does, and turned upright.

What a server is sent is anybody's. A check that fails raises `tf.errors.InvalidArgumentError` with a sentence that a
client can read; all are stock operators, so that they travel with an exported graph.
"""

import tensorflow as tf

from data_pipeline.common.images import MOST_PIXELS, MOST_SIDE
from keras_apn.inference import orientation
from keras_apn.sources.box_file import MOST

JPEG_START, PNG_START = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
MARKER, END_OF_IMAGE = 0xFF, 0xD9
# A JPEG's frame headers are C0 to CF but for the markers of tables: Huffman's, a reserved one, arithmetic coding's.
FRAMES, TABLES = (0xC0, 0xCF), (0xC4, 0xC8, 0xCC)
# Bytes from the marker to the end of the height and the width.
FRAME_HEADER = 9


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG or PNG file to the bytes that Pillow gives: TensorFlow's usual way is off by up to 19 of 255.

    Args:
        encoded: scalar string.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        tf.errors.InvalidArgumentError: it is neither, damaged or cut short.
    """
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def check_batch(image_bytes: tf.Tensor, boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A batch as it came: [B] strings and [B, 4] boxes, of which there is one each at least, and as many."""
    images, people = tf.shape(image_bytes)[0], tf.shape(boxes)[0]
    counted = ["images: ", tf.strings.as_string(images), ", boxes: ", tf.strings.as_string(people)]
    some = _required(tf.maximum(images, people) > 0, ["the batch is empty"])
    with some, _required(images == people, [*counted, "; each image needs one, of zeros for the whole image"]):
        return tf.identity(image_bytes), tf.identity(boxes)


def read(encoded: tf.Tensor, box: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
    """Checks a photograph and its box by the file's header, then decodes it and turns it as its EXIF note says.

    Args:
        encoded: scalar string.
        box: [4] float32, x, y, width and height in pixels of the upright picture; zeros mean the whole image.
        row: of the batch, scalar int32; the first one's is 0.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        tf.errors.InvalidArgumentError: it is no JPEG or PNG file, cut short, damaged or too large, or the box is none
            or outside; the message names the row.
    """
    encoded, height, width, held = _check_size(*_check_kind(encoded, row), row)
    with _required(*_is_box(box, row)), _required(*_is_inside(box, height, width, row)):
        return orientation.upright(decode(tf.identity(encoded)), held)


def _required(condition, message):
    """A context whose operators run where a condition holds; the message is a list of strings, joined."""
    # Assert writes quotation marks with a backslash; messages do without them.
    check = tf.debugging.Assert(condition, [tf.strings.join(message)], summarize=1)
    return tf.control_dependencies([] if check is None else [check])


def _image(row):
    return tf.strings.join(["image ", tf.strings.as_string(row)])


def _check_kind(encoded: tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The file and whether it is a PNG, where it is one or a JPEG."""
    jpeg = tf.strings.substr(encoded, 0, len(JPEG_START)) == JPEG_START
    png = tf.strings.substr(encoded, 0, len(PNG_START)) == PNG_START
    with _required(jpeg | png, [_image(row), " is no JPEG or PNG file"]):
        return tf.identity(encoded), png


def _check_size(encoded, png, row):
    """`(encoded, height, width, orientation)` of a file that is whole, as far as its frame tells, and not too large."""
    data = tf.io.decode_raw(encoded, tf.uint8)
    whole, height, width, held = tf.cond(png, lambda: _png_frame(data), lambda: _jpeg_frame(data))
    turned = orientation.turns(held)
    height, width = tf.where(turned, width, height), tf.where(turned, height, width)
    with _required(whole, [_image(row), " is cut short or damaged"]):
        height, width = tf.identity(height), tf.identity(width)
    allowed = (tf.maximum(height, width) <= MOST_SIDE) & (height * width <= MOST_PIXELS)
    size = [_image(row), " has ", _pixels(height, width), " pixels, more than the "]
    with _required(allowed, [*size, f"{MOST_SIDE} a side or {MOST_PIXELS} in all that are decoded"]):
        return tf.identity(encoded), tf.identity(height), tf.identity(width), held


def _pixels(height, width):
    return tf.strings.join([tf.strings.as_string(width), " x ", tf.strings.as_string(height)])


def _number(data, start, size):
    """The big-endian number in some bytes; int64, so that no header of four bytes wraps around."""
    digits = tf.cast(data[start : start + size], tf.int64)
    return tf.reduce_sum(digits * tf.constant([256**n for n in reversed(range(size))], tf.int64))


def _png_frame(data):
    """`(whether it has an end, height, width, orientation)` by the header, which is always the first chunk."""
    length = tf.size(data) - len(PNG_END) + 1
    found = [data[n : length + n] == byte for n, byte in enumerate(PNG_END)]
    data = tf.pad(data, [[0, 24]])
    ends = tf.reduce_any(tf.reduce_all(found, 0))
    return ends, _number(data, 20, 4), _number(data, 16, 4), tf.constant(orientation.UPRIGHT)


def _jpeg_frame(data):
    """`(whether it has a frame and an end, height, width, orientation)`, by walking from segment to segment."""
    # An end before the frame is that of a thumbnail.
    length = tf.size(data)
    padded = tf.pad(data, [[0, max(FRAME_HEADER, orientation.NOTE_AT)]])

    def is_frame(at):
        kind = padded[at + 1]
        tables = tf.reduce_any(kind == tf.constant(TABLES, tf.uint8))
        return (padded[at] == MARKER) & (kind >= FRAMES[0]) & (kind <= FRAMES[1]) & ~tables

    def following(at):
        after = at + 2 + tf.cast(_number(padded, at + 2, 2), tf.int32)
        filled = tf.where(padded[at + 1] == MARKER, at + 1, after)  # Any number of FF may precede a marker.
        return tf.minimum(tf.where(padded[at] == MARKER, filled, length), length)

    start = len(JPEG_START) - 1
    frame, note = tf.while_loop(
        lambda at, note: (at < length) & ~is_frame(at),
        lambda at, note: [following(at), tf.where((note == 0) & orientation.is_note(padded, at), at, note)],
        [start, 0],
    )
    tail = data[frame:]
    ends = tf.reduce_any((tail[:-1] == MARKER) & (tail[1:] == END_OF_IMAGE))
    return ends, _number(padded, frame + 5, 2), _number(padded, frame + 7, 2), orientation.read(data, note)


def _box(box):
    return tf.strings.join(
        ["the box ", tf.strings.reduce_join(tf.strings.as_string(box, shortest=True), separator=",")]
    )


def _is_box(box, row):
    """Whether it is a box, and what to say where it is not; as `box_file.parse` sees it."""
    sound = tf.reduce_all(tf.abs(box) < MOST) & tf.reduce_all(box[2:] > 0.0)
    rule = " must have finite numbers, a width and a height above 0; zeros alone mean the whole image"
    return sound | tf.reduce_all(box == 0.0), [_box(box), " of ", _image(row), rule]


def _is_inside(box, height, width, row):
    """Whether a box shows anything of its image, and what to say where it does not; as `boxes.check_inside`."""
    size = tf.cast(tf.stack([width, height]), tf.float32)
    inside = tf.reduce_all(box[:2] < size) & (tf.reduce_all(box[:2] + box[2:] > 0.0) | tf.reduce_all(box == 0.0))
    return inside, [_box(box), " lies outside ", _image(row), " of ", _pixels(height, width), " pixels"]
