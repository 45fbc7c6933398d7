import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import heatmaps
from data_pipeline.common.errors import UserError
from data_pipeline.decode import decode
from data_pipeline.skeleton import MIRROR
from keras_apn.inference import test_time_augmentation

SIZE = 32


def seen_at(scale, joints):
    """What a perfect network says of a view: Gaussians where the joints of the plain crop lie in it."""
    middle = (SIZE - 1) / 2
    present = tf.ones(joints.shape[:2], tf.bool)
    return heatmaps.draw(tf.constant(middle + (joints - middle) / scale, tf.float32), present, SIZE, 1.0)


@pytest.fixture
def joints():
    return np.random.default_rng(0).uniform(8, 23, (3, 16, 2)).astype(np.float32)


@pytest.mark.parametrize("scales", [(0.85,), (1.25,), (0.85, 1.0, 1.15)], ids=["narrow", "wide", "three"])
def test_views_of_any_scale_agree_where_the_joints_are(joints, scales):
    views = [seen_at(scale, joints) for scale in scales]
    maps = test_time_augmentation.average(lambda view: {"pose": view}, views, scales=scales)
    found = decode(maps["pose"])[0].numpy()
    assert np.linalg.norm(found - joints, axis=-1).max() < 0.8


def test_the_mean_of_equal_maps_is_the_map():
    # Constant maps stay constant wherever a view shows anything.
    views = [tf.fill([2, SIZE, SIZE, 3], value) for value in (0.2, 0.4)]
    maps = test_time_augmentation.average(
        lambda view: {"pose": tf.repeat(view[..., :1], 16, -1)}, views, scales=(1.0, 1.5)
    )
    np.testing.assert_allclose(maps["pose"], 0.3, atol=1e-6)


def test_where_a_narrow_view_shows_nothing_the_others_speak_alone():
    views = [tf.fill([1, SIZE, SIZE, 16], value) for value in (0.2, 0.8)]
    found = test_time_augmentation.average(lambda view: {"pose": view}, views, scales=(0.5, 1.0))["pose"].numpy()
    np.testing.assert_allclose(found[0, SIZE // 2, SIZE // 2], 0.5, atol=1e-6)
    np.testing.assert_allclose(found[0, 0], 0.8, atol=1e-6)


def test_the_flip_test_of_mirrored_views_is_the_mirrored_answer(joints):
    views = [seen_at(scale, joints) for scale in (1.0, 1.2)]

    def run(views):
        # A network that is better on the right of the picture.
        return test_time_augmentation.average(
            lambda v: {"pose": v * tf.linspace(0.5, 1.0, SIZE)[:, None]}, views, True, (1.0, 1.2)
        )

    straight, other = run(views)["pose"], run([tf.reverse(view, [2]) for view in views])["pose"]
    np.testing.assert_allclose(other, tf.gather(tf.reverse(straight, [2]), MIRROR, axis=-1), atol=1e-5)


def test_one_view_is_no_list(joints):
    maps = test_time_augmentation.average(lambda view: {"pose": view}, seen_at(1.0, joints))
    np.testing.assert_array_equal(maps["pose"], seen_at(1.0, joints))


def test_as_many_views_as_scales():
    with pytest.raises(ValueError, match=r"for each of 2 scales\. Received: 1"):
        test_time_augmentation.average(lambda view: view, tf.zeros([1, 8, 8, 3]), scales=(1.0, 1.1))


def test_scales_are_read():
    assert test_time_augmentation.require_scales(["0.85", "1", "1.15"]) == (0.85, 1.0, 1.15)


@pytest.mark.parametrize("words", [[], ["one"], ["0"], ["nan"], ["1", "1.8"]], ids=str)
def test_bad_scales_are_the_users_mistake(words):
    with pytest.raises(UserError, match=r"--scales must be numbers within 0\.5 and 1\.75"):
        test_time_augmentation.require_scales(words)
