import functools
import json
import os
import shutil
import types

import exporting
import numpy as np
import pytest
import tensorflow as tf
from absl import flags

from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset
from data_pipeline.skeleton import MPII16
from export import verify
from export.formats import artefacts, onnx_, tflite
from export.verification import verdict
from keras_apn.evaluation import scoring
from keras_apn.models import best_weights

RATE = "pckh@0.5 mean_14"


def write(estimator, exports, formats=("saved_model", "tflite", "onnx"), name="posenet", version=1):
    """Writes exports of a tiny G: the TFLite files without 8 bits, which need crops."""
    about = exporting.about(estimator, name, version)
    if "saved_model" in formats:
        exporting.write_saved_model(estimator, exports, name, version)
    for kind, export in (("tflite", tflite.export), ("onnx", onnx_.export)):
        if kind in formats:
            path = artefacts.folder(exports, kind, name, version)
            os.makedirs(path)
            export(estimator, path, about, **({"quantize": ("none", "float16")} if kind == "tflite" else {}))


@pytest.fixture(scope="module")
def workdir(tiny_config, tmp_path_factory):
    """A workdir whose G is `exporting.generator`'s, so that its maps have peaks."""
    path = tmp_path_factory.mktemp("workdir")
    tiny_config.save(path)
    os.makedirs(os.path.dirname(best_weights.path(path, "generator")))
    exporting.generator().save_weights(best_weights.path(path, "generator"))
    return path


@pytest.fixture(scope="module")
def exports(tmp_path_factory):
    path = tmp_path_factory.mktemp("exports")
    write(exporting.estimator(), str(path))
    return path


@pytest.fixture
def run(monkeypatch, tmp_path, workdir):
    """Runs the program with flags and returns its exit code and the JSON that it wrote."""

    def call(exports, *arguments):
        values = flags.FlagValues()
        names = [f"DEFINE_{kind}" for kind in ("integer", "string")]
        define = {name: functools.partial(getattr(flags, name), flag_values=values) for name in names}
        monkeypatch.setattr(verify, "flags", types.SimpleNamespace(**define))
        # It can be said only before TensorFlow has begun.
        monkeypatch.setattr(verify.tf.config, "set_visible_devices", lambda devices, kind: None)
        verify.define_flags()
        path = tmp_path / "verified.json"
        values(["verify", f"--workdir={workdir}", f"--exports={exports}", f"--json={path}", *arguments])
        code = verify.main(values)
        return code, json.loads(path.read_text())

    return call


def rate_of_bytes(records):
    """What Keras scores on crops that are rounded to bytes."""
    found = scoring.collect(dataset.find(records), 32, 16, crops=True)
    joints = exporting.estimator().joints_in_crop(found["crop"] / np.float32(255))["joints"].numpy()
    return scoring.score({**found, "predicted": joints}, "pckh")["pckh@0.5"]["mean_14"]


def test_exports_of_the_same_g_keep_all_bounds(run, exports, capsys):
    code, told = run(exports, "--batch_size=3")
    names = [f"tflite {flavour} {kind}" for flavour in ("heatmaps", "joints") for kind in ("float32", "float16")]
    assert code is None
    assert [row["name"] for row in told["artefacts"]] == ["saved_model", *names, "onnx"]
    assert told["metric"] == RATE
    assert told["people"] == 5
    assert told["keras"]["rate"] == pytest.approx(rate_of_bytes(told["command"]["records"]))
    for row in told["artefacts"]:
        assert row["failed"] == []
        assert row["bytes"] == artefacts.Artefact(row["name"], row["path"]).size > 1000
        if "float16" not in row["name"]:
            assert row["joints"]["max_untied"] <= 0.01
            assert row["scores"]["max"] <= 1e-4
        assert (row["maps"] is None) == ("joints" in row["name"])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("posenet 1, 5 people, python 3.")
    assert all(len(line) <= 100 for line in printed[1:])
    assert [line.split()[0] for line in printed[3:]] == ["keras", "saved_model", *["tflite"] * 4, "onnx"]
    assert all(line.endswith("  ok") for line in printed[4:])


