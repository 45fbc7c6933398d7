import json
import os
import types

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from keras_apn import predict
from keras_apn.inference import exported_models, pose_estimator
from keras_apn.sources import pictures
from keras_apn.sources.boxes import Boxes


class _Middle:
    """An estimator that says every joint is in the crop's middle, and remembers how many crops it saw at once."""

    crop_size = 8

    def __init__(self):
        self.seen = []

    def joints_in_crop(self, crops):
        self.seen.append(len(crops))
        return {"joints": np.full((len(crops), 16, 2), 3.5, np.float32), "scores": np.zeros((len(crops), 16))}


@pytest.fixture
def folder(tmp_path):
    """A folder with two whole pictures and a cut one between them."""
    place = tmp_path / "pictures"
    place.mkdir()
    for n, name in enumerate(("a.jpg", "c.jpg")):
        tf.io.write_file(str(place / name), tf.io.encode_jpeg(scenes.sample(0, n)[1]))
    (place / "b.jpg").write_bytes((place / "a.jpg").read_bytes()[:500])
    return place


@pytest.fixture
def call(tiny_workdir, tmp_path, capsys):
    """Runs the program; returns its exit code, and its words on standard error."""

    def run(**given):
        values = {
            "workdir": str(tiny_workdir),
            "model": None,
            "box": None,
            "boxes": None,
            "min_score": 0.3,
            "output": str(tmp_path / "out"),
            "batch_size": 8,
            "flip": False,
            "discriminators": False,
            "overlays": True,
            "frames": None,
        }
        code = predict.main(types.SimpleNamespace(**(values | given)))
        return code, capsys.readouterr().err

    return run


def _lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]


def _picture(*middles):
    """A picture with a person around each point."""
    people = {n: [x + 0.5 - 10.0, y + 0.5 - 20.0, 20.0, 40.0] for n, (x, y) in enumerate(middles)}
    return pictures.Picture({}, np.zeros((100, 200, 3), np.uint8), people)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_people_of_a_batch_come_back_to_their_pictures(batch_size):
    places = [[(30, 40), (50, 60)], [], [(70, 80)], [(1, 2), (3, 4), (5, 6)]]
    answers = predict.find_people(_Middle(), (_picture(*middles) for middles in places), batch_size)
    found = [[tuple(person["joints"][0]) for person in people] for _, people in answers]
    assert found == places


def test_the_networks_see_so_many_people_at_once_and_no_more():
    estimator = _Middle()
    list(predict.find_people(estimator, [_picture((1, 1)), _picture(*[(2, 2)] * 5), _picture((3, 3))], 2))
    # The second picture fills a batch begun by the first: six people in twos; the third is left over.
    assert estimator.seen == [2, 2, 2, 1]


def test_pictures_without_people_do_not_pile_up():
    drawn = []

    def source():
        for n in range(9):
            drawn.append(n)
            yield _picture()

    next(predict.find_people(_Middle(), source(), 3))
    assert len(drawn) == 3


def test_the_line_holds_what_the_exported_graph_finds(call, folder, tiny_workdir, tmp_path):
    assert call(input=str(folder / "a.jpg"), box=["20,30,100,120"]) == (0, "")
    (person,) = _lines(tmp_path)
    encoded = tf.io.read_file(str(folder / "a.jpg"))[None]
    estimator = pose_estimator.from_workdir(str(tiny_workdir))
    found = estimator.joints_in_image(encoded, tf.constant([[20.0, 30.0, 100.0, 120.0]]))
    told = [[joint["x"], joint["y"]] for joint in person["joints"]]
    np.testing.assert_allclose(told, found["joints"][0].numpy(), atol=0.006)
    assert (person["image"], person["box"]) == ("a.jpg", [20.0, 30.0, 100.0, 120.0])
    assert all(0 <= joint["score"] <= 1 and 0 <= joint["occluded"] <= 1 for joint in person["joints"])


def test_the_overlay_has_the_name_and_the_size_of_the_picture(call, folder, tmp_path):
    call(input=str(folder / "a.jpg"))
    photograph, drawn = (pictures.read(str(tmp_path / place / "a.jpg")) for place in ("pictures", "out/overlays"))
    assert drawn.shape == photograph.shape
    assert (drawn != photograph).any()


def test_without_overlays_there_are_lines_alone(call, folder, tmp_path):
    call(input=str(folder / "a.jpg"), overlays=False)
    assert os.listdir(tmp_path / "out") == ["predictions.jsonl"]


def test_a_damaged_picture_in_a_folder_is_one_line_and_the_rest_go_on(call, folder, tmp_path):
    code, errors = call(input=str(folder))
    assert code == 1
    assert errors == f"error: {folder}/b.jpg is damaged or no picture; give a JPEG or PNG file\n"
    assert [line["image"] for line in _lines(tmp_path)] == ["a.jpg", "c.jpg"]


def test_where_nothing_can_be_read_nothing_is_written(call, folder, tmp_path):
    (folder / "a.jpg").write_bytes(b"")
    (folder / "c.jpg").write_bytes(b"")
    code, errors = call(input=str(folder))
    assert (code, errors.count("\n")) == (2, 3)
    assert not (tmp_path / "out").exists()


def test_a_video_is_answered_with_lines_and_a_video(call, tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 10.0, (64, 48))
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    (tmp_path / "boxes.csv").write_text("image,x,y,width,height\n0,1,2,30,40\n2,1,2,30,40\n2,20,2,30,40\n")
    assert call(input=str(tmp_path / "clip.mp4"), boxes=str(tmp_path / "boxes.csv")) == (0, "")
    told = [(line["video"], line["frame"], line["time"], line["person"]) for line in _lines(tmp_path)]
    assert told == [("clip.mp4", 0, 0.0, 0), ("clip.mp4", 2, 0.2, 0), ("clip.mp4", 2, 0.2, 1)]
    assert cv2.VideoCapture(str(tmp_path / "out" / "overlays" / "clip.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 3


def test_an_exported_model_is_asked_instead(monkeypatch, folder, call, tmp_path):
    monkeypatch.setattr(exported_models, "load", lambda path, flip: _Middle())
    assert call(workdir=None, model="model.onnx", input=str(folder / "a.jpg"), box=["20,30,101,121"]) == (0, "")
    assert [_lines(tmp_path)[0]["joints"][0][axis] for axis in "xy"] == [70.0, 90.0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"workdir": None}, "either --workdir"),
        ({"model": "m.onnx"}, "either --workdir"),
        ({"workdir": None, "model": "m.onnx", "discriminators": True}, "--discriminators needs --workdir"),
        ({"workdir": None, "model": "nowhere.onnx"}, "nowhere.onnx"),
        ({"frames": 3}, "--frames is for videos"),
        ({"box": ["900,0,5,5"]}, "lies outside the picture"),
        ({"box": ["1,2,3,4"], "boxes": "b.json"}, "either --box or --boxes"),
        ({"output": "/dev/null/out"}, "cannot be written"),
    ],
    ids=["neither", "both", "exported P and C", "no model", "frames", "outside", "box and boxes", "output"],
)
def test_bad_input_gets_one_clear_line(call, folder, tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        call(**{"input": str(folder / "a.jpg"), **given})
    assert not (tmp_path / "out").exists()


def test_a_source_is_told_by_its_name(folder):
    assert isinstance(predict.open_source(str(folder), Boxes(), None), pictures.Pictures)
    with pytest.raises(UserError, match=r"a\.mp4 does not exist"):
        predict.open_source(str(folder / "a.mp4"), Boxes(), None)
