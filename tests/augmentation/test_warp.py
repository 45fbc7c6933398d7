import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.augmentation import warp

IDENTITY = [[1, 0, 0], [0, 1, 0]]


def resampled(image, matrix, size):
    """A (H, W) image by one map, [size, size]."""
    images = tf.constant(np.asarray(image, np.float32)[None, :, :, None])
    return warp.warp(images, tf.constant([matrix], tf.float32), size).numpy()[0, :, :, 0]


def test_the_identity_cuts_the_upper_left_corner():
    image = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(resampled(image, IDENTITY, 2), [[0, 1], [4, 5]])


def test_the_map_goes_from_target_to_source():
    image = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(resampled(image, [[1, 0, 2], [0, 1, 1]], 2), [[6, 7], [10, 11]])


def test_pixels_between_are_bilinear():
    image = [[0, 4], [8, 12]]
    np.testing.assert_allclose(resampled(image, [[1, 0, 0.25], [0, 1, 0.5]], 1), [[5]])


def test_outside_is_black():
    found = resampled(np.ones((2, 2)), [[1, 0, -1], [0, 1, -1]], 4)
    np.testing.assert_array_equal(found, [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])


def test_each_image_has_its_own_map():
    images = tf.constant(np.arange(2.0, dtype=np.float32)[:, None, None, None] + np.ones((2, 3, 3, 1), np.float32))
    matrix = tf.constant([IDENTITY, [[1, 0, 9], [0, 1, 0]]], tf.float32)
    found = warp.warp(images, matrix, 2).numpy()
    assert (found[0] == 1).all()
    assert (found[1] == 0).all()


@pytest.mark.skipif(warp.addons_transform is None, reason="needs TensorFlow Addons")
def test_addons_and_the_operator_it_wraps_give_the_same_pixels():
    rng = np.random.default_rng(0)
    images = tf.constant(rng.random((4, 24, 24, 3)), tf.float32)
    transforms = tf.constant(
        [[*row, 0, 0] for row in rng.normal([1, 0, 3, 0, 1, -2], [0.2, 0.2, 2, 0.2, 0.2, 2], (4, 6))], tf.float32
    )
    size = tf.constant([16, 16])
    by_addons = warp._addons_transform(images, transforms, size)
    np.testing.assert_array_equal(by_addons, warp._raw_transform(images, transforms, size))
    assert by_addons.numpy().any()
