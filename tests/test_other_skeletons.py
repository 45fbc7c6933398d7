"""The programs on other joints than MPII's: five without left and right, three without limbs, COCO's seventeen."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from data_pipeline import skeleton
from data_pipeline.synthetic import scenes

pytestmark = [pytest.mark.slow, pytest.mark.lane(only="current")]

ROOT = pathlib.Path(__file__).parents[1]
TINY = ("--crop_size=32", "--stacks=1", "--features=8", "--levels=2", "--discriminator_features=8", "--batch_size=4")
SPINE = {
    "name": "spine5",
    "joints": ["pelvis", "thorax", "upper_neck", "head_top", "nose"],
    "limbs": [["pelvis", "thorax"], ["thorax", "upper_neck"], ["upper_neck", "head_top"], ["upper_neck", "nose"]],
    "unit": {"kind": "pair", "joints": ["pelvis", "thorax"]},
}
# As a YOLO data.yaml, which knows no limbs, has its joints.
POINTS = {"name": "points3", "joints": ["nose", "left_wrist", "right_wrist"], "unit": {"kind": "box"}}
FILES = {told["name"]: told for told in (SPINE, POINTS)}
METRICS = {"spine5": "pck@0.2", "points3": "pck_box@0.05", "coco17": "pck_oks@1.0"}


def call(module, *arguments):
    """Runs a program that must succeed; returns its standard output."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=[*FILES, "coco17"])
def run(request, tmp_path_factory):
    """`(name of the skeleton, folder)` with records and a run of a skeleton, trained for two epochs."""
    folder = tmp_path_factory.mktemp(request.param)
    given = request.param
    if given in FILES:
        given = folder / f"{request.param}.json"
        given.write_text(json.dumps(FILES[request.param]))
    records = folder / "records"
    built = ("--dataset=synthetic", "--limit=24", "--validation_people=8", "--patch_size=56", "--shards=2")
    call("data_pipeline.build_tfrecords", *built, "--workers=1", f"--skeleton={given}", f"--output={records}")
    trained = (f"--train_records={records}/train-*", f"--validation_records={records}/validation-*")
    call(
        "keras_apn.train", *TINY, *trained, "--dataset=synthetic", "--optimizer=adam", "--epochs=2", "--panel_epochs=1",
        f"--skeleton={records}/dataset.json", f"--workdir={folder}/run",
    )  # fmt: skip
    return request.param, folder


def expected(name):
    return skeleton.from_json(FILES[name]) if name in FILES else skeleton.load(name)


def test_a_run_says_which_skeleton_it_has(run):
    name, folder = run
    told = json.loads((folder / "run" / "config.json").read_text())["model"]["skeleton"]
    assert skeleton.from_json(told) == expected(name)


def test_it_is_scored_by_its_own_columns_unit_and_occlusion(run):
    name, folder = run
    own = expected(name)
    out = call("keras_apn.evaluate", f"--workdir={folder}/run", "--baseline", "--flip", f"--json={folder}/scores.json")
    told = json.loads((folder / "scores.json").read_text())
    assert list(told[METRICS[name]]) == list(own.titles)
    assert set(told["occlusion_ap"]["joints"]) == set(own.joints)
    assert any(value is not None for value in told["occlusion_ap"]["joints"].values())
    assert all(title in out for title in own.titles)
    assert ("coco" in told) == (name == "coco17")


def test_it_predicts_joints_by_their_names(run):
    name, folder = run
    photograph = folder / "photograph.png"
    tf.io.write_file(str(photograph), tf.io.encode_png(scenes.sample(0, 3)[1]))
    call(
        "keras_apn.predict",
        f"--workdir={folder}/run",
        f"--input={photograph}",
        "--box=40,30,150,200",
        f"--output={folder}/found",
    )
    told = json.loads((folder / "found" / "predictions.jsonl").read_text().splitlines()[0])
    assert tuple(joint["name"] for joint in told["joints"]) == expected(name).joints


def test_every_export_agrees_and_carries_it(run):
    name, folder = run
    call("export", f"--workdir={folder}/run", f"--output={folder}/exports")
    call("export.verify", f"--workdir={folder}/run", f"--exports={folder}/exports", f"--json={folder}/verified.json")
    told = json.loads((folder / "verified.json").read_text())
    assert len(told["artefacts"]) > 8
    assert not any(artefact["failed"] for artefact in told["artefacts"])
    from keras_apn.inference import exported_files

    files = [str(path) for path in (folder / "exports").rglob("*") if path.suffix in (".tflite", ".onnx")]
    assert len(files) > 8
    for path in [*files, str(folder / "exports" / "adversarial_posenet")]:
        assert exported_files.open_model(path).skeleton == expected(name), path


def test_a_report_and_a_preview_are_made_of_it(run):
    name, folder = run
    call("keras_apn.report", f"--workdirs={folder}/run", f"--output={folder}/report")
    page = (folder / "report" / "report.html").read_text()
    assert all(column in page for column in expected(name).columns)
    call(
        "data_pipeline.preview", f"--records={folder}/records/train-*", "--augmented", f"--output={folder}/preview.png"
    )


def test_records_of_another_skeleton_are_refused_in_one_line(run):
    _, folder = run
    records = folder / "records"
    trained = (f"--train_records={records}/train-*", f"--validation_records={records}/validation-*")
    command = [sys.executable, "-m", "keras_apn.train", *TINY, *trained, "--dataset=synthetic", "--workdir=never"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"give --skeleton={records}/dataset.json" in done.stderr
    assert not (folder / "never").exists()
