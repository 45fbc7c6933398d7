"""Encoded photographs in a graph: checked from their first bytes on, decoded as Pillow does, and turned upright.

What a server is sent is anybody's. A check that fails raises `tf.errors.InvalidArgumentError` with a sentence that a
client can read; all are stock operators, so that they travel with an exported graph. Everything of a request is checked
before anything is decoded: what it may cost is bounded (BUILD_NOTES 70).
"""

import tensorflow as tf

from data_pipeline.common import jpeg
from data_pipeline.common.images import MOST_PIXELS, MOST_SIDE
from keras_apn.inference.arrays import BOX_MARGIN, MOST_PEOPLE
from keras_apn.inference.photographs import jpeg_header, orientation
from keras_apn.inference.photographs.jpeg_header import Frame, number
from keras_apn.sources.box_form import MOST

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
# Chunks of text that libpng unpacks, up to 8 MB each, only to throw them away; cameras and editors write a few.
PNG_TEXTS, MOST_TEXTS = (b"zTXt", b"iTXt"), 16
# What a pixel costs, as `jpeg.MOST_WORK` counts it: of a PNG file of 16 bits and alpha, and of a box.
PNG_PASSES, BOX_PASSES = 16, 4


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


def check_batch(image_bytes: tf.Tensor, boxes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Checks a request by its files' headers.

    Args:
        image_bytes: [N] strings, JPEG or PNG files: one for all people, or one a person.
        boxes: [P, 4] float32, x, y, width and height in pixels of the upright picture; zeros mean the whole image.

    Returns:
        `(image_bytes [N], boxes [N, P / N, 4], held [N])`, as they came, and how each camera was held.

    Raises:
        tf.errors.InvalidArgumentError: there is nobody, there are more than `MOST_PEOPLE`, their numbers do not fit, an
            image is no JPEG or PNG file, cut short, damaged or too large, a box is none or outside, or all together
            cost too much; the message names the row.
    """
    image_bytes, boxes = _check_numbers(image_bytes, boxes)
    images = tf.shape(image_bytes)[0]
    boxes = tf.reshape(boxes, [images, -1, 4])

    def check(row):
        encoded, own, image = row
        frame = check_image(encoded, image)
        return frame.held, work(frame, check_boxes(own, frame, image))

    rows = (image_bytes, boxes, tf.range(images))
    held, costs = tf.map_fn(check, rows, fn_output_signature=(tf.int32, tf.int64), parallel_iterations=1)
    cost = tf.reduce_sum(costs)
    too_much = ["the request costs ", tf.strings.as_string(cost), f" passes over pixels, more than {jpeg.MOST_WORK}"]
    with _required(cost <= jpeg.MOST_WORK, [*too_much, "; send fewer images, and each once with all its boxes"]):
        return tf.identity(image_bytes), tf.identity(boxes), tf.identity(held)


def _check_numbers(image_bytes, boxes):
    """Of images and people: at least one each, and an image for each person or one for all."""
    # A client may send a tensor of any rank, whatever the signature says.
    image_bytes, boxes = tf.ensure_shape(image_bytes, [None]), tf.ensure_shape(boxes, [None, 4])
    images, people = tf.shape(image_bytes)[0], tf.shape(boxes)[0]
    counted = ["images: ", tf.strings.as_string(images), ", boxes: ", tf.strings.as_string(people)]
    some = _required(tf.maximum(images, people) > 0, ["the batch is empty"])
    fit = _required(
        (images == people) | ((images == 1) & (people > 0)),
        [*counted, "; each image needs one, of zeros for the whole image, unless one image is for all boxes"],
    )
    few = _required(people <= MOST_PEOPLE, [*counted, f"; a request may have {MOST_PEOPLE}"])
    with some, fit, few:
        return tf.identity(image_bytes), tf.identity(boxes)


def check_image(encoded: tf.Tensor, row: tf.Tensor) -> Frame:
    """The `Frame` of a JPEG or PNG file that may be decoded, of the upright picture.

    Args:
        encoded: scalar string.
        row: of the batch, scalar int32; the first one's is 0.

    Raises:
        tf.errors.InvalidArgumentError: it may not be; the message names the row.
    """
    encoded, png = _check_kind(encoded, row)
    data = tf.io.decode_raw(encoded, tf.uint8)
    frame = Frame(*tf.cond(png, lambda: _png_frame(data), lambda: jpeg_header.read(data)))
    return _check_frame(frame, row)


def _check_frame(frame, row):
    turned = orientation.turns(frame.held)
    height, width = tf.where(turned, frame.width, frame.height), tf.where(turned, frame.height, frame.width)
    with _required(frame.whole, [_image(row), " is cut short or damaged"]):
        height, width = tf.identity(height), tf.identity(width)
    size = [_image(row), " has ", _pixels(height, width), " pixels"]
    allowed = (tf.maximum(height, width) <= MOST_SIDE) & (height * width <= MOST_PIXELS)
    most = f", more than the {MOST_SIDE} a side or {MOST_PIXELS} in all that are decoded"
    short = frame.segments <= jpeg.MOST_SEGMENTS
    with (
        _required(allowed, [*size, most]),
        _required(short, [_image(row), f" has more than {jpeg.MOST_SEGMENTS} segments, or {MOST_TEXTS} packed texts"]),
        _required(height * width * frame.passes <= jpeg.MOST_WORK, [*size, " and too many scans for so many"]),
    ):
        return Frame(frame.whole, tf.identity(height), tf.identity(width), *frame[3:])


def check_boxes(boxes: tf.Tensor, frame: Frame, row: tf.Tensor) -> tf.Tensor:
    """The boxes of an image, [K, 4], as they came.

    Raises:
        tf.errors.InvalidArgumentError: one is none or outside of it; the message names it and the image's row.
    """

    def check(box):
        with _required(*_is_box(box, row)), _required(*_is_inside(box, frame.height, frame.width, row)):
            return tf.identity(box)

    return tf.map_fn(check, boxes, parallel_iterations=1)


def work(frame: Frame, boxes: tf.Tensor) -> tf.Tensor:
    """What an image and its boxes cost, as `jpeg.MOST_WORK` counts it; scalar int64.

    Args:
        frame: of the upright picture.
        boxes: [K, 4], checked.
    """
    size = tf.stack([frame.width, frame.height])
    sides = tf.cast(BOX_MARGIN * tf.reduce_max(boxes[:, 2:], -1, keepdims=True), tf.int64)
    covered = tf.where(tf.reduce_all(boxes == 0.0, -1, keepdims=True), size, tf.minimum(sides, size))
    return tf.reduce_prod(size) * frame.passes + BOX_PASSES * tf.reduce_sum(tf.reduce_prod(covered, -1))


def upright(encoded: tf.Tensor, held: tf.Tensor) -> tf.Tensor:
    """A checked photograph, [H, W, 3] uint8 RGB, turned as its EXIF note says."""
    return orientation.upright(decode(encoded), held)


def _required(condition, message):
    """A context whose operators run where a condition holds; the message is a list of strings, joined."""
    # Assert writes quotation marks with a backslash; messages do without them.
    check = tf.debugging.Assert(condition, [tf.strings.join(message)], summarize=1)
    return tf.control_dependencies([] if check is None else [check])


def _image(row):
    return tf.strings.join(["image ", tf.strings.as_string(row)])


def _check_kind(encoded: tf.Tensor, row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The file and whether it is a PNG, where it is one or a JPEG."""
    png = tf.strings.substr(encoded, 0, len(PNG_START)) == PNG_START
    known = png | (tf.strings.substr(encoded, 0, len(jpeg.START)) == jpeg.START)
    with _required(known, [_image(row), " is no JPEG or PNG file"]):
        return tf.identity(encoded), png


def _pixels(height, width):
    return tf.strings.join([tf.strings.as_string(width), " x ", tf.strings.as_string(height)])


def _png_frame(data):
    """The `Frame` of a PNG file, by the header, which is always the first chunk."""
    texts = tf.add_n([_count(data, name) for name in PNG_TEXTS])
    ends, data = _count(data, PNG_END) > 0, tf.pad(data, [[0, 24]])
    size = [number(data, 20, 4), number(data, 16, 4)]
    passes, upright = tf.constant(PNG_PASSES, tf.int64), tf.constant(orientation.UPRIGHT)
    return Frame(ends, *size, passes, upright, tf.where(texts <= MOST_TEXTS, texts, jpeg.MOST_SEGMENTS + 1))


def _count(data, word):
    """How often a word is in a file, int64."""
    at = tf.where(data[: tf.maximum(tf.size(data) - len(word) + 1, 0)] == word[0])[:, 0]
    for n, byte in enumerate(word[1:], 1):
        at = tf.boolean_mask(at, tf.gather(data, at + n) == byte)
    return tf.size(at, tf.int64)


def _box(box):
    return tf.strings.join(
        ["the box ", tf.strings.reduce_join(tf.strings.as_string(box, shortest=True), separator=",")]
    )


def _is_box(box, row):
    """Whether it is a box, and what to say where it is not; as `box_form.Form.box` sees it."""
    sound = tf.reduce_all(tf.abs(box) < MOST) & tf.reduce_all(box[2:] > 0.0)
    rule = " must have finite numbers, a width and a height above 0; zeros alone mean the whole image"
    return sound | tf.reduce_all(box == 0.0), [_box(box), " of ", _image(row), rule]


def _is_inside(box, height, width, row):
    """Whether a box shows anything of its image, and what to say where it does not; as `boxes.check_inside`."""
    size = tf.cast(tf.stack([width, height]), tf.float32)
    inside = tf.reduce_all(box[:2] < size) & (tf.reduce_all(box[:2] + box[2:] > 0.0) | tf.reduce_all(box == 0.0))
    return inside, [_box(box), " lies outside ", _image(row), " of ", _pixels(height, width), " pixels"]
