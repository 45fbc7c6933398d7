import io
import warnings
import zlib

import cv2
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from data_pipeline.common import images
from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from keras_apn.inference.photographs import image_decoding


def _file(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photograph():
    # An odd size: the last block of a JPEG is not whole.
    return PIL.Image.fromarray(scenes.sample(0, 0)[1][:201, :177])


def _with_alpha(image):
    faded = image.copy()
    faded.putalpha(PIL.Image.linear_gradient("L").resize(image.size))
    return faded


KINDS = {
    "JPEG": lambda image: _file(image, "JPEG"),
    "JPEG 4:4:4": lambda image: _file(image, "JPEG", quality=95, subsampling=0),
    "progressive JPEG": lambda image: _file(image, "JPEG", progressive=True),
    "grey JPEG": lambda image: _file(image.convert("L"), "JPEG"),
    "CMYK JPEG": lambda image: _file(image.convert("CMYK"), "JPEG"),
    "PNG": lambda image: _file(image, "PNG"),
    "grey PNG": lambda image: _file(image.convert("L"), "PNG"),
    "palette PNG": lambda image: _file(image.convert("P", palette=PIL.Image.Palette.ADAPTIVE), "PNG"),
    "PNG with alpha": lambda image: _file(_with_alpha(image), "PNG"),
    "1-bit PNG": lambda image: _file(image.convert("1"), "PNG"),
    "16-bit PNG": lambda image: cv2.imencode(".png", np.asarray(image).astype(np.uint16) * 257 + 100)[1].tobytes(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_photographs_are_decoded_to_the_bytes_that_pillow_gives(photograph, kind):
    data = KINDS[kind](photograph)
    expected = np.asarray(PIL.Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(image_decoding.decode(data).numpy(), expected)


def test_a_grey_png_of_16_bits_keeps_its_high_bytes():
    # Pillow clips it at 255 instead.
    values = np.array([[0, 255, 256], [511, 32768, 65535]], np.uint16)
    decoded = image_decoding.decode(cv2.imencode(".png", values)[1].tobytes()).numpy()
    assert decoded[..., 0].tolist() == [[0, 0, 1], [1, 128, 255]]


@tf.function(input_signature=[tf.TensorSpec([], tf.string), tf.TensorSpec([4], tf.float32)])
def _read(data, box):
    frame = image_decoding.check_image(data, tf.constant(3))
    with tf.control_dependencies([image_decoding.check_boxes(box[None], frame, tf.constant(3))]):
        return image_decoding.upright(tf.identity(data), frame.held)


WHOLE = tf.zeros([4])


def _with_thumbnail(photograph):
    """A JPEG with a smaller one in its header, as cameras write them."""
    return _file(photograph, "JPEG", exif=b"Exif\0\0" + _file(photograph.resize((60, 60)), "JPEG"))


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "PNG", "1-bit PNG"])
def test_what_is_read_is_what_is_decoded(photograph, kind):
    data = KINDS[kind](photograph)
    np.testing.assert_array_equal(_read(data, WHOLE).numpy(), image_decoding.decode(data).numpy())


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data,
        lambda data: data[:2] + b"\xff\xff" + data[2:],
        lambda data: data + b"\xff\xda and more behind it",
    ],
    ids=["thumbnail", "filled", "followed"],
)
def test_a_jpeg_that_is_unusual_but_whole_is_read(photograph, change):
    data = _with_thumbnail(photograph)
    np.testing.assert_array_equal(_read(change(data), WHOLE).numpy(), image_decoding.decode(data).numpy())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda p: b"", "image 3 is no JPEG or PNG file"),
        (lambda p: b"\x89PNG", "image 3 is no JPEG or PNG file"),
        (lambda p: _file(p, "BMP"), "image 3 is no JPEG or PNG file"),
        (lambda p: b"\xff\xd8\xff", "image 3 is cut short or damaged"),
        (lambda p: b"\xff\xd8" + b"\xff" * 200, "image 3 is cut short or damaged"),
        (lambda p: b"\xff\xd8\xff\xe0 and nothing of a photograph", "image 3 is cut short or damaged"),
        (lambda p: _file(p, "PNG")[:8], "image 3 is cut short or damaged"),
        (lambda p: _file(p, "PNG")[:-12], "image 3 is cut short or damaged"),
        (lambda p: _file(p, "JPEG")[:-2], "image 3 is cut short or damaged"),
        (lambda p: _with_thumbnail(p)[:-2], "image 3 is cut short or damaged"),
    ],
    ids=["empty", "short", "BMP", "start", "fill", "words", "signature", "PNG", "JPEG", "thumbnail"],
)
def test_files_that_are_none_are_refused(photograph, data, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        _read(data(photograph), WHOLE)


@pytest.mark.parametrize(
    ("kind", "width", "height", "allowed"),
    [
        ("PNG", image_decoding.MOST_SIDE, 1, True),
        ("PNG", image_decoding.MOST_SIDE + 1, 1, False),
        ("JPEG", 1, image_decoding.MOST_SIDE, True),
        ("JPEG", 1, image_decoding.MOST_SIDE + 1, False),
        ("PNG", 16000, 9000, False),
    ],
    ids=["widest PNG", "wider PNG", "highest JPEG", "higher JPEG", "too many pixels"],
)
def test_size_is_bounded(kind, width, height, allowed):
    data = _file(PIL.Image.new("L", (width, height)), kind)
    if allowed:
        assert _read(data, WHOLE).shape == (height, width, 3)
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"image 3 has {width} x {height} pixels, more than"):
            _read(data, WHOLE)


