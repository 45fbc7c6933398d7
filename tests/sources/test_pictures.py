import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from keras_apn.sources import pictures
from keras_apn.sources.box_file import Listed
from keras_apn.sources.boxes import Boxes


@pytest.fixture
def folder(tmp_path):
    """A folder with two whole pictures, a cut one between them, and a file of another kind."""
    place = tmp_path / "pictures"
    place.mkdir()
    for n, name in enumerate(("a.jpg", "c.JPG")):
        tf.io.write_file(str(place / name), tf.io.encode_jpeg(scenes.sample(0, n)[1]))
    whole = (place / "a.jpg").read_bytes()
    (place / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (place / "notes.txt").write_text("no picture")
    return place


def _read(paths, boxes=Boxes()):  # noqa: B008  It cannot be changed.
    errors = []
    return list(pictures.Pictures([str(path) for path in paths], boxes).read(errors.append)), errors


@pytest.mark.parametrize("pattern", ["{}", "{}/*", "{}/../**/*"], ids=["folder", "glob", "below"])
def test_pictures_are_found_in_order_of_name(folder, pattern):
    found = pictures.find(pattern.format(folder))
    assert [path.rpartition("/")[2] for path in found] == ["a.jpg", "b.jpg", "c.JPG"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("nowhere", "does not exist"), (".", "holds no picture"), ("*.jpg", "does not exist")],
    ids=["file", "folder", "glob"],
)
def test_a_path_without_pictures_is_the_users_mistake(tmp_path, path, message):
    with pytest.raises(UserError, match=message):
        pictures.find(str(tmp_path / path))


@pytest.mark.parametrize("content", [b"", b"GIF of another kind"], ids=["empty", "text"])
def test_what_is_no_picture_is_the_users_mistake(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png is damaged or no picture; give a JPEG, PNG"):
        pictures.read(str(tmp_path / "a.png"))


def test_pictures_are_upright(tmp_path):
    image, noted = PIL.Image.new("RGB", (60, 40)), PIL.Image.Exif()
    noted[0x0112] = 6  # Held upright: to be turned by a quarter.
    image.save(tmp_path / "a.jpg", exif=noted)
    assert pictures.read(str(tmp_path / "a.jpg")).shape == (60, 40, 3)


def test_a_damaged_one_of_several_is_reported_and_the_rest_go_on(folder):
    found, (error,) = _read(pictures.find(str(folder)))
    assert [picture.label for picture in found] == [{"image": "a.jpg"}, {"image": "c.JPG"}]
    assert "b.jpg is damaged" in str(error)


def test_one_damaged_picture_alone_is_the_end(folder):
    with pytest.raises(UserError, match=r"b\.jpg is damaged"):
        _read([folder / "b.jpg"])


def test_a_box_outside_its_picture_is_left_out_and_the_others_keep_their_numbers(folder):
    inside, outside = [0.0, 0.0, 9.0, 9.0], [9000.0, 0.0, 9.0, 9.0]
    found, errors = _read([folder / "a.jpg", folder / "c.JPG"], Boxes(alike=(outside, inside)))
    assert [picture.people for picture in found] == [{1: inside}] * 2
    assert all("lies outside the picture" in str(error) for error in errors)
    assert len(errors) == 2


def test_a_picture_without_people_is_not_read(folder):
    boxes = Boxes(listed=Listed({"a.jpg": [[0.0, 0.0, 9.0, 9.0]]}, ids={"a.jpg": 7}))
    found, errors = _read([folder / "a.jpg", folder / "b.jpg"], boxes)
    assert [(picture.label["image"], picture.image_id) for picture in found] == [("a.jpg", 7)]
    assert not errors


def test_one_box_of_several_may_be_questionable_though_the_picture_is_alone(folder):
    inside, flat = [0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 1.0]
    (found,), (error,) = _read([folder / "a.jpg"], Boxes(alike=(flat, inside)))
    assert found.people == {1: inside}
    assert "smaller than 2 pixels" in str(error)
    with pytest.raises(UserError, match="smaller than 2 pixels"):
        _read([folder / "a.jpg"], Boxes(alike=(flat,)))


@pytest.mark.parametrize("kind", ["webp", "gif", "avif", "bmp", "tiff", "jpeg"])
def test_pictures_of_other_kinds(tmp_path, kind):
    image = scenes.sample(0, 2)[1]
    PIL.Image.fromarray(image).save(tmp_path / f"a.{kind}")
    ((found,), errors) = _read(pictures.find(str(tmp_path)))
    assert not errors
    assert np.abs(found.image.astype(int) - image).mean() < 12
    source = pictures.Pictures([str(tmp_path / f"a.{kind}")], Boxes())
    with source.overlays(str(tmp_path / "out")) as write:
        write(found, image)
    (drawn,) = (tmp_path / "out").iterdir()
    assert drawn.name == ("a.jpeg" if kind == "jpeg" else f"a.{kind}.png")


def test_what_is_passed_over_is_told_but_for_hidden_files(folder, capsys):
    (folder / "._a.jpg").write_bytes(b"of macOS")
    (folder / "b.HEIC").write_bytes(b"of a telephone")
    assert len(pictures.find(str(folder))) == 3
    assert capsys.readouterr().err == f"{folder}: passed over, as they are no pictures that are read: 1 .heic, 1 .txt\n"


@pytest.fixture
def twins(tmp_path):
    """Two pictures of one name in two folders."""
    paths = [tmp_path / "in" / folder / "x.png" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir(parents=True)
        tf.io.write_file(str(path), tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)))
    return paths


def test_pictures_of_one_name_stay_apart(twins, tmp_path):
    source = pictures.Pictures([str(path) for path in twins], Boxes())
    with source.overlays(str(tmp_path / "out")) as write:
        for shade, picture in enumerate(source.read(None)):
            write(picture, np.full((4, 4, 3), shade, np.uint8))
    assert [pictures.read(str(tmp_path / "out" / name / "x.png")).max() for name in "ab"] == [0, 1]


def test_no_picture_is_written_over(twins, tmp_path):
    source = pictures.Pictures([str(path) for path in twins], Boxes())
    with (
        pytest.raises(UserError, match=r"a/x\.png would be written over; give another --output"),
        source.overlays(str(tmp_path / "in")),
    ):
        pass