def test_the_file_tells_what_was_compared_and_by_what_rule(run, exports, workdir):
    _, told = run(exports, "--people=2")
    assert told["people"] == 2
    assert told["command"]["workdir"] == str(workdir)
    assert (told["command"]["name"], told["command"]["version"]) == ("posenet", 1)
    assert told["command"]["flip_test"] is False
    losses = {"float16": 0.2, "dynamic": 0.5, "int8": 1.0}
    assert told["bounds"] == {
        "maps": 1e-4,
        "joints": 0.01,
        "loss": losses,
        "plausible": 1e-3,
        "plausible_mean": verdict.PLAUSIBLE_MEAN,
    }
    assert {"python", "tensorflow", "keras", "litert", "onnxruntime"} <= set(told["versions"])
    assert told["versions"]["tensorflow"].startswith("2.")


def replaced(exports, folder, kind, estimator):
    """A copy of exports in which one format is of another estimator."""
    shutil.copytree(exports, folder / "exports")
    shutil.rmtree(folder / "exports" / kind)
    write(estimator, str(folder / "exports"), (kind,))
    return folder / "exports"


def test_an_export_of_other_weights_is_named_and_fails(run, exports, tmp_path, capsys):
    code, told = run(replaced(exports, tmp_path, "onnx", exporting.estimator(seed=1)))
    assert code == verify.BOUND_PASSED == 1
    assert [row["name"] for row in told["artefacts"] if row["failed"]] == ["onnx"]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("  FAILED")] == ["onnx"]
    assert [line.split()[:3] for line in lines[-3:]] == [["FAILED:", "onnx:", w] for w in ("maps", "scores", "joints")]
    assert lines[-3].endswith("off, the bound is 0.0001")
    assert lines[-1].endswith("pixels off that are no ties, the bound is 0.01")


@pytest.fixture(scope="module")
def flipped(exports, tmp_path_factory):
    return replaced(exports, tmp_path_factory.mktemp("flipped"), "onnx", exporting.estimator(flip=True))


def test_exports_that_flip_are_compared_with_keras_that_does(run, flipped, tmp_path):
    shutil.copytree(flipped / "onnx", tmp_path / "onnx")
    code, told = run(tmp_path)
    assert code is None
    assert told["command"]["flip_test"] is True


def test_exports_that_flip_and_some_that_do_not_are_the_users_mistake(run, flipped):
    with pytest.raises(UserError, match=r"^onnx: exported with --flip; saved_model, tflite .*: without"):
        run(flipped)


def finder(**outputs):
    """What stands for an export that takes crops of 64 pixels."""
    model = types.SimpleNamespace(outputs={"joints"})
    found = {name: tf.zeros(shape) for name, shape in outputs.items()}
    return types.SimpleNamespace(crop_size=64, skeleton=MPII16, model=model, joints_in_crop=lambda crops: found)


def test_an_export_for_other_crops_is_the_users_mistake(monkeypatch):
    monkeypatch.setattr(verify.exported_models, "load", lambda path: finder())
    with pytest.raises(UserError, match=r"^m\.onnx takes crops of 64 pixels, and the workdir's model of 32"):
        verify.open_all([artefacts.Artefact("onnx", "m.onnx")], crop_size=32)


def test_the_truth_of_a_comparison_is_that_of_the_records(tiny_records):
    paths = dataset.find(f"{tiny_records}/validation-*.tfrecord")
    _, truth = verify.compare(exporting.estimator(), {}, paths, people=3)
    known = scoring.collect(paths, 32, 16)
    assert {*truth, "image", "person_index", "crop_to_image"} == set(known)
    for name, values in truth.items():
        np.testing.assert_array_equal(values, known[name][:3])


def test_an_export_of_other_tasks_is_the_users_mistake(tiny_records):
    paths = dataset.find(f"{tiny_records}/validation-*.tfrecord")
    single_task = finder(joints=(5, 16, 2), scores=(5, 16))
    with pytest.raises(UserError, match=r"^onnx has no occlusion, unlike the workdir's model"):
        verify.compare(exporting.estimator(), {"onnx": single_task}, paths)


