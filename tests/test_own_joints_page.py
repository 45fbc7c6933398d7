"""docs/own-joints.md followed literally: every command as it stands there, with a training of two steps."""

import json
import os
import pathlib
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "own-joints.md").read_text("utf-8"), re.DOTALL)
    for line in block.strip().splitlines()
]
# A training of the page's length takes days here.
SHORT = "--epochs=1 --steps_per_epoch=2 --batch_size=2 --crop_size=64 --stacks=1 --features=16 --levels=2"


def export(folder):
    """A labelling tool's export of twenty leaves of four joints, one of them hidden."""
    (folder / "images").mkdir(parents=True)
    images, people = [], []
    for n in range(20):
        name, rng = f"images/{n}.jpg", np.random.default_rng(n)
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (120, 160, 3), np.uint8))
        joints = np.array([[80, 20], [60, 50], [100, 50], [80, 100]]) + rng.integers(-9, 9, (4, 2))
        flat = [float(v) for (x, y), v in zip(joints, (2, 2, 1, 2), strict=True) for v in (x, y, v)]
        images.append({"id": n, "file_name": name, "width": 160, "height": 120})
        people.append({"id": n, "image_id": n, "category_id": 1, "keypoints": flat, "bbox": [50, 10, 60, 100]})
    category = {"id": 1, "name": "leaf", "keypoints": ["tip", "side_l", "side_r", "stem"], "skeleton": [[1, 4]]}
    told = {"images": images, "annotations": people, "categories": [category]}
    (folder / "result.json").write_text(json.dumps(told))


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_every_command_does_what_the_page_says(tmp_path):
    export(tmp_path / "leaves")
    for name in ("mobile.flags", "mpii.flags"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for command in COMMANDS:
        line = command.replace("python ", f"{sys.executable} ", 1)
        line += f" {SHORT}" if "keras_apn.train" in line else ""
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "exports/tflite/leaves/1/joints_float16.tflite").is_file()
    assert (tmp_path / "leaves.png").is_file()
    assert (tmp_path / "sheet.png").is_file()
    back = json.loads((tmp_path / "validation.json").read_text())
    assert back["categories"][0]["keypoints"] == ["tip", "side_l", "side_r", "stem"]
