"""Places for joints that are missing."""

import numpy as np
import pytest
from test_lifting import standing

from data_pipeline.skeleton import INDEX, JOINTS
from data_pipeline.synthetic.anatomy import completion


def without(*names, pose=None):
    """A standing pose completed after joints are taken out of it."""
    known = np.array([name not in names for name in JOINTS])
    pose = standing() if pose is None else pose
    return completion.complete(np.where(known[:, None], pose, 0), known)


def test_known_joints_stay():
    known = np.array([name != "left_wrist" for name in JOINTS])
    np.testing.assert_array_equal(without("left_wrist")[known], standing()[known])


def test_a_missing_hip_mirrors_the_other_about_the_pelvis():
    np.testing.assert_allclose(without("left_hip")[INDEX["left_hip"]], (0.45, 0.0))


def test_a_missing_pelvis_and_thorax_are_midpoints():
    completed = without("pelvis", "thorax")
    np.testing.assert_allclose(completed[[INDEX["pelvis"], INDEX["thorax"]]], [(0, 0), (0, -2.4)])


def test_a_missing_elbow_is_between_shoulder_and_wrist():
    np.testing.assert_allclose(without("right_elbow")[INDEX["right_elbow"]], (-1.225, -1.15))


def test_missing_legs_go_on_down_the_trunk():
    completed = without("left_knee", "left_ankle", "right_ankle")
    # 0.85 of 2.135 head sizes below the hip.
    np.testing.assert_allclose(completed[INDEX["left_knee"]], (0.45, 1.815), atol=1e-3)
    assert completed[INDEX["left_ankle"], 1] > 3
    assert completed[INDEX["right_ankle"], 1] > 3


def test_the_legs_of_somebody_upside_down_go_up():
    assert without("left_knee", "left_ankle", pose=-standing())[INDEX["left_ankle"], 1] < -3


@pytest.mark.parametrize("only", JOINTS)
def test_one_joint_is_enough_for_a_body(only):
    completed = without(*(name for name in JOINTS if name != only))
    assert np.isfinite(completed).all()
    height = np.ptp(completed[:, 1])
    assert 5 < height < 10


def test_a_body_all_in_one_place_is_completed():
    assert np.isfinite(without("left_knee", "left_ankle", pose=np.ones((16, 2)))).all()
