"""docs/python.md followed literally, and the notebook's cells."""

import ast
import json
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import PIL.Image
import pytest

import keras_apn
from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from keras_apn import config
from keras_apn import train as train_module
from keras_apn.sources import video_file

ROOT = pathlib.Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_the_guide_is_followed(tmp_path, monkeypatch, find_the_project):
    monkeypatch.chdir(tmp_path)
    PIL.Image.fromarray(scenes.sample(0, 0)[1]).resize((640, 480)).save("photo.jpg")
    shutil.copy(ROOT / "demo.flags", "demo.flags")
    with video_file.written("walk.mp4", (320, 240), 10.0) as add:
        for n in range(3):
            add(np.asarray(PIL.Image.open("photo.jpg").resize((320, 240))), n / 10)
    names = {}
    for language, block in BLOCK.findall((ROOT / "docs" / "python.md").read_text()):
        if language == "python":
            exec(compile(block, "docs/python.md", "exec"), names)
        elif block.startswith("python -m "):
            subprocess.run([sys.executable, *shlex.split(block)[1:]], check=True, capture_output=True)
    assert names["scores"]["people"] == 8
    assert names["picture"].shape == (480, 640, 3)
    assert len(names["people"]) == 1
    assert (names["seconds"], names["frame"].shape) == (0.2, (240, 320, 3))
    # Calibrated where it was scored, had there been enough people; its probabilities are there in any case.
    assert names["model"].predict("photo.jpg")[0].plausible.shape == (16,)
    assert names["paths"] == ["exports/onnx/adversarial_posenet/1"]


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_the_notebook_runs():
    notebook = json.loads((ROOT / "docs" / "python.ipynb").read_text())
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["language"]) == (4, "python")
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names = {}
    for number, cell in enumerate(cells):
        # As a kernel does: the value of a cell's last line is shown.
        *body, last = ast.parse(cell).body
        exec(compile(ast.Module(body, []), f"cell {number}", "exec"), names)
        shown = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
        assert shown is not None
    assert shown.size == (names["picture"].shape[1], names["picture"].shape[0])
    assert np.ptp(names["picture"]) > 0


def test_programs_are_modules_and_functions():
    assert keras_apn.train is train_module
    assert callable(keras_apn.train)
    assert callable(keras_apn.evaluate)
    assert "Trains;" in type(keras_apn.train).__doc__
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        getattr(keras_apn, "fly")  # noqa: B009


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: keras_apn.train(None, "run", epoch=3), "There is no `epoch` to set here"),
        (lambda: keras_apn.train({"epochs": 0}, "run"), "epochs"),
        (lambda: keras_apn.train(config.Config(), "run", epochs=3), "Flags go with a dict or a file"),
        (lambda: keras_apn.train("nowhere.flags", "run"), r"nowhere\.flags cannot be read"),
        (lambda: keras_apn.evaluate(), "Give what is to be scored"),
        (lambda: keras_apn.evaluate("nowhere"), "nowhere"),
        (lambda: keras_apn.export("nowhere", "out", formats=["jpeg"]), "--formats must be of"),
        (lambda: keras_apn.export(None, "out"), "Give either --workdir"),
    ],
    ids=["name", "value", "config", "file", "nothing", "no run", "format", "no model"],
)
def test_a_mistake_is_one_line(call, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=said) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
