import contextlib
import functools
import http.server
import io
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import exporting
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

from data_pipeline import skeleton
from data_pipeline.synthetic import scenes
from export.formats import onnx_
from keras_apn.inference import arrays, pose_estimator
from keras_apn.inference.photographs import cropping
from keras_apn.inference.visualization import OCCLUDED_FROM

# The browser runs the ONNX file, in whichever lane it was made.
pytestmark = pytest.mark.lane(only="addons")

SOURCE = pathlib.Path(__file__).parents[2] / "export" / "web"
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH")
# In pixels of the picture, as (left, top, right, bottom).
FIRST, SECOND = (40, 30, 160, 230), (60, 90, 131, 202)


def program(*names):
    """The first program that is installed; skips where none is."""
    found = next(filter(None, map(shutil.which, names)), None)
    return found or pytest.skip(f"needs {' or '.join(names)}")


def run(command, folder, given=None):
    return subprocess.run(command, cwd=folder, input=given, capture_output=True, text=True, timeout=300)


def node(script, given):
    """What a script of the page's folder answers to a value, both as JSON."""
    answer = run([program("node"), str(script)], script.parent, json.dumps(given))
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def random_picture(height, width):
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def as_sent(image, box):
    """A picture with RGBA bytes, as a browser has them, and a box."""
    pixels = np.concatenate([image, np.full_like(image[..., :1], 255)], -1)
    size = {"width": image.shape[1], "height": image.shape[0], "size": 32, "margin": arrays.BOX_MARGIN}
    return {**size, "pixels": pixels.ravel().tolist(), "box": list(box)}


def test_the_page_crops_as_python_does():
    pictures = [random_picture(*size) for size in ((32, 32), (57, 91), (200, 131), (16, 11), (1, 1))]
    boxes = [(0, 0, 0, 0), (3, 2, 7, 9), (-4, -6, 30, 20), (10.5, 4.25, 70.125, 33), (8, 8, 2, 1)]
    cases = [(image, box) for image in pictures for box in boxes]
    found = node(SOURCE / "test" / "crop.js", [as_sent(*case) for case in cases])
    for (image, box), crop in zip(cases, found, strict=True):
        ((expected,), _, _) = cropping.crop_person(tf.constant(image), tf.constant(box, tf.float32), 32)
        np.testing.assert_allclose(np.reshape(crop, (32, 32, 3)), expected.numpy(), atol=1e-4)


@pytest.fixture(scope="module")
def folder():
    """A copy of the page's folder with its packages, and the page built."""
    npm = program("npm")
    program("node")
    with tempfile.TemporaryDirectory() as parent:
        path = os.path.join(parent, "web")
        shutil.copytree(SOURCE, path, ignore=shutil.ignore_patterns("node_modules", "dist"))
        installed = run([npm, "ci", "--no-audit", "--no-fund", "--prefer-offline"], path)
        if installed.returncode and any(word in installed.stderr for word in OFFLINE):
            pytest.skip("needs the npm registry")
        assert installed.returncode == 0, installed.stderr
        built = run([npm, "run", "build"], path)
        assert built.returncode == 0, built.stderr
        yield pathlib.Path(path)


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        """Says nothing."""


@contextlib.contextmanager
def served(folder):
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def estimators():
    names = ["tail", "loin", "back", "neck", "nose"]
    spine = skeleton.from_json({"name": "spine", "joints": names, "limbs": [["tail", "loin"], ["neck", "nose"]]})
    return {
        "model": exporting.estimator(),
        "single": exporting.estimator(1, occlusion=False),
        "spine": exporting.estimator(2, skeleton=spine),
        "coco17": exporting.estimator(3, skeleton=skeleton.load("coco17")),
    }


def photograph():
    """A picture that is no square, nor of the crop's size."""
    return tf.io.encode_png(scenes.sample(0, 1)[1][:240, :201]).numpy()


# How a picture must be turned so that one with this EXIF orientation shows it again.
LYING = {
    1: None,
    2: PIL.Image.Transpose.FLIP_LEFT_RIGHT,
    3: PIL.Image.Transpose.ROTATE_180,
    4: PIL.Image.Transpose.FLIP_TOP_BOTTOM,
    5: PIL.Image.Transpose.TRANSPOSE,
    6: PIL.Image.Transpose.ROTATE_90,
    7: PIL.Image.Transpose.TRANSVERSE,
    8: PIL.Image.Transpose.ROTATE_270,
}


def turned(held):
    """The photograph as a camera writes it that was held in one of eight ways: turned, with a note."""
    note, file = PIL.Image.Exif(), io.BytesIO()
    note[0x0112] = held
    lying = PIL.Image.open(io.BytesIO(photograph()))
    lying = lying.transpose(LYING[held]) if LYING[held] is not None else lying
    lying.save(file, "JPEG", exif=note, quality=100, subsampling=0)
    return file.getvalue()


@pytest.fixture(scope="module")
def models():
    return estimators()


