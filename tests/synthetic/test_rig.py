"""Hands, feet and frames around joints."""

import numpy as np
import pytest
from test_body import average
from test_lifting import standing

from data_pipeline.skeleton import INDEX, JOINTS, MIRROR
from data_pipeline.synthetic.anatomy import rig


def rigged(left=1, **moved):
    """Points and frames around a standing body, a head size being 0.2 m; `left` is the sign of their left's x."""
    joints = np.column_stack([standing(**moved) * 0.2, np.full(16, 5.0)])
    if left < 0:
        joints = joints[list(MIRROR)]
    toward = np.array([left, 0.0, 0.0])
    return joints, *rig.rig(np.random.default_rng(0), average(), joints, toward, toward)


def test_joints_stay_where_they_were_given():
    joints, points, _ = rigged()
    np.testing.assert_array_equal([points[name] for name in JOINTS], joints)


def test_frames_are_rotations():
    for frame in rigged()[2].values():
        np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-9)
        np.testing.assert_allclose(np.linalg.det(frame), 1)


@pytest.mark.parametrize(("left", "toward"), [(1, -1), (-1, 1)], ids=["front", "back"])
def test_toes_and_face_point_to_the_front(left, toward):
    _, points, frames = rigged(left)
    assert np.sign(frames["head"][2, 2]) == toward
    for side in ("right", "left"):
        assert np.sign(points[f"{side}_toe"][2] - points[f"{side}_heel"][2]) == toward


def test_a_hand_goes_on_from_the_forearm():
    joints, points, _ = rigged()
    fore = joints[INDEX["left_wrist"]] - joints[INDEX["left_elbow"]]
    hand = points["left_hand"] - points["left_wrist"]
    assert fore @ hand > 0.8 * np.linalg.norm(fore) * np.linalg.norm(hand)


def test_a_frame_of_parallel_directions_is_a_rotation():
    up = np.array([0.0, 0.0, 2.0])
    frame = rig.frame(up, up)
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(frame[:, 1], (0, 0, 1))


def test_who_stands_does_not_sit():
    assert not rig.sits(*rigged()[1:])


def test_who_has_the_thighs_raised_and_the_shins_hanging_sits():
    _, points, frames = rigged()
    for side in ("right", "left"):
        points[f"{side}_knee"] = points[f"{side}_hip"] + (0, 0.05, -0.4)
        points[f"{side}_ankle"] = points[f"{side}_knee"] + (0, 0.4, 0)
    assert rig.sits(points, frames)
