"""The one decoder of all programs, by hand; what JPEGs may cost is in `test_jpeg`."""

import io
import re

import numpy as np
import PIL.Image
import pytest

from data_pipeline.common import images
from data_pipeline.common.errors import UserError

# Two rows of three colours each: no two turns of it are alike.
COLOURS = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 0], [255, 0, 255], [0, 255, 255]]], np.uint8)


def encoded(pixels=COLOURS, kind="PNG", orientation=None, **how):
    """A file's bytes."""
    picture, file = PIL.Image.fromarray(pixels), io.BytesIO()
    if orientation:
        note = PIL.Image.Exif()
        note[images.ORIENTATION] = orientation
        how["exif"] = note
    picture.save(file, kind, **how)
    return file.getvalue()


def told(source, function=images.decode, **how):
    """What an error says of a source."""
    with pytest.raises(UserError) as caught:
        function(source, **how)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "TIFF"])
def test_pictures_of_any_kind_are_rgb(tmp_path, kind):
    data = encoded(kind=kind, **({"lossless": True} if kind == "WEBP" else {}))
    (tmp_path / "a").write_bytes(data)
    for source in (data, tmp_path / "a", str(tmp_path / "a")):
        found = images.decode(source)
        np.testing.assert_array_equal(found, COLOURS)
        assert found.dtype == np.uint8
        assert images.size(source) == (3, 2)


def test_kinds_may_be_chosen():
    np.testing.assert_array_equal(images.decode(encoded(), formats=("JPEG", "PNG")), COLOURS)
    assert told(encoded(kind="BMP"), formats=("JPEG", "PNG")) == "is damaged or no picture"


def test_a_jpeg_is_the_same_from_a_file_and_from_its_bytes(tmp_path):
    data = encoded(np.full((24, 16, 3), (200, 30, 60), np.uint8), "JPEG")
    (tmp_path / "a.jpg").write_bytes(data)
    found = images.decode(data)
    np.testing.assert_allclose(found[..., :], np.broadcast_to((200, 30, 60), (24, 16, 3)), atol=4)
    np.testing.assert_array_equal(images.decode(tmp_path / "a.jpg"), found)


@pytest.mark.parametrize("dear", [b"\xff\xd8\xff" + b"\xff" * 70000 + b"\xe0"], ids=["filling"])
def test_a_jpeg_that_costs_too_much_is_refused_wherever_it_is(tmp_path, dear):
    (tmp_path / "a.png").write_bytes(dear)
    assert told(dear) == told(tmp_path / "a.png") == "has more than 65536 bytes of filling between its segments"


@pytest.mark.parametrize("kind", ["TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "turn"),
    [
        (1, lambda p: p),
        (2, lambda p: p[:, ::-1]),
        (3, lambda p: p[::-1, ::-1]),
        (4, lambda p: p[::-1]),
        (5, lambda p: p.transpose(1, 0, 2)),
        (6, lambda p: np.rot90(p, -1)),
        (7, lambda p: np.rot90(p.transpose(1, 0, 2), 2)),
        (8, lambda p: np.rot90(p)),
    ],
)
def test_a_picture_is_upright_and_its_size_is_of_that(kind, orientation, turn):
    data = encoded(kind=kind, orientation=orientation, **({"lossless": True} if kind == "WEBP" else {}))
    found = images.decode(data)
    np.testing.assert_array_equal(found, turn(COLOURS))
    assert images.size(data) == (found.shape[1], found.shape[0])


def test_a_pngs_note_is_not_heeded():
    data = encoded(orientation=6)
    np.testing.assert_array_equal(images.decode(data), COLOURS)
    assert images.size(data) == (3, 2)


def test_of_sixteen_bits_the_upper_eight_are_taken():
    grey = np.array([[0x00FF, 0x0100, 0x8000], [0xFFFF, 0x7FFF, 0x1234]], np.uint16)
    expected = np.array([[0, 1, 128], [255, 127, 18]], np.uint8)
    np.testing.assert_array_equal(images.decode(encoded(grey)), np.stack([expected] * 3, axis=-1))


def test_grey_and_transparency_become_rgb():
    grey = np.array([[0, 100, 255]], np.uint8)
    np.testing.assert_array_equal(images.decode(encoded(grey)), np.stack([grey] * 3, axis=-1))
    clear = np.concatenate([COLOURS, np.full((2, 3, 1), 7, np.uint8)], axis=-1)
    np.testing.assert_array_equal(images.decode(encoded(clear)), COLOURS)


@pytest.mark.parametrize(
    ("width", "height", "allowed"),
    [(16, 1, True), (17, 1, False), (1, 16, True), (1, 17, False), (10, 10, True), (10, 11, False)],
)
def test_a_side_and_the_whole_are_bounded(monkeypatch, width, height, allowed):
    monkeypatch.setattr(images, "MOST_SIDE", 16)
    monkeypatch.setattr(images, "MOST_PIXELS", 100)
    data = encoded(np.zeros((height, width, 3), np.uint8))
    for function in (images.size, images.decode):
        if allowed:
            function(data)
        else:
            most = "16 a side or 100 in all that are decoded"
            assert told(data, function) == f"has {width} x {height} pixels, more than the {most}"


def test_the_bounds_are_what_cameras_give():
    assert (images.MOST_SIDE, images.MOST_PIXELS) == (16384, 134217728)


def test_a_file_of_more_pixels_than_pillow_opens_is_too_large(monkeypatch):
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 2)
    assert told(encoded()) == f"has more than the {images.MOST_PIXELS} pixels that are decoded"
    # Pillow only warns of up to twice its bound.
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 4)
    np.testing.assert_array_equal(images.decode(encoded()), COLOURS)


@pytest.mark.parametrize("data", [b"", b"no picture", encoded()[:50], encoded(kind="JPEG")[:60]], ids=range(4))
def test_what_is_no_whole_picture_says_so(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    assert told(data) == told(tmp_path / "a") == "is damaged or no picture"


def test_a_path_that_cannot_be_read_says_why(tmp_path):
    assert told(tmp_path / "none.jpg") == told(tmp_path / "none.jpg", images.size) == "does not exist"
    assert re.fullmatch(r"cannot be read \(Is a directory\)", told(tmp_path))


def test_a_size_is_read_of_the_header_alone():
    whole = encoded(np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8))
    assert images.size(whole[: len(whole) // 2]) == (96, 64)
    assert told(whole[: len(whole) // 2]) == "is damaged or no picture"
