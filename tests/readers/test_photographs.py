import types

import cv2
import numpy as np
import PIL.Image
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.readers import photographs


def somebody(count):
    return [types.SimpleNamespace(image=f"{index}.jpg") for index in range(count)]


@pytest.fixture
def nearly_all(tmp_path):
    """A folder of 198 photographs, 0.jpg to 197.jpg."""
    for index in range(198):
        (tmp_path / f"{index}.jpg").touch()
    return str(tmp_path)


def test_up_to_one_in_a_hundred_missing_photographs_are_counted_and_told(nearly_all, capsys):
    kept = photographs.present(somebody(200), nearly_all, allow_missing=False)
    assert kept == list(range(198))
    output, errors = capsys.readouterr()
    assert errors == f"2 of 200 photographs are missing from {nearly_all}, 198.jpg for one; they are left out\n"
    assert output == ""


def test_more_missing_photographs_are_refused(nearly_all):
    with pytest.raises(UserError, match=r"3 of 201 photographs are missing .*198\.jpg for one; complete the folder"):
        photographs.present(somebody(201), nearly_all, allow_missing=False)


def test_more_missing_photographs_can_be_allowed(nearly_all):
    assert len(photographs.present(somebody(300), nearly_all, allow_missing=True)) == 198


@pytest.mark.parametrize("extension", ["jpg", "png"])
def test_read_gives_rgb(tmp_path, extension):
    image = np.zeros((4, 6, 3), np.uint8)
    image[..., 0] = 200
    path = str(tmp_path / f"image.{extension}")
    cv2.imwrite(path, image[..., ::-1])
    found = photographs.read(path)
    assert (found.shape, found.dtype) == ((4, 6, 3), np.uint8)
    assert np.abs(found.astype(int) - image).max() < 4


def test_read_makes_three_channels_of_grey(tmp_path):
    path = str(tmp_path / "grey.jpg")
    cv2.imwrite(path, np.full((4, 6), 77, np.uint8))
    found = photographs.read(path)
    assert found.shape == (4, 6, 3)
    assert (found == found[..., :1]).all()


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>", None], ids=["empty", "html", "cut"])
def test_read_refuses_what_is_not_a_whole_image(tmp_path, content):
    path = tmp_path / "image.jpg"
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    path.write_bytes(cv2.imencode(".jpg", noise)[1].tobytes()[:900] if content is None else content)
    with pytest.raises(UserError, match=r"image\.jpg is damaged or no picture; download it again"):
        photographs.read(str(path))


def test_read_takes_the_picture_upright(tmp_path):
    image = PIL.Image.fromarray(np.zeros((4, 6, 3), np.uint8))
    note = PIL.Image.Exif()
    note[274] = 6  # The camera was held upright.
    image.save(tmp_path / "turned.jpg", exif=note)
    assert photographs.read(tmp_path / "turned.jpg").shape == (6, 4, 3)