@pytest.fixture(scope="module")
def answers(folder, models, tmp_path_factory):
    """What the page shows at each visit."""
    browser = program("chromium", "chromium-browser", "google-chrome")
    for name, estimator in models.items():
        path = tmp_path_factory.mktemp(name)
        onnx_.export(estimator, str(path), exporting.about(estimator))
        shutil.copy(path / onnx_.FILE, folder / "dist" / f"{name}.onnx")
    picture, damaged = folder / "picture.png", folder / "damaged.png"
    picture.write_bytes(photograph())
    for held in LYING:
        (folder / f"held{held}.jpg").write_bytes(turned(held))
    damaged.write_bytes(photograph()[:100])
    (folder / "other.onnx").write_bytes(b"no model")
    with served(folder / "dist") as url:
        visits = {
            "whole": {"url": url, "dropped": str(picture)},
            "boxes": {"url": url, "files": [str(picture)], "boxes": [FIRST, SECOND]},
            **{f"held {held}": {"url": url, "files": [str(folder / f"held{held}.jpg")]} for held in LYING},
            "single": {"url": f"{url}?model=single.onnx", "files": [str(picture)]},
            **{name: {"url": f"{url}?model={name}.onnx", "files": [str(picture)]} for name in ("spine", "coco17")},
            "chosen": {"url": f"{url}?model=none.onnx", "files": [str(folder / "dist" / "model.onnx"), str(picture)]},
            "no model": {"url": f"{url}?model=none.onnx"},
            "no picture": {"url": url, "files": [str(damaged)]},
            "wrong model": {"url": url, "files": [str(folder / "other.onnx")]},
            "no WebAssembly": {"url": url, "before": "delete window.WebAssembly"},
        }
        found = node(folder / "test" / "drive.js", {"browser": browser, "visits": list(visits.values())})
    return dict(zip(visits, found, strict=True))


def box_of(left, top, right, bottom):
    return [left, top, right - left, bottom - top]


@pytest.mark.parametrize(
    ("visit", "model", "boxes"),
    [
        ("whole", "model", [[0, 0, 0, 0]]),
        ("boxes", "model", [box_of(*FIRST), box_of(*SECOND)]),
        ("single", "single", [[0, 0, 0, 0]]),
        ("spine", "spine", [[0, 0, 0, 0]]),
        ("coco17", "coco17", [[0, 0, 0, 0]]),
        ("chosen", "model", [[0, 0, 0, 0]]),
    ],
)
def test_the_page_finds_the_joints_that_python_finds(answers, models, visit, model, boxes):
    people = answers[visit]["people"]
    assert [person["box"] for person in people] == boxes
    photographs = tf.constant([photograph()] * len(boxes))
    expected = pose_estimator.joints_in_image(models[model], photographs, tf.constant(boxes, tf.float32))
    for row, person in enumerate(people):
        names = models[model].skeleton.joints
        assert [name for name, *_ in person["joints"]] == [name.replace("_", " ") for name in names]
        values = np.array([numbers for _, *numbers in person["joints"]])
        np.testing.assert_allclose(values[:, :2], expected["joints"][row], atol=0.1)
        np.testing.assert_allclose(values[:, 2], expected["scores"][row], atol=1e-3)
        if "occluded" in expected:
            np.testing.assert_allclose(values[:, 3], expected["occluded"][row], atol=1e-3)
            assert person["rings"] == np.sum(expected["occluded"][row] >= OCCLUDED_FROM)
        else:
            assert values.shape == (16, 3)
        assert 0 < person["milliseconds"] < 10_000


@pytest.mark.parametrize("held", LYING)
def test_the_page_turns_photographs_as_python_does(answers, models, held):
    (person,) = answers[f"held {held}"]["people"]
    expected = pose_estimator.joints_in_image(models["model"], tf.constant([turned(held)]), tf.zeros((1, 4)))
    upright = pose_estimator.joints_in_image(models["model"], tf.constant([photograph()]), tf.zeros((1, 4)))
    assert np.median(np.linalg.norm(expected["joints"] - upright["joints"], axis=-1)) < 0.5
    away = np.linalg.norm([numbers[:2] for _, *numbers in person["joints"]] - expected["joints"][0].numpy(), axis=-1)
    # Browsers decode JPEG a little otherwise, which may move the peak of one joint or another.
    assert np.median(away) < 0.5


@pytest.mark.parametrize(
    ("visit", "message"),
    [
        ("no model", "There is no model at none.onnx; put one there, or choose a file."),
        ("no picture", "damaged.png is damaged, or no picture that this browser can read."),
        ("wrong model", "This file is no ONNX model, or is damaged."),
        ("no WebAssembly", "This browser has no WebAssembly, which runs the model; use a current one."),
    ],
)
def test_mistakes_are_told_in_one_sentence(answers, visit, message):
    assert (answers[visit]["status"], answers[visit]["wrong"]) == (message, True)
    assert answers[visit]["people"] == []


def test_nothing_fails_unseen_and_nothing_is_fetched_from_elsewhere(answers):
    assert {visit: answer["errors"] for visit, answer in answers.items()} == {visit: [] for visit in answers}


def test_the_model_is_named(answers):
    assert answers["whole"]["about"] == "posenet 1, 32 pixels, Apache-2.0, 1 thread"


def test_packages_have_exact_versions():
    packages = json.loads((SOURCE / "package.json").read_text())
    locked = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    for name, version in {**packages["dependencies"], **packages["devDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version
