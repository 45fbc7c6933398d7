"""NumPy's way to joints gives what TensorFlow's gives."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_apn.inference import arrays, pose_estimator, test_time_augmentation
from keras_apn.inference.photographs import cropping

SIZE = 32


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    box=st.none() | st.tuples(*[st.floats(-40, 90)] * 2, *[st.floats(0.5, 200)] * 2),
)
def test_crops_are_those_of_tensorflow(height, width, box):
    image = picture(height, width)
    (expected,), center, side = cropping.crop_person(
        tf.constant(image), tf.constant(box or [0.0] * 4, tf.float32), SIZE
    )
    own_center, own_side = arrays.square_of_box(box, height, width)
    np.testing.assert_allclose(own_center, center, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(own_side, side, rtol=1e-5)
    # From the same square: which pixel lies within an image's last thousandth is rounding's to say.
    own = arrays.crop_image(image, np.asarray(center, np.float64), float(side), SIZE)
    differing = np.abs(own - expected.numpy()) > 2e-3
    edge = np.any(differing, axis=-1)
    assert edge.mean() < 0.07, f"{edge.mean():.3f} of the pixels differ"
    assert not differing[~(edge.all(0)[None] | edge.all(1)[:, None]) & edge].any()


@pytest.mark.parametrize("box", [None, (20.0, 10.0, 50.0, 80.0), (-30.0, -20.0, 90.0, 100.0), (3.25, 4.5, 7.0, 9.0)])
@pytest.mark.parametrize("shape", [(120, 90), (90, 400)])
def test_crops_of_usual_boxes_are_the_same(box, shape):
    image = picture(*shape)
    (expected,), center, side = cropping.crop_person(
        tf.constant(image), tf.constant(box or [0.0] * 4, tf.float32), SIZE
    )
    own = arrays.crop_image(image, np.asarray(center, np.float64), float(side), SIZE)
    np.testing.assert_allclose(own, expected, atol=2e-5)
    joints = np.random.default_rng(0).uniform(0, SIZE, (16, 2)).astype(np.float32)
    np.testing.assert_allclose(
        arrays.joints_to_image(joints, *arrays.square_of_box(box, *shape), SIZE),
        cropping.joints_to_image(joints[None], center[None], side[None], SIZE)[0],
        atol=1e-3,
    )


@pytest.mark.parametrize("tasks", [("pose", "occlusion"), ("pose",)], ids=["two tasks", "single task"])
def test_heatmaps_say_the_same(tasks):
    rng = np.random.default_rng(0)
    maps = {task: rng.normal(0.2, 0.4, (5, 8, 8, 16)).astype(np.float32) for task in tasks}
    own, expected = (
        arrays.joints_in_maps(maps),
        pose_estimator.joints_in_maps({k: tf.constant(v) for k, v in maps.items()}),
    )
    assert set(own) == set(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(own[name], values, atol=1e-6)
        assert own[name].dtype == np.float32


def test_mirrored_maps_are_those_of_the_flip_test():
    rng = np.random.default_rng(0)
    maps = {"pose": rng.normal(size=(2, 8, 8, 16)).astype(np.float32)}
    mean = test_time_augmentation.with_mirrored(
        lambda _: {k: tf.constant(v) for k, v in maps.items()}, tf.zeros((2, 32, 32, 3))
    )
    np.testing.assert_allclose((maps["pose"] + arrays.mirrored(maps)["pose"]) / 2, mean["pose"], atol=1e-6)