def test_size_is_read_before_anything_is_decoded(photograph):
    # The header says 2^32 - 1 a side, which wraps around where sizes are multiplied; the rest is an ordinary PNG.
    data = KINDS["PNG"](photograph)
    data = data[:16] + b"\xff" * 8 + data[24:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="has 4294967295 x 4294967295 pixels"):
        _read(data, WHOLE)


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ([177, 0, 5, 5], "the box 177,0,5,5 lies outside image 3 of 177 x 201 pixels"),
        ([0, 201, 5, 5], "lies outside"),
        ([-5, 0, 5, 5], "lies outside"),
        ([0, -5.5, 5, 5.5], "the box 0,-5.5,5,5.5 lies outside"),
        ([0, 0, 0, 5], "must have finite numbers"),
        ([0, 0, 5, -5], "must have finite numbers"),
        ([float("nan"), 0, 5, 5], "must have finite numbers"),
        ([0, 0, 1e6, 5], "must have finite numbers"),
        ([float("-inf"), 0, float("inf"), 5], "must have finite numbers"),
    ],
)
def test_boxes_that_show_nothing_are_refused(photograph, box, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        _read(KINDS["JPEG"](photograph), tf.constant(box, tf.float32))


@pytest.mark.parametrize("box", [[176, 200, 5, 5], [-4, -4, 5, 5], [-100, -100, 900, 900]])
def test_boxes_that_show_a_little_are_taken(photograph, box):
    assert _read(KINDS["JPEG"](photograph), tf.constant(box, tf.float32)).shape == (201, 177, 3)


@pytest.mark.parametrize("held", range(10))
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_photographs_are_upright_as_everywhere(photograph, held, order):
    # 0 and 9 make no sense, and are taken as upright.
    note = PIL.Image.Exif()
    note.endian = order
    note[0x010F], note[0x0112] = "a camera of many words", held
    data = _file(photograph, "JPEG", exif=note.tobytes())
    read = _read(data, WHOLE).numpy()
    np.testing.assert_array_equal(read, images.decode(data))
    width, height = photograph.size
    assert read.shape[:2] == ((width, height) if 5 <= held <= 8 else (height, width))
    # Upright: most of them differ.
    assert np.array_equal(read, image_decoding.decode(data).numpy()) == (held in (0, 1, 9))


def test_a_box_is_in_the_upright_picture(photograph):
    note = PIL.Image.Exif()
    note[0x0112] = 6
    data = _file(photograph, "JPEG", exif=note.tobytes())
    width, height = photograph.size
    assert width != height
    short = min(width, height)
    # Beyond the shorter side, within the longer one, which is upright's the other way.
    inside = (0.0, short + 1.0, 5.0, 5.0) if width > height else (short + 1.0, 0.0, 5.0, 5.0)
    _read(data, tf.constant(inside))
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"image 3 of {height} x {width} pixels"):
        _read(data, tf.constant((inside[1], inside[0], 5.0, 5.0)))


@pytest.mark.parametrize(
    "note",
    [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff\x01\x12", b"II*\0\x08\0\0\0\x01\0\x12\x01"],
    ids=["empty", "order alone", "far offset", "many entries", "cut entry"],
)
def test_a_damaged_note_is_none(photograph, note):
    data = _file(photograph, "JPEG")
    segment = b"Exif\0\0" + note
    noted = data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    np.testing.assert_array_equal(_read(noted, WHOLE).numpy(), image_decoding.decode(data).numpy())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(images.decode(noted), image_decoding.decode(data).numpy())


def _segments(count, body=b"", kind=b"\xfe"):
    return (b"\xff" + kind + (len(body) + 2).to_bytes(2, "big") + body) * count


def _with_texts(photograph, count):
    body = b"iTXta\0\1\0\0\0" + zlib.compress(b"a" * 1000)
    text = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    data = _file(photograph, "PNG")
    return data[:33] + text * count + data[33:]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:2] + b"\xff" * 20_000 + data[2:],
        lambda data: data[:2] + b"\xff\x01" * 2_000 + data[2:],
        lambda data: data[:2] + _segments(480) + data[2:],
        lambda data: data[:2] + _segments(400, b"\xff\xda\xff\xd9" * 9) + data[2:],
        lambda data: data[:2] + b"\xff\xfe\0\0" + data[2:],
    ],
    ids=["filling", "markers without a length", "empty segments", "what looks like scans", "no length"],
)
def test_what_has_no_end_of_segments_costs_no_more_than_others(photograph, change):
    data = change(_file(photograph, "JPEG"))
    frame = image_decoding.check_image(tf.constant(data), tf.constant(0))
    assert frame.segments.numpy() < 512
    assert frame.passes.numpy() == 5
    np.testing.assert_array_equal(_read(data, WHOLE).numpy(), image_decoding.decode(data).numpy())


