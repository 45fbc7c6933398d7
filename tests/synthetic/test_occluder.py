"""Things that hide one joint and spare others."""

import cv2
import numpy as np
import pytest

from data_pipeline.synthetic.rendering import canvas, occluder

_CAMERA = canvas.Camera(500.0, (100.0, 100.0))
_LIGHT = np.array([0.0, -0.6, -0.8])


def inside(corners, point):
    """Signed distance of a pixel to a polygon's edge, above 0 inside."""
    return cv2.pointPolygonTest(corners.astype(np.float32), tuple(map(float, point)), True)


@pytest.mark.parametrize("seed", range(20))
def test_an_outline_holds_the_target_and_leaves_out_what_is_spared(seed):
    rng = np.random.default_rng(seed)
    target, spared = np.array([50.0, 60.0]), np.array([50.0, 60.0]) + rng.uniform(2, 15, (5, 2)) * rng.choice([-1, 1])
    corners = occluder.outline(rng, target, spared, 25.0)
    assert inside(corners, target) > 0.4
    assert max(inside(corners, point) for point in spared) < -0.4


def test_there_is_no_outline_between_joints_in_one_pixel():
    target = np.array([50.0, 60.0])
    assert occluder.outline(np.random.default_rng(0), target, target[None], 25.0) is None


def test_with_nothing_to_spare_an_outline_is_a_rectangle():
    corners = occluder.outline(np.random.default_rng(0), np.array([50.0, 60.0]), np.zeros((0, 2)), 25.0)
    sides = np.diff([*corners, corners[0]], axis=0)
    assert len(corners) == 4
    np.testing.assert_allclose(sides[0] @ sides[1], 0, atol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_a_thing_is_drawn_before_the_joint_and_beside_the_spared(seed):
    picture = canvas.Canvas(np.zeros((200, 200, 3), np.uint8))
    joint, spared = np.array([0.0, 0.0, 5.0]), np.array([[104.0, 100.0], [100.0, 92.0]])
    occluder.hide(np.random.default_rng(seed), picture, _CAMERA, _LIGHT, joint, spared, 25.0, 7)
    if picture.owner.any():
        assert picture.depth[100, 100] < 4.8
    assert not picture.owner[[100, 92], [104, 100]].any()
