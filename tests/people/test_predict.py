import json
import os
import signal
import subprocess
import sys
import types

import exporting
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from export.formats import tflite
from keras_apn import predict
from keras_apn.inference import pose_estimator
from keras_apn.models import shipped
from keras_apn.people import model
from keras_apn.sources import pictures, video_file
from keras_apn.sources.boxes import Boxes


class _Middle(model.Model):
    """A model that says every joint is in the crop's middle, and remembers how many crops it saw at once."""

    def __init__(self):
        super().__init__(self.middle, 8)
        self.seen = []

    def middle(self, crops):
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
            "box_format": None,
            "box_units": None,
            "category": None,
            "output": str(tmp_path / "out"),
            "batch_size": 8,
            "flip": False,
            "discriminators": False,
            "overlays": True,
            "frames": None,
            "find": True,
            "track": False,
            "smooth": False,
            "format": "lines",
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
    found = [[tuple(person.joints[0]) for person in people] for _, people in answers]
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
    assert errors == f"error: {folder}/b.jpg is damaged or no picture; give a {pictures.KINDS} file\n"
    assert [line["image"] for line in _lines(tmp_path)] == ["a.jpg", "c.jpg"]


def test_where_nothing_can_be_read_nothing_is_written(call, folder, tmp_path):
    (folder / "a.jpg").write_bytes(b"")
    (folder / "c.jpg").write_bytes(b"")
    code, errors = call(input=str(folder))
    assert (code, errors.count("\n")) == (2, 3)
    assert not (tmp_path / "out").exists()


def test_a_video_is_answered_with_lines_and_a_video(call, tmp_path):
    _clip(tmp_path / "clip.mp4", 3)
    (tmp_path / "boxes.csv").write_text("image,x,y,width,height\n0,1,2,30,40\n2,1,2,30,40\n2,20,2,30,40\n")
    assert call(input=str(tmp_path / "clip.mp4"), boxes=str(tmp_path / "boxes.csv")) == (0, "")
    told = [(line["video"], line["frame"], line["time"], line["person"]) for line in _lines(tmp_path)]
    assert told == [("clip.mp4", 0, 0.0, 0), ("clip.mp4", 2, 0.2, 0), ("clip.mp4", 2, 0.2, 1)]
    assert len(list(video_file.VideoFile(tmp_path / "out" / "overlays" / "clip.mp4").frames())) == 3


def test_an_exported_model_is_asked_instead(monkeypatch, folder, call, tmp_path):
    monkeypatch.setattr(model, "load", lambda path, flip, judged: _Middle())
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
        (
            {"output": "/dev/null/out", "workdir": None, "model": "nowhere.onnx"},
            "--output=/dev/null/out cannot be written",
        ),
        ({"track": True}, "--track is for videos"),
        ({"smooth": True}, "--smooth needs --track"),
        ({"box": ["0.1,0.1,0.5,0.5"]}, "--box_units=relative"),
    ],
    ids=[
        *("neither", "both", "exported P and C", "no model", "frames", "outside", "box and boxes"),
        *("output before the model", "track", "smooth", "relative"),
    ],
)
def test_bad_input_gets_one_clear_line(call, folder, tmp_path, given, words):
    with pytest.raises(UserError, match=words):
        call(**{"input": str(folder / "a.jpg"), **given})
    assert not (tmp_path / "out").exists()


def _clip(path, frames):
    """Black frames of 64 x 48 pixels, ten a second."""
    with video_file.written(path, (64, 48), 10.0) as add:
        for n in range(frames):
            add(np.zeros((48, 64, 3), np.uint8), n / 10)
    return str(path)


