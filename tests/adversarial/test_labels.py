import math

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import heatmaps
from keras_apn import config
from keras_apn.adversarial import labels


def peaks(*places, size=16):
    """[1, size, size, J] maps of zeros with a single 1 each at (x, y)."""
    maps = np.zeros((1, size, size, len(places)), np.float32)
    for joint, (x, y) in enumerate(places):
        maps[0, y, x, joint] = 1
    return tf.constant(maps)


def joints(*places):
    return tf.constant([places], tf.float32)


@pytest.mark.parametrize(("away", "expected"), [(2.99, 1), (3.0, 0), (3.01, 0)], ids=["just under", "at", "just over"])
@pytest.mark.parametrize("axis", [0, 1], ids=["x", "y"])
def test_p_fake_is_1_strictly_within_delta(away, expected, axis):
    # Half of a head of 6 pixels: the threshold is 3 pixels.
    true = np.array([5.0, 5.0])
    true[axis] += away
    found = labels.pose_labels(peaks((5, 5)), joints(true), tf.constant([6.0]), 0.5)
    assert found.numpy().tolist() == [[expected]]


def test_p_fake_is_decided_for_each_sample_and_joint():
    pose = tf.concat([peaks((2, 2), (12, 3)), peaks((2, 2), (12, 3))], axis=0)
    true = tf.concat([joints((2, 3), (3, 3)), joints((9, 9), (12, 2))], axis=0)
    found = labels.pose_labels(pose, true, tf.constant([4.0, 4.0]), 0.5)
    assert found.numpy().tolist() == [[1, 0], [0, 1]]


def test_p_fake_measures_in_head_sizes_of_its_own_sample():
    # Three pixels off: within half a head of 8 pixels, not of 4.
    pose = tf.repeat(peaks((5, 5)), 2, axis=0)
    found = labels.pose_labels(pose, tf.repeat(joints((8, 5)), 2, axis=0), tf.constant([8.0, 4.0]), 0.5)
    assert found.numpy().tolist() == [[1], [0]]


def test_p_fake_allows_each_joint_its_tolerance():
    # Three pixels off, and half of a head of 4 pixels is allowed: to the first joint as it is, to the second twice.
    pose, true = peaks((5, 5), (5, 5)), joints((8, 5), (8, 5))
    found = labels.pose_labels(pose, true, tf.constant([4.0]), 0.5, np.array([1.0, 2.0], np.float32))
    assert found.numpy().tolist() == [[0, 1]]


def test_p_fake_of_a_joint_outside_the_crop_is_0():
    found = labels.pose_labels(peaks((0, 5)), joints((-4, 5)), tf.constant([6.0]), 0.5)
    assert found.numpy().tolist() == [[0]]


@pytest.mark.parametrize("sigma", [1.0, 2.0], ids="sigma {:.0f}".format)
@pytest.mark.parametrize(("epsilon", "expected"), [(0.6, 1), (0.4, 0)], ids=["within 0.6", "not within 0.4"])
def test_c_fake_of_half_a_peak_whatever_sigma_is(sigma, epsilon, expected):
    # Half of a Gaussian is missing: the error is half the norm of a whole one.
    true = heatmaps.draw(joints((15.0, 16.0)), tf.constant([[True]]), 32, sigma)
    assert labels.confidence_labels(0.5 * true, true, sigma, epsilon).numpy().tolist() == [[expected]]


@pytest.mark.parametrize(
    ("error", "expected"), [(1.999, 1), (2.0, 0), (2.001, 0)], ids=["just under", "at", "just over"]
)
def test_c_fake_is_1_strictly_within_epsilon(error, expected):
    # The norm of a whole Gaussian is sqrt(pi) at sigma 1, so this epsilon stands for an error of 2.
    epsilon = 2 / math.sqrt(math.pi)
    found = labels.confidence_labels(error * peaks((5, 5)), tf.zeros([1, 16, 16, 1]), 1.0, epsilon)
    assert found.numpy().tolist() == [[expected]]


def test_c_fake_is_decided_for_each_sample_and_joint():
    true = tf.concat([peaks((2, 2), (12, 3)), peaks((5, 5), (6, 6))], axis=0)
    right = tf.constant([[1.0, 0.0], [0.0, 1.0]])
    # A missing 1 is an error of 1, 0.564 norms of a Gaussian.
    found = labels.confidence_labels(true * right[:, None, None], true, 1.0, 0.5)
    assert found.numpy().tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(("shift", "error"), [(1, 0.66), (2, 1.12)], ids=["1 pixel", "2 pixels"])
def test_error_of_a_shifted_peak_in_norms_of_a_gaussian(shift, error):
    present = tf.constant([[True]])
    true, moved = (heatmaps.draw(joints((15.0 + s, 16.0)), present, 32, 1.0) for s in (0, shift))
    assert labels.confidence_labels(moved, true, 1.0, error + 0.01).numpy() == 1
    assert labels.confidence_labels(moved, true, 1.0, error - 0.01).numpy() == 0


def test_no_gradient_flows_through_the_labels():
    pose = peaks((5, 5))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(pose)
        p_fake = labels.pose_labels(pose, joints((5, 6)), tf.constant([6.0]), 0.5)
        c_fake = labels.confidence_labels(pose, 0.5 * peaks((5, 5)), 1.0, 0.6)
    assert tape.gradient(p_fake, pose) is None
    assert tape.gradient(c_fake, pose) is None


@pytest.mark.parametrize(
    ("schedule", "progress", "expected"),
    [
        ("constant", 0.0, 0.5),
        ("constant", 0.5, 0.5),
        ("linear", 0.0, 2.0),
        ("linear", 0.5, 1.25),
        ("linear", 1.0, 0.5),
        ("linear", 1.5, 0.5),
        ("cosine", 0.0, 2.0),
        ("cosine", 1 / 3, 1.625),  # cos 60 degrees is 1/2: a quarter of the way
        ("cosine", 0.5, 1.25),
        ("cosine", 1.0, 0.5),
        ("cosine", 1.5, 0.5),
    ],
)
def test_threshold_goes_from_2_to_a_half(schedule, progress, expected):
    assert float(labels.threshold(schedule, 2.0, 0.5, progress)) == pytest.approx(expected)


def test_both_thresholds_of_a_run_go_their_own_way():
    wide = {"delta": 0.5, "delta_start": 1.5, "epsilon": 0.25, "epsilon_start": 2.25}
    training = config.TrainingConfig(threshold_schedule="linear", **wide)
    found = labels.thresholds(training, tf.constant(0.25))
    assert {name: float(value) for name, value in found.items()} == {"delta": 1.25, "epsilon": 1.75}


def test_an_unknown_schedule_is_refused():
    with pytest.raises(ValueError, match=r"`schedule` must be one of .* Received: step"):
        labels.threshold("step", 2.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("start", "full", "expected"),
    [
        (0.2, 0.6, [0, 0, 0.5, 1, 1]),
        (0.0, 0.0, [1, 1, 1, 1, 1]),
        (0.4, 0.4, [0, 0, 1, 1, 1]),
    ],
    ids=["slope", "at once", "step"],
)
def test_ramp(start, full, expected):
    progress = [0.0, 0.2, 0.4, 0.6, 1.0]
    assert [float(labels.ramp(tf.constant(p), start, full)) for p in progress] == pytest.approx(expected)
