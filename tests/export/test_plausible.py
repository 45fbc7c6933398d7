"""Exports with P: its calibrated probability in every format, beside the peaks' heights."""

import os

import exporting
import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_apn
from data_pipeline.common.errors import UserError
from export import __main__ as export
from export.formats import artefacts, cost, descriptions, metadata, onnx_, saved_model, tflite
from export.verification import agreement
from keras_apn.config import ModelConfig
from keras_apn.inference import discriminator_scores, exported_models, pose_estimator
from keras_apn.models import networks
from keras_apn.models.platt_scaling import Scaling

SIZES = {"crop_size": 32, "stacks": 1, "features": 8, "levels": 2, "discriminator_features": 8}


def judged(seed=0, flip=False, **changes):
    """A tiny G with a P whose verdicts differ, which is not so of a fresh one."""
    generator = exporting.generator(seed)
    p, _ = networks.discriminators(ModelConfig(**{**SIZES, **changes}))
    rng = np.random.default_rng(seed)
    p.set_weights([weight + rng.normal(scale=0.3, size=weight.shape).astype(np.float32) for weight in p.get_weights()])
    return discriminator_scores.JudgedEstimator(networks.Networks(generator, p), flip, Scaling(0.5, -0.2))


def crops(batch):
    return np.float32(np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3)) / 255.0)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "flip"])
def estimator(request):
    return judged(flip=request.param)


@pytest.fixture(scope="module")
def exports(estimator, tmp_path_factory):
    """Every format of a tiny G with P, in one folder."""
    folder = tmp_path_factory.mktemp("exports")
    about = metadata.describe(estimator, "posenet", 1, plausible={"calibration": {"people": 3}})
    quantize = ("none", "float16") if estimator.flip else ("none", "float16", "dynamic", "int8")
    for kind, write in (
        ("saved_model", saved_model.export),
        ("tflite", lambda *given: tflite.export(*given, quantize, crops(64))),
        ("onnx", onnx_.export),
    ):
        path = artefacts.folder(str(folder), kind, "posenet", 1)
        os.makedirs(path)
        write(estimator, path, about)
    return artefacts.find(str(folder))


def test_every_format_says_how_plausible_joints_are(estimator, exports):
    images = crops(2)
    expected = {name: values.numpy() for name, values in pose_estimator.everything(estimator, images).items()}
    assert np.ptp(expected["plausible"]) > 0.05
    told = {}
    for artefact in exports:
        finder = exported_models.load(artefact.path)
        if "joints" not in finder.model.outputs:
            continue
        found = finder.joints_in_crop(images)
        told[artefact.name] = np.abs(found["plausible"].numpy() - expected["plausible"])
        assert set(found) == {"joints", "scores", "occluded", "plausible"}
    assert {"saved_model", "onnx", "tflite joints float32", "tflite joints float16"} <= set(told)
    for name, off in told.items():
        whole = name in ("saved_model", "onnx", "tflite joints float32")
        assert off.max() < 1e-4 if whole else off.mean() < 0.15, name


def test_files_for_delegates_stay_what_they_are(exports):
    (path,) = (artefact.path for artefact in exports if artefact.name == "tflite heatmaps float32")
    assert set(tflite.read_metadata(path)["outputs"]) == {"pose", "occlusion"}


def test_all_signatures_of_a_server_say_it(estimator, exports):
    served = tf.saved_model.load(exports[0].path).signatures
    assert {name for name, function in served.items() if "plausible" in function.structured_outputs} == {
        "serving_default",
        "crops",
        "heatmaps",
    }
    image = tf.io.encode_png(np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8))
    answer = served["serving_default"](image_bytes=image[None], boxes=tf.constant([[10.0, 5.0, 30.0, 40.0]]))
    expected = estimator.joints_in_image(image[None], tf.constant([[10.0, 5.0, 30.0, 40.0]]))
    np.testing.assert_allclose(answer["plausible"], expected["plausible"], atol=1e-4)


def test_descriptions_tell_it(exports):
    assert descriptions.plausible(exports)
    for artefact in exports:
        told = descriptions.read(artefact)
        assert told["plausible"] == {"calibration": {"people": 3}}
        if artefact.flavour != "heatmaps" and artefact.format != "saved_model":
            assert told["outputs"]["plausible"]["meaning"] == metadata.MEANING["plausible"]


def test_people_in_python_have_it(exports):
    (path,) = (artefact.path for artefact in exports if artefact.format == "onnx")
    (person,) = keras_apn.load(path).predict(np.zeros((40, 40, 3), np.uint8))
    assert person.plausible.shape == (16,)
    assert person.named["head_top"].plausible == pytest.approx(person.plausible[9], abs=1e-6)


def test_a_difference_of_p_is_seen():
    expected = {"pose": np.zeros((1, 8, 8, 16)), "joints": np.zeros((1, 16, 2)), "plausible": np.full((1, 16), 0.5)}
    found = {**expected, "plausible": np.full((1, 16), 0.75)}
    told = agreement.summary(agreement.compare(expected, found, 1e-4))
    assert told["plausible"] == {"max": 0.25, "mean": 0.25}


def test_what_it_costs_is_said():
    estimator = judged()
    spent = cost.measure(estimator)
    p = estimator.networks.discriminators["p"]
    assert isinstance(p, keras.Model)
    assert spent["P"]["parameters"] == p.count_params()
    assert spent["G"]["parameters"] == estimator.generator.count_params()
    assert f"plausible costs {p.count_params():,} parameters beside G's" in cost.line(spent)
    assert spent["P"]["gflop"] > 0


def test_a_p_that_sees_the_image_is_exported_too(tmp_path):
    estimator = judged(pose_context="image")
    tflite.export(estimator, str(tmp_path), exporting.about(estimator), ("none",))
    images = crops(1)
    found = exported_models.load(str(tmp_path / "joints_float32.tflite")).joints_in_crop(images)
    np.testing.assert_allclose(found["plausible"], estimator.joints_in_crop(images)["plausible"], atol=1e-4)


def test_a_run_without_p_is_told_in_one_line(tiny_workdir):
    with pytest.raises(UserError, match="has no P, which says how plausible joints are; leave --plausible out"):
        export.judged(str(tiny_workdir), False)