def test_a_folder_may_be_answered_as_coco_has_it(call, folder, tmp_path):
    content = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "c.jpg"}],
        "annotations": [{"image_id": n, "bbox": [20, 30, 100, 120]} for n in (7, 9)],
    }
    (tmp_path / "boxes.json").write_text(json.dumps(content))
    assert call(input=str(folder), boxes=str(tmp_path / "boxes.json"), format="coco")[0] == 0
    found = json.loads((tmp_path / "out" / "predictions.json").read_text())
    assert [(one["image_id"], one["category_id"], len(one["keypoints"])) for one in found] == [(7, 1, 48), (9, 1, 48)]


@pytest.mark.parametrize("format", ["lines", "coco"])
def test_ctrl_c_keeps_what_was_found(call, folder, tmp_path, monkeypatch, format):
    for n in range(8):
        (folder / f"d{n}.jpg").write_bytes((folder / "a.jpg").read_bytes())
    read, seen = pictures.read, []

    def interrupted(path):
        seen.append(path)
        if len(seen) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return read(path)

    monkeypatch.setattr(pictures, "read", interrupted)
    code, errors = call(input=str(folder), box=["20,30,100,120"], batch_size=1, format=format)
    assert code == 130
    assert "Interrupted: not everything was looked at" in errors
    text = (tmp_path / "out" / predict.output_files.FILES[format]).read_text()
    assert len(json.loads(text) if format == "coco" else text.splitlines()) == 2
    assert sorted(os.listdir(tmp_path / "out" / "overlays")) == ["a.jpg", "c.jpg"]


def test_people_of_a_video_are_followed(monkeypatch, call, tmp_path):
    monkeypatch.setattr(model, "load", lambda path, flip, judged: _Sure())
    clip = _clip(tmp_path / "clip.mp4", 3)
    assert call(workdir=None, model="m.onnx", input=clip, box=["10,10,20,20;40,10,20,20"], track=True) == (0, "")
    told = [(line["frame"], line["person"]) for line in _lines(tmp_path)]
    assert told == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    # The crop follows the joints, which are a fifth narrower than their box.
    assert _lines(tmp_path)[4]["box"] != _lines(tmp_path)[0]["box"]


class _Sure(_Middle):
    """Joints in a cross about the crop's middle, and sure of them."""

    def middle(self, crops):
        joints = np.full((len(crops), 16, 2), 3.5, np.float32)
        joints[:, 0, 0], joints[:, 1, 0], joints[:, 2, 1], joints[:, 3, 1] = 1.0, 6.0, 1.0, 6.0
        return {"joints": joints, "scores": np.ones((len(crops), 16), np.float32)}


WITHOUT_TENSORFLOW = """
import importlib.util, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("tensorflow", "keras", "tensorflow_addons"):
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "tensorflow" else find(name, *rest)
from keras_apn import apn
sys.argv = ["apn", "predict", *sys.argv[1:]]
apn.main()
"""


@pytest.mark.parametrize("kind", ["shipped", "onnx", "tflite"])
def test_exports_are_asked_without_tensorflow(folder, tmp_path, find_the_project, kind):
    name = "apn-mobile" if kind == "shipped" else shipped.onnx_file(shipped.folder("apn-mobile"))
    if kind == "tflite":
        estimator = exporting.estimator(features=32)
        (tmp_path / "tflite").mkdir()
        tflite.export(estimator, str(tmp_path / "tflite"), exporting.about(estimator), quantize=["none"])
        name = str(tmp_path / "tflite" / "joints_float32.tflite")
    arguments = [f"--model={name}", f"--input={folder}", f"--output={tmp_path / 'out'}", "--box=20,30,100,120"]
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_TENSORFLOW, *arguments], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1), ended.stderr  # One picture is damaged.
    assert "2 people" in ended.stdout
    assert len(_lines(tmp_path)) == 2


def test_a_source_is_told_by_its_name(folder):
    assert isinstance(predict.open_source(str(folder), Boxes(), None), pictures.Pictures)
    with pytest.raises(UserError, match=r"a\.mp4 does not exist"):
        predict.open_source(str(folder / "a.mp4"), Boxes(), None)
