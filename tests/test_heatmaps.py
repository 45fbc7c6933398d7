import math

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import heatmaps

PRESENT = tf.constant([[True]])


def draw(x, y, size=16, sigma=1.0, present=PRESENT):
    return heatmaps.draw(tf.constant([[[x, y]]], tf.float32), present, size, sigma).numpy()[0, :, :, 0]


def test_the_peak_at_a_whole_pixel_is_1_and_in_row_y_column_x():
    drawn = draw(3, 5)
    assert drawn[5, 3] == drawn.max() == 1
    assert drawn[5, 4] == drawn[5, 2] == drawn[4, 3] == drawn[6, 3] == pytest.approx(math.exp(-0.5))
    assert drawn[5, 6] == pytest.approx(math.exp(-4.5))


def test_a_joint_between_pixels_gives_both_the_same():
    drawn = draw(3.5, 5)
    assert drawn[5, 3] == drawn[5, 4] == drawn.max() == pytest.approx(math.exp(-0.125))


@pytest.mark.parametrize(("sigma", "norm"), [(1.0, 1.7725), (2.0, 3.5449)], ids=["sigma 1", "sigma 2"])
def test_the_norm_of_a_whole_gaussian_is_the_target_norm(sigma, norm):
    assert heatmaps.target_norm(sigma) == pytest.approx(norm, abs=1e-4)
    assert np.linalg.norm(draw(31.3, 30.8, size=64, sigma=sigma)) == pytest.approx(norm, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "y", "empty"),
    [
        (-0.5, 5, False),
        (-0.51, 5, True),
        (5, -0.5, False),
        (5, -0.51, True),
        (15.49, 5, False),
        (15.5, 5, True),
        (5, 15.49, False),
        (5, 15.5, True),
    ],
    ids=["left in", "left out", "top in", "top out", "right in", "right out", "bottom in", "bottom out"],
)
def test_a_joint_outside_the_map_has_an_empty_map(x, y, empty):
    assert (not draw(x, y).any()) == empty


def test_an_absent_joint_has_an_empty_map():
    assert not draw(5, 5, present=tf.constant([[False]])).any()


@pytest.fixture
def targets():
    """Pose and occlusion maps of a visible, an occluded, an unannotated joint and an occluded one outside."""
    joints = tf.constant([[[3, 5], [7.25, 2], [4, 4], [40, 2]]], tf.float32)
    annotated, visible = tf.constant([[True, True, False, True]]), tf.constant([[True, False, False, False]])
    return [maps.numpy()[0] for maps in heatmaps.targets(joints, annotated, visible, 16, 1.0)]


def test_a_visible_joint_has_no_occlusion_map(targets):
    pose, occlusion = targets
    assert pose[5, 3, 0] == 1
    assert not occlusion[..., 0].any()


def test_an_occluded_joint_has_the_same_map_in_both(targets):
    pose, occlusion = targets
    assert occlusion[..., 1].max() > 0.9
    np.testing.assert_array_equal(occlusion[..., 1], pose[..., 1])


@pytest.mark.parametrize("joint", [2, 3], ids=["not annotated", "outside"])
def test_targets_are_empty_where_there_is_nothing_to_see(targets, joint):
    assert not any(maps[..., joint].any() for maps in targets)
