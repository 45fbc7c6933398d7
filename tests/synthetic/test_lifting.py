"""Depths of flat poses: what faces where, what bends where, and what is put before what."""

import numpy as np
import pytest

from data_pipeline.skeleton import INDEX, JOINTS, MIRROR
from data_pipeline.synthetic.anatomy import bones, lifting

# Head sizes, x right and y down, of one who faces the camera: their right is on the left of the picture.
_STANDING = {
    "right_ankle": (-0.5, 4.0), "right_knee": (-0.5, 2.0), "right_hip": (-0.45, 0.0), "left_hip": (0.45, 0.0),
    "left_knee": (0.5, 2.0), "left_ankle": (0.5, 4.0), "pelvis": (0.0, 0.0), "thorax": (0.0, -2.4),
    "upper_neck": (0.0, -2.7), "head_top": (0.0, -4.0), "right_wrist": (-1.6, 0.1), "right_elbow": (-1.4, -1.0),
    "right_shoulder": (-0.85, -2.4), "left_shoulder": (0.85, -2.4), "left_elbow": (1.4, -1.0), "left_wrist": (1.6, 0.1),
}  # fmt: skip
ALL, NONE = np.ones(16, bool), np.zeros(16, bool)


def standing(**moved):
    """(16, 2) joints in head sizes of one who faces the camera; places by joint in their stead."""
    return np.array([(_STANDING | moved)[name] for name in JOINTS], float)


def profile(**moved):
    """The same of one who faces the right of the picture, as flat as paper."""
    return standing(**{name: (0.0, y) for name, (_, y) in _STANDING.items()} | moved)


def front(lifted):
    """(3,) to where the trunk faces."""
    trunk = lifted.joints[INDEX["thorax"]] - lifted.joints[INDEX["pelvis"]]
    return np.cross(lifted.torso_left, trunk / np.linalg.norm(trunk))


def flags(occluded):
    """`visible` and `occluded` where one joint is occluded."""
    hidden = np.array([name == occluded for name in JOINTS])
    return ~hidden, hidden


def test_the_flat_joints_stay_as_they_are_and_the_pelvis_is_at_depth_zero():
    lifted = lifting.lift(standing(), ALL, NONE)
    np.testing.assert_array_equal(lifted.joints[:, :2], standing())
    assert lifted.joints[INDEX["pelvis"], 2] == 0


@pytest.mark.parametrize(("pose", "toward"), [(standing(), -1), (standing()[list(MIRROR)], 1)], ids=["front", "back"])
def test_left_and_right_tell_whether_somebody_faces_the_camera(pose, toward):
    assert np.sign(front(lifting.lift(pose, ALL, NONE))[2]) == toward


@pytest.mark.parametrize("forward", [1, -1], ids=["right", "left"])
def test_in_profile_a_bent_knee_tells_where_somebody_faces(forward):
    pose = profile(right_knee=(0.9 * forward, 1.8), left_knee=(0.9 * forward, 1.8))
    assert front(lifting.lift(pose, NONE, NONE))[0] * forward > 0.9


@pytest.mark.parametrize("near", ["right", "left"])
def test_in_profile_the_occluded_side_is_the_far_one(near):
    far = {"right": "left", "left": "right"}[near]
    seen, hidden = (np.array([name.startswith(side) for name in JOINTS]) for side in (near, far))
    depth = lifting.lift(profile(), seen, hidden).joints[:, 2]
    assert depth[INDEX[f"{far}_shoulder"]] > depth[INDEX[f"{near}_shoulder"]] + 0.2
    assert depth[INDEX[f"{far}_hip"]] > depth[INDEX[f"{near}_hip"]] + 0.2


@pytest.mark.parametrize(("occluded", "side"), [(None, -1), ("left_wrist", 1)], ids=["before", "behind"])
def test_a_hand_on_the_trunk_is_before_it_or_if_occluded_behind(occluded, side):
    pose = standing(left_elbow=(1.3, -1.3), left_wrist=(0.1, -1.2))
    depth = lifting.lift(pose, *flags(occluded)).joints[INDEX["left_wrist"], 2]
    # The trunk's surface is 0.57 head sizes before its middle, and a hand that is seen at most 0.25 under it.
    assert depth < -0.3 if side < 0 else depth > 0


def test_a_foreshortened_thigh_of_somebody_who_faces_the_camera_comes_nearer():
    pose = standing(left_knee=(0.5, 0.5), left_ankle=(0.5, 2.5))
    step = np.diff(lifting.lift(pose, ALL, NONE).joints[[INDEX["left_hip"], INDEX["left_knee"]], 2])[0]
    # Pythagoras: a thigh of 2.135 of which 0.5 is seen reaches 2.08 in depth.
    np.testing.assert_allclose(step, -np.sqrt(bones.LENGTHS["thigh"] ** 2 - 0.5**2), rtol=0.01)


def test_limbs_at_full_length_lie_flat():
    depth = lifting.lift(standing(), ALL, NONE).joints[:, 2]
    assert np.abs(depth[[INDEX["right_knee"], INDEX["right_ankle"], INDEX["head_top"]]]).max() < 0.9


def test_joints_in_one_place_have_finite_depths():
    lifted = lifting.lift(np.zeros((16, 2)), ALL, NONE)
    assert np.isfinite(lifted.joints).all()
    assert np.isfinite([lifted.torso_left, lifted.hips_left]).all()
