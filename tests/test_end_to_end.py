"""The programs as a user calls them, one after the other, on people that nobody had to download."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.skeleton import INDEX
from data_pipeline.synthetic import scenes

pytestmark = pytest.mark.slow

ROOT = pathlib.Path(__file__).parents[1]
TINY = (
    "--crop_size=32",
    "--stacks=1",
    "--features=8",
    "--levels=2",
    "--discriminator_features=8",
    "--batch_size=4",
    "--optimizer=adam",
)


def call(module, *arguments, cwd=ROOT):
    """Runs a program; returns its exit code, standard output and standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


def assert_one_clear_line(result, words):
    code, _, errors = result
    assert code == 2, errors
    lines = errors.strip().splitlines()
    assert len(lines) == 1, errors
    assert lines[0].startswith("error: ")
    assert words in lines[0]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def built(place):
    """Records of 16 synthetic people, 4 of them held out."""
    records = place / "records"
    code, _, errors = call(
        "data_pipeline.build_tfrecords",
        "--dataset=synthetic",
        "--limit=16",
        "--validation_people=4",
        "--patch_size=56",
        "--shards=2",
        "--workers=1",
        f"--output={records}",
    )
    assert code == 0, errors
    return records


@pytest.fixture(scope="module")
def training(place, built):
    """The arguments that train on them."""
    return (
        *TINY,
        "--dataset=synthetic",
        f"--train_records={built}/train-*.tfrecord",
        f"--validation_records={built}/validation-*.tfrecord",
        f"--workdir={place}/run",
    )


@pytest.fixture(scope="module")
def trained(place, training):
    """A workdir after one epoch."""
    code, out, errors = call("keras_apn.train", *training, "--epochs=1")
    assert code == 0, errors
    assert "epoch 1/1" in out
    return place / "run"


def test_build_names_its_shards_and_describes_them(built):
    names = sorted(path.name for path in built.iterdir())
    assert names == [
        "build.json",
        "dataset.json",
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        "validation-00000-of-00002.tfrecord",
        "validation-00001-of-00002.tfrecord",
    ]
    described = json.loads((built / "dataset.json").read_text())
    assert described["splits"]["train"]["people"] == 12
    assert described["splits"]["validation"]["people"] == 4
    assert described["patch_size"] == 56


def test_train_leaves_what_the_other_programs_need(trained):
    left = {"config.json", "state.json", "history.jsonl", "checkpoints", "best", "tensorboard", "updates.json"}
    assert left <= set(os.listdir(trained))
    assert json.loads((trained / "config.json").read_text())["model"]["features"] == 8


def test_a_second_start_goes_on(training, trained):
    code, out, errors = call("keras_apn.train", *training, "--epochs=2")
    assert code == 0, errors
    assert "after epoch 1" in out
    assert "epoch 2/2" in out
    assert "epoch 1/2" not in out
    assert json.loads((trained / "state.json").read_text())["epoch"] == 2


def test_evaluate_prints_the_papers_columns(trained):
    code, out, errors = call("keras_apn.evaluate", f"--workdir={trained}", "--flip", "--baseline")
    assert code == 0, errors
    assert all(column in out for column in ("head", "wrist", "ankle", "mean_14", "auc", "mean pose"))


def test_predict_and_the_export_agree(place, trained):
    image = scenes.sample(0, 3)[1]
    photograph = place / "photograph.png"
    tf.io.write_file(str(photograph), tf.io.encode_png(image))
    code, _, errors = call(
        "keras_apn.predict",
        f"--workdir={trained}",
        f"--input={photograph}",
        "--box=40,30,150,200",
        f"--output={place}/found",
    )
    assert code == 0, errors
    told = json.loads((place / "found" / "predictions.jsonl").read_text())
    code, _, errors = call("export", f"--workdir={trained}", f"--output={place}/exports", "--formats=saved_model")
    assert code == 0, errors
    served = tf.saved_model.load(str(place / "exports" / "adversarial_posenet" / "1"))
    answer = served.signatures["serving_default"](
        image_bytes=tf.io.read_file(str(photograph))[None], boxes=tf.constant([[40.0, 30.0, 150.0, 200.0]])
    )
    wrist = told["joints"][INDEX["left_wrist"]]
    found = answer["joints"][0, INDEX["left_wrist"]].numpy()
    np.testing.assert_allclose([wrist["x"], wrist["y"]], found, atol=0.02)


def test_missing_records_are_answered_with_the_command_that_builds_them(place):
    result = call("keras_apn.train", f"--flagfile={ROOT / 'mpii.flags'}", cwd=place)
    assert_one_clear_line(
        result,
        "python -m data_pipeline.build_tfrecords --dataset=mpii --annotations=mpii_human_pose_v1_u12_1.mat "
        "--images=images --patch_size=448 --output=data/mpii",
    )


@pytest.mark.parametrize(
    ("module", "arguments", "words"),
    [
        ("keras_apn.train", ["--mode=sometimes"], "--mode"),
        ("keras_apn.train", ["--stacks=0"], "--stacks must be at least 1"),
        ("keras_apn.train", ["--stacks=many"], "--stacks"),
        ("keras_apn.train", ["--colour=1"], "colour"),
        ("keras_apn.train", ["--flagfile=nowhere.flags"], "nowhere.flags"),
        ("keras_apn.evaluate", ["--workdir=nowhere"], "nowhere is not a workdir"),
        ("keras_apn.evaluate", [], "--workdir"),
        ("keras_apn.predict", ["--workdir=w", "--input=nothing.jpg", "--output=out"], "nothing.jpg does not exist"),
        ("export", ["--workdir=nowhere", "--output=out", "--formats=tape"], "--formats must be of"),
    ],
    ids=["enum", "range", "number", "flag", "flagfile", "workdir", "required", "input", "format"],
)
def test_bad_input_gets_one_clear_line(place, module, arguments, words):
    before = set(os.listdir(place))
    assert_one_clear_line(call(module, *arguments, cwd=place), words)
    assert set(os.listdir(place)) == before


def test_resuming_with_other_settings_is_refused(training, trained):
    result = call("keras_apn.train", *training, "--epochs=3", "--sigma=2")
    assert_one_clear_line(result, "--sigma=1.0 there, 2.0 here")


def test_a_half_written_shard_gets_one_clear_line(built, trained, tmp_path):
    shutil.copytree(built, tmp_path / "records")
    shard = tmp_path / "records" / "validation-00000-of-00002.tfrecord"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    result = call("keras_apn.evaluate", f"--workdir={trained}", f"--records={tmp_path}/records/validation-*.tfrecord")
    assert_one_clear_line(result, "4 records are damaged or missing, the first in ")


def test_dry_run_prints_json_alone():
    code, out, errors = call("data_pipeline.build_tfrecords", "--dataset=synthetic", "--limit=3", "--dry_run")
    assert code == 0, errors
    counted = {"people", "people_occlusion_unknown", "joints_annotated", "joints_occluded", "skipped"}
    assert set(json.loads(out)) == counted
