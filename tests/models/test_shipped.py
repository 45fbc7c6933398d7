import dataclasses
import pathlib

import cv2
import numpy as np
import pytest
import tensorflow as tf

import keras_apn
from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from export.formats import onnx_
from keras_apn import config, config_flags, evaluate, predict
from keras_apn.inference import discriminator_scores, exported_models, pose_estimator
from keras_apn.models import networks, shipped
from keras_apn.training import resuming


@pytest.fixture(scope="module")
def photograph():
    return tf.io.encode_jpeg(scenes.sample(0, 1)[1])


def test_what_is_shipped_is_a_workdir():
    assert shipped.names() == ["apn-mobile"]
    assert config.load(shipped.folder("apn-mobile")).model.crop_size == 256


def test_no_other_name_is_a_model(tmp_path, monkeypatch):
    assert shipped.folder("apn-huge") is None
    assert shipped.folder("../models") is None
    # What lies here goes first.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "apn-mobile").mkdir()
    assert shipped.folder("apn-mobile") is None


def test_a_model_is_loaded_by_its_name(photograph):
    (person,) = keras_apn.load("apn-mobile").predict(photograph.numpy())
    # Without a box the person is found first.
    expected = pose_estimator.from_workdir(shipped.folder("apn-mobile")).joints_in_image(
        photograph[None], tf.constant([person.box], tf.float32)
    )
    np.testing.assert_allclose(person.joints, expected["joints"][0], atol=1e-2)
    np.testing.assert_allclose(person.occluded, expected["occluded"][0], atol=1e-3)
    assert person.plausible.shape == (16,)
    with pytest.raises(UserError, match=r"apn-huge does not exist; .*apn-mobile"):
        keras_apn.load("apn-huge")


def test_its_onnx_file_answers_as_its_weights_do():
    crops = np.stack([cv2.resize(scenes.sample(0, n)[1], (256, 256)) for n in (1, 2)]).astype(np.float32) / 255.0
    folder = shipped.folder("apn-mobile")
    own, onnx = (
        finder.joints_in_crop(tf.constant(crops))
        for finder in (
            discriminator_scores.with_p(folder),
            exported_models.load(shipped.onnx_file(folder)),
        )
    )
    np.testing.assert_allclose(own["joints"], onnx["joints"], atol=1e-3)
    np.testing.assert_allclose(own["occluded"], onnx["occluded"], atol=1e-4)
    np.testing.assert_allclose(own["plausible"], onnx["plausible"], atol=1e-4)
    assert float(tf.reduce_min(own["scores"])) > 0.05


def test_every_model_says_what_its_weights_may_be_used_for():
    assert sorted(shipped.LICENCES) == shipped.names()
    for name, licence in shipped.LICENCES.items():
        assert onnx_.read_metadata(shipped.onnx_file(shipped.folder(name)))["licence"] == licence


def test_its_recipe_is_its_configuration(parse_flags):
    folder = shipped.folder("apn-mobile")
    values = parse_flags(f"--flagfile={folder}/recipe.flags")
    assert config_flags.from_flags(values) == config.load(folder)


def test_what_is_shipped_is_small():
    weights = [
        path for path in pathlib.Path(shipped.folder("apn-mobile")).rglob("*") if path.suffix in (".npz", ".onnx")
    ]
    assert len(weights) == 4
    assert sum(path.stat().st_size for path in weights) < 6e6


def test_programs_take_it_by_its_name():
    crops = tf.zeros((1, 256, 256, 3))
    expected = pose_estimator.from_workdir(shipped.folder("apn-mobile")).joints_in_crop(crops)["joints"]
    found = evaluate.estimator(model="apn-mobile").joints_in_crop(crops)["joints"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    # The whole of a picture as large as a crop is the crop.
    for judged in (False, True):
        finder = predict.load(None, "apn-mobile", False, judged)
        (person,) = finder.predict(np.zeros((256, 256, 3), np.uint8), find=False)
        np.testing.assert_allclose(person.joints, expected[0], atol=1e-2)
        assert (person.confident is not None) == judged


def test_a_run_starts_from_it(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(resuming, "start_from", lambda workdir, model: asked.append(workdir))
    training = dataclasses.replace(config.TrainingConfig(), init_from="apn-mobile")

    class Model:
        step = tf.Variable(0)

    resuming.begin(Model(), None, 10, training, str(tmp_path), tell=False)
    assert asked == [shipped.folder("apn-mobile")]
    generator = networks.generator(config.load(asked[0]).model)
    pose_estimator.load_best(generator, asked[0], "generator")
