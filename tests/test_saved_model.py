import json
import os

import exporting
import numpy as np
import pytest
import tensorflow as tf

from export import saved_model


@pytest.fixture(scope="module")
def estimator():
    return exporting.estimator()


@pytest.fixture(scope="module")
def exported(estimator, tmp_path_factory):
    return exporting.write_saved_model(estimator, tmp_path_factory.mktemp("exports"), version=3)


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