def test_records_that_are_not_there_are_the_users_mistake(run, exports):
    with pytest.raises(UserError, match="No records match"):
        run(exports, "--records=nowhere-*.tfrecord")


def told(maps=0.0, scores=0.0, joints=0.0, loss=0.0):
    return {"maps": {"max": maps}, "scores": {"max": scores}, "joints": {"max_untied": joints}, "loss": loss}


@pytest.mark.parametrize(
    ("quantization", "values", "expected"),
    [
        ("float32", {"maps": 1e-4, "scores": 1e-4, "joints": 0.01, "loss": 9.0}, []),
        ("float32", {"maps": 1.2e-4}, ["maps 0.00012 off, the bound is 0.0001"]),
        ("float32", {"scores": 0.5}, ["scores 0.5 off, the bound is 0.0001"]),
        ("float32", {"joints": 1.0}, ["joints 1.00 pixels off that are no ties, the bound is 0.01"]),
        ("float32", {"maps": np.nan}, ["maps nan off, the bound is 0.0001"]),
        ("float16", {"maps": 1.0, "joints": 9.0, "loss": 0.2}, []),
        ("float16", {"loss": 0.25}, ["0.25 points lost, the bound is 0.2"]),
        ("dynamic", {"loss": 0.49}, []),
        ("dynamic", {"loss": 0.51}, ["0.51 points lost, the bound is 0.5"]),
        ("int8", {"loss": 1.0}, []),
        ("int8", {"loss": 1.01}, ["1.01 points lost, the bound is 1"]),
        ("int8", {"loss": -3.0}, []),
        ("int8", {"loss": np.nan}, ["nan points lost, the bound is 1"]),
    ],
)
def test_bounds(quantization, values, expected):
    assert verdict.failures(told(**values), quantization) == expected


def test_of_joints_alone_scores_and_joints_are_judged():
    of_joints = {**told(joints=2.0), "maps": None}
    assert verdict.failures(of_joints, "float32") == ["joints 2.00 pixels off that are no ties, the bound is 0.01"]


def people(count):
    """What `compare` gives of people whose joints are found, 100 pixels apart and with heads of 10."""
    true = np.broadcast_to(np.arange(16.0)[None, :, None] * 100, (count, 16, 2))
    truth = {"true": true, "head_size": np.full(count, 10.0)}
    flags = dict.fromkeys(("annotated", "visible"), np.ones((count, 16), bool))
    return {**truth, **flags, "occlusion_known": np.ones(count, bool)}


def judged(truth, predicted, metric="pckh"):
    export = artefacts.Artefact("tflite", os.devnull, "joints", "int8")
    away = np.abs(predicted - truth["true"]).max(-1)
    rows = {"joints": away, "tied": np.zeros(away.shape, bool), "predicted": predicted, "scores": 0 * away}
    keras = {"predicted": truth["true"]}
    return verdict.judge({"keras": keras, export.name: rows}, truth, [export], metric)


@pytest.mark.parametrize(("metric", "key", "loss"), [("pckh", RATE, 100 / 28), ("pck", "pck@0.2 pooled_14", 100 / 28)])
def test_the_loss_is_that_of_the_records_metric(metric, key, loss):
    truth = people(2)
    predicted = truth["true"].copy()
    # Of 2 x 14 joints that count, person 0's right ankle, and the pelvis, which does not.
    predicted[0, 0] += 1e4
    predicted[0, 6] += 1e4
    report = judged(truth, predicted, metric)
    assert report["metric"] == key
    assert report["keras"]["rate"] == 100
    assert report["artefacts"][0]["loss"] == pytest.approx(loss)
    assert report["artefacts"][0]["failed"] == ["3.57 points lost, the bound is 1"]


def test_records_that_nobody_has_annotated_are_the_users_mistake():
    truth = {**people(2), "annotated": np.zeros((2, 16), bool)}
    with pytest.raises(UserError, match=r"no annotated joints that pckh@0\.5 counts"):
        judged(truth, truth["true"])
