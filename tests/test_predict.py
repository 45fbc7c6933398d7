import json

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import synthetic
from data_pipeline.errors import UserError
from data_pipeline.skeleton import JOINTS
from keras_apn import inference, predict


@pytest.fixture(scope="module")
def estimator(tiny_workdir):
    return inference.from_workdir(str(tiny_workdir))


@pytest.fixture
def folder(tmp_path):
    """A folder with two whole pictures, a cut one between them, and a file of another kind."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n, name in enumerate(("a.jpg", "c.JPG")):
        tf.io.write_file(str(pictures / name), tf.io.encode_jpeg(synthetic.sample(0, n)[1]))
    whole = (pictures / "a.jpg").read_bytes()
    (pictures / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (pictures / "notes.txt").write_text("no picture")
    return pictures


def test_one_line_a_person_with_every_joint(estimator, folder, tmp_path):
    assert predict.predict(estimator, [str(folder / "a.jpg")], None, str(tmp_path / "out")) == []
    (line,) = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    person = json.loads(line)
    assert person["image"] == "a.jpg"
    assert [joint["name"] for joint in person["joints"]] == list(JOINTS)
    assert all(0 <= joint["score"] <= 1 and 0 <= joint["occluded"] <= 1 for joint in person["joints"])


def test_the_line_holds_what_the_estimator_finds(estimator, folder, tmp_path):
    predict.predict(estimator, [str(folder / "a.jpg")], ["20", "30", "100", "120"], str(tmp_path / "out"))
    person = json.loads((tmp_path / "out" / "predictions.jsonl").read_text())
    encoded = tf.io.read_file(str(folder / "a.jpg"))[None]
    found = estimator.joints_in_image(encoded, tf.constant([[20.0, 30.0, 100.0, 120.0]]))
    told = [[joint["x"], joint["y"]] for joint in person["joints"]]
    np.testing.assert_allclose(told, found["joints"][0].numpy(), atol=0.006)
    assert person["box"] == [20.0, 30.0, 100.0, 120.0]


def test_the_drawn_picture_has_the_size_of_the_photograph(estimator, folder, tmp_path):
    predict.predict(estimator, [str(folder / "a.jpg")], None, str(tmp_path / "out"))
    photograph = tf.io.decode_image(tf.io.read_file(str(folder / "a.jpg"))).numpy()
    drawn = tf.io.decode_image(tf.io.read_file(str(tmp_path / "out" / "a.png"))).numpy()
    assert drawn.shape == photograph.shape
    assert (drawn != photograph).any()


def test_a_damaged_picture_in_a_folder_is_reported_and_the_rest_go_on(estimator, folder, tmp_path):
    paths = predict.find_pictures(str(folder))
    errors = predict.predict(estimator, paths, None, str(tmp_path / "out"))
    assert [len(paths), len(errors)] == [3, 1]
    assert "b.jpg is damaged" in str(errors[0])
    lines = (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()
    assert [json.loads(line)["image"] for line in lines] == ["a.jpg", "c.JPG"]


def test_where_nothing_can_be_read_nothing_is_written(estimator, folder, tmp_path):
    with pytest.raises(UserError, match=r"b\.jpg is damaged"):
        predict.predict(estimator, [str(folder / "b.jpg")], None, str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["1", "2", "3"], "must be four numbers"),
        (["1", "2", "x", "4"], "must be four numbers"),
        (["1", "2", "0", "4"], "width and a height above 0"),
        (["nan", "2", "3", "4"], "width and a height above 0"),
        (["200", "0", "10", "10"], "outside the picture of 100 x 50"),
        (["-20", "0", "10", "10"], "outside the picture"),
    ],
    ids=["three", "word", "empty", "nan", "right of it", "left of it"],
)
def test_a_bad_box_is_the_users_mistake(words, message):
    with pytest.raises(UserError, match=message):
        predict.parse_box(words, np.zeros((50, 100, 3), np.uint8))


@pytest.mark.parametrize(("name", "message"), [("nowhere", "does not exist"), (".", "holds no picture")])
def test_a_path_without_pictures_is_the_users_mistake(tmp_path, name, message):
    with pytest.raises(UserError, match=message):
        predict.find_pictures(str(tmp_path / name))
