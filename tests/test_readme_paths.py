"""README followed literally: every command as it stands there, in the order of the page, with trainings of two steps.

The data sets are small and made here, in the layouts of those that the page names. What the page has of a server is
asked of the stand-in.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import scipy.io
import stand_in_server

from data_pipeline.readers import lsp, mpii
from data_pipeline.skeleton import NUM_JOINTS
from data_pipeline.synthetic import scenes

ROOT = pathlib.Path(__file__).parents[1]
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
COMMANDS = [
    line
    for language, block in BLOCKS
    if not language
    for line in block.splitlines()
    if re.match(r"\S*python -m ", line)
]
# Shown by other means: by whoever runs the tests, by .ci/run, by .github/workflows, by tests/training.
ELSEWHERE = {"make setup", "make demo", "make test", "make test-all", "cd exports/serving && docker compose up serving"}
# Lengths alone: trainings and measurements of the page's length take days and minutes, LSPET's 10,000 people minutes.
SHORTER = {
    "keras_apn.train": "--epochs=1 --steps_per_epoch=2 --batch_size=4 --crop_size=64 --stacks=1 --features=16 "
    "--levels=2 --discriminator_features=8",
    "keras_apn.study": "--norun",
    "export.benchmark": "--seconds=0.01 --rounds=1 --batches=1",
    "--dataset=lsp ": f"--limit={lsp.LSP_TRAIN_PEOPLE + 4}",
    "--dataset=lspet": "--limit=20",
}
TRAIN, VALIDATION = 20, 6


def people(count):
    """So many drawn people and their photographs."""
    return [scenes.sample(0, n) for n in range(count)]


def structs(*items):
    """A (1, N) MATLAB struct array of dicts with the same keys."""
    array = np.empty((1, len(items)), [(name, object) for name in items[0]])
    array[0] = [tuple(item.values()) for item in items]
    return array


def write_mpii(folder):
    """`mpii_human_pose_v1_u12_1.mat` of one person a photograph, the last ones in the validation split."""
    (folder / "images").mkdir()
    split = sorted(image for image, person in mpii.validation_people() if person == 0)
    names = [f"{n:09}.jpg" for n in range(TRAIN)] + split[:VALIDATION]
    entries = []
    for name, (person, picture) in zip(names, people(len(names)), strict=True):
        cv2.imwrite(str(folder / "images" / name), picture[..., ::-1])
        side = person.head_size / mpii.HEAD_SIZE_PER_DIAGONAL / np.sqrt(2)
        points = [
            {"id": joint, "x": x + 1, "y": y + 1, "is_visible": int(person.visible[joint])}
            for joint, (x, y) in enumerate(person.joints_image.tolist())
            if person.annotated[joint]
        ]
        box = {"x1": 0.0, "y1": 0.0, "x2": side, "y2": side}
        place = dict(zip(("x", "y"), (person.center_image + 1).tolist(), strict=True))
        points = {"annopoints": {"point": structs(*points)}}
        rect = structs({**box, **points, "scale": person.side_image / 250, "objpos": place})
        entries.append({"image": {"name": name}, "annorect": rect})
    release = {"annolist": structs(*entries), "img_train": np.ones((1, len(names)), np.uint8), "version": "12"}
    scipy.io.savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": release})


def write_lsp(folder):
    """LSP and LSPET of one person and one photograph, as often as they have some."""
    ((person, picture),) = people(1)
    joints = np.column_stack([person.joints_image + 1, np.zeros(NUM_JOINTS)])[lsp.ORDER]
    for name, count, flag, image, axes in (
        ("lsp_dataset", 2000, 0, "im{:04d}.jpg", (2, 1, 0)),
        ("hr-lspet", 10_000, 1, "im{:05d}.jpg", (1, 2, 0)),
    ):
        (folder / name / "images").mkdir(parents=True)
        joints[:, 2] = flag
        scipy.io.savemat(folder / name / "joints.mat", {"joints": np.stack([joints] * count).transpose(axes)})
        first = folder / name / "images" / image.format(1)
        cv2.imwrite(str(first), picture[..., ::-1])
        for n in range(1, count):
            os.link(first, folder / name / "images" / image.format(n + 1))


def write_predictions(folder):
    """`detections_our_format.mat`, and `preds.mat` that is right of every joint."""
    true = np.random.default_rng(0).uniform(10, 300, (NUM_JOINTS, 2, 3))
    boxes = np.zeros((2, 2, 3))
    boxes[1] = np.array([[30], [40]])
    missing = np.zeros((NUM_JOINTS, 3), np.uint8)
    arrays = {"pos_gt_src": true, "headboxes_src": boxes, "jnt_missing": missing}
    scipy.io.savemat(folder / "detections_our_format.mat", arrays)
    scipy.io.savemat(folder / "preds.mat", {"preds": true.transpose(2, 0, 1)})


def followed(command, environment, folder):
    """What a command of the page prints; its Python is this one, and it is run to the end."""
    line = re.sub(r"\S*python -m", f"{sys.executable} -m", command)
    line = " ".join([line, *(flags for part, flags in SHORTER.items() if part in command)])
    done = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_each_line_of_the_page_is_followed_somewhere():
    lines = {line for language, block in BLOCKS if not language for line in block.splitlines()}
    layout = next(block for _, block in BLOCKS if "keras_apn/  " in block)
    left = lines - set(COMMANDS) - ELSEWHERE - set(layout.splitlines())
    assert [line.split("=")[0] for line in left] == ["export TF_CONFIG"]


@pytest.mark.slow
@pytest.mark.lane(only="current")
def test_every_command_does_what_the_page_says(tmp_path):
    ((_, picture),) = people(1)
    cv2.imwrite(str(tmp_path / "photo.jpg"), cv2.resize(picture, (640, 480))[..., ::-1])
    for flags in ROOT.glob("*.flags"):
        shutil.copy(flags, tmp_path)
    studies = pathlib.Path("docs", "studies", "mpii-photographs")
    shutil.copytree(ROOT / studies, tmp_path / studies)
    shutil.copytree(ROOT / studies / "results", tmp_path / "study" / "results")
    write_mpii(tmp_path)
    write_lsp(tmp_path)
    write_predictions(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    printed = {}
    for command in COMMANDS:
        if "export.client" in command:
            with stand_in_server.serving(str(tmp_path / "exports")) as (grpc, _):
                command = command.replace("localhost:8500", grpc)
                printed[command] = followed(command, environment, tmp_path)
        else:
            printed[command] = followed(command, environment, tmp_path)
    assert len(printed) == len(COMMANDS)
    for made in (
        "found/overlays/photo.jpg",
        "scores.json",
        "report/report.html",
        "study/study.html",
        "exports/adversarial_posenet/1/saved_model.pb",
        "exports/tflite/adversarial_posenet/1/joints_int8.tflite",
        "exports/onnx/adversarial_posenet/1/model.onnx",
        "answer.png",
    ):
        assert (tmp_path / made).is_file(), made
    scored = next(text for command, text in printed.items() if "preds.mat" in command)
    assert re.search(r"100\.0", scored)
