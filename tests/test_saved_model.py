import json
import os

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.errors import UserError
from export import saved_model
from keras_apn import inference
from keras_apn.generator import build_generator


@pytest.fixture(scope="module")
def estimator():
    model = build_generator(crop_size=32, stacks=1, features=8, levels=2)
    for name in ("stack1_pose_maps_conv", "stack1_occlusion_maps_conv"):
        model.get_layer(name).kernel.assign(np.random.default_rng(0).normal(size=(1, 1, 8, 16)).astype(np.float32))
    return inference.PoseEstimator(model)


@pytest.fixture(scope="module")
def exported(estimator, tmp_path_factory):
    return saved_model.export(estimator, str(tmp_path_factory.mktemp("exports")), "posenet", 3)


@pytest.fixture(scope="module")
def served(exported):
    return tf.saved_model.load(exported).signatures


@pytest.mark.parametrize("batch", [1, 3])
def test_crops_give_what_keras_gives(served, estimator, batch):
    crops = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3)).astype(np.uint8)
    expected = estimator.joints_in_crop(tf.constant(crops, tf.float32) / 255.0)
    answer = served["crops"](crops=tf.constant(crops))
    assert set(answer) == {"joints", "scores", "occluded"}
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name].numpy(), values.numpy(), atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
def test_heatmaps_give_what_keras_gives(served, estimator, batch):
    crops = np.random.default_rng(batch).integers(0, 256, (batch, 32, 32, 3)).astype(np.uint8)
    expected = estimator.heatmaps(tf.constant(crops, tf.float32) / 255.0)
    answer = served["heatmaps"](crops=tf.constant(crops))
    for task, maps in expected.items():
        np.testing.assert_allclose(answer[task].numpy(), maps.numpy(), atol=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
def test_photographs_give_what_predict_gives(served, estimator, batch):
    images = [np.random.default_rng(n).integers(0, 256, (50 + 20 * n, 70, 3)).astype(np.uint8) for n in range(batch)]
    encoded = tf.stack([tf.io.encode_jpeg(image) for image in images])
    boxes = tf.constant([[10.0, 5.0, 30.0, 40.0], [0.0, 0.0, 0.0, 0.0]][:batch])
    expected = estimator.joints_in_image(encoded, boxes)
    answer = served["serving_default"](image_bytes=encoded, boxes=boxes)
    for name, values in expected.items():
        np.testing.assert_allclose(answer[name].numpy(), values.numpy(), atol=1e-3)


def test_metadata_travels_with_the_file(exported):
    with open(os.path.join(exported, saved_model.METADATA), encoding="utf-8") as file:
        told = json.load(file)
    assert told["crop_size"] == 32
    assert told["joints"][10] == "right_wrist"


def test_an_existing_version_is_never_written_over(estimator, exported):
    before = sorted(os.listdir(exported))
    with pytest.raises(UserError, match="is there already"):
        saved_model.export(estimator, os.path.dirname(os.path.dirname(exported)), "posenet", 3)
    assert sorted(os.listdir(exported)) == before


def test_a_failed_export_leaves_nothing(estimator, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(saved_model, "write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        saved_model.export(estimator, str(tmp_path), "posenet", 1)
    assert os.listdir(tmp_path / "posenet") == []
