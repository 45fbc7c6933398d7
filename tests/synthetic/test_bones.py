"""The tree of bones."""

import numpy as np

from data_pipeline.skeleton import INDEX, JOINTS
from data_pipeline.synthetic.anatomy import bones


def test_a_thigh_is_two_head_sizes_and_a_bit():
    # 0.245 of the stature over 0.75 x 0.153 of it.
    np.testing.assert_allclose(bones.LENGTH[INDEX["left_knee"]], 2.135, atol=1e-3)


def test_every_joint_hangs_from_the_pelvis():
    assert [name for i, name in enumerate(JOINTS) if bones.PARENT[i] == i] == ["pelvis"]
    np.testing.assert_array_equal(bones.DESCENT[INDEX["pelvis"]], 1)


def test_an_ankle_moves_with_its_knee_and_hip_and_with_no_other():
    column = bones.DESCENT[:, INDEX["left_ankle"]]
    assert {JOINTS[i] for i in np.flatnonzero(column)} == {"pelvis", "left_hip", "left_knee", "left_ankle"}