@pytest.mark.parametrize("decode", [lambda data: _read(data, WHOLE), images.decode], ids=["served", "Pillow"])
@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda p: _file(p, "JPEG")[:2] + _segments(512) + _file(p, "JPEG")[2:], "has more than (the )?512 segments"),
        (lambda p: _scans(p, 600), "has more than (the )?512 segments"),
    ],
    ids=["segments", "scans"],
)
def test_jpegs_of_endless_segments_are_refused(photograph, decode, data, said):
    with pytest.raises((tf.errors.InvalidArgumentError, UserError), match=said):
        decode(data(photograph))


def _scans(photograph, count):
    """A progressive JPEG whose last scan is there so many times."""
    data = _file(photograph, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


@pytest.mark.parametrize("decode", [lambda data: _read(data, WHOLE), images.decode], ids=["served", "Pillow"])
def test_scans_are_bounded_by_the_pixels_that_they_go_over(photograph, decode):
    # 177 x 201 pixels may have hundreds.
    decode(_scans(photograph, 200))
    many = _scans(photograph, 200)
    frame = many.index(b"\xff\xc2")
    many = many[: frame + 5] + b"\x1f\xff\x3f\xff" + many[frame + 9 :]
    with pytest.raises((tf.errors.InvalidArgumentError, UserError), match="many scans"):
        decode(many)


@pytest.mark.parametrize("decode", [lambda data: _read(data, WHOLE), images.decode], ids=["served", "Pillow"])
def test_the_hostile_scans_are_refused(shared_data, decode):
    with pytest.raises((tf.errors.InvalidArgumentError, UserError), match="many scans"):
        decode(shared_data("hostile/scans_301.jpg").read_bytes())


@pytest.mark.parametrize("decode", [lambda data: _read(data, WHOLE), images.decode], ids=["served", "Pillow"])
def test_the_hostile_filling_is_decoded(shared_data, decode):
    assert decode(shared_data("hostile/serving_20_kB_of_FF.jpg").read_bytes()).shape == (45, 61, 3)


def test_packed_texts_of_a_png_are_few(photograph):
    _read(_with_texts(photograph, 16), WHOLE)
    with pytest.raises(tf.errors.InvalidArgumentError, match="image 3 has more than 512 segments, or 16 packed texts"):
        _read(_with_texts(photograph, 17), WHOLE)


def _batch(images, boxes):
    return image_decoding.check_batch(tf.constant(images), tf.constant(boxes, tf.float32))


def test_one_image_is_for_all_boxes(photograph):
    images_, boxes, held = _batch([_file(photograph, "PNG")], [[0.0] * 4, [5.0, 5.0, 9.0, 9.0]])
    assert (images_.shape, boxes.shape, held.shape) == ((1,), (1, 2, 4), (1,))


@pytest.mark.parametrize(
    ("images_", "boxes", "said"),
    [
        (0, 0, "the batch is empty"),
        (1, 0, "images: 1, boxes: 0; each image needs one"),
        (2, 4, "images: 2, boxes: 4; each image needs one"),
        (1, 129, "images: 1, boxes: 129; a request may have 128"),
        (129, 129, "images: 129, boxes: 129; a request may have 128"),
    ],
)
def test_numbers_of_a_batch_are_checked(photograph, images_, boxes, said):
    with pytest.raises(tf.errors.InvalidArgumentError, match=said):
        image_decoding.check_batch(tf.fill([images_], _file(photograph, "PNG")), tf.zeros([boxes, 4]))


def test_a_request_costs_no_more_than_a_bound():
    # 2^26 pixels, black: 8 kB. One at 16 passes and its box at 4 are 0.6 of the bound.
    large = _file(PIL.Image.new("1", (8192, 8192)), "PNG")
    _batch([large], [[0.0] * 4])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="the request costs 2684354560 passes over pixels, more than"
    ):
        _batch([large] * 2, [[0.0] * 4] * 2)
    # Boxes cost what their crops show.
    _batch([large], [[4000.0, 4000.0, 100.0, 100.0]] * 100)
    with pytest.raises(tf.errors.InvalidArgumentError, match="send fewer images, and each once with all its boxes"):
        _batch([large], [[0.0] * 4] * 5)
