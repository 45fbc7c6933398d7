import numpy as np

from data_pipeline import skeleton


def test_joints_are_mpiis_in_their_order():
    assert skeleton.INDEX["right_ankle"] == 0
    assert skeleton.INDEX["head_top"] == 9
    assert skeleton.INDEX["left_wrist"] == 15
    assert len(skeleton.JOINTS) == len(set(skeleton.JOINTS)) == 16


def test_the_mirror_swaps_left_and_right_and_keeps_the_middle():
    mirrored = {skeleton.JOINTS[i]: skeleton.JOINTS[j] for i, j in enumerate(skeleton.MIRROR)}
    assert mirrored["right_wrist"] == "left_wrist"
    assert mirrored["left_ankle"] == "right_ankle"
    assert [name for name, other in mirrored.items() if name == other] == [
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
    ]


def test_mirrored_twice_is_the_joint_itself():
    mirror = np.array(skeleton.MIRROR)
    np.testing.assert_array_equal(mirror[mirror], np.arange(16))


def test_limbs_are_a_tree_over_all_joints():
    reached, limbs = {skeleton.INDEX["pelvis"]}, list(skeleton.LIMBS)
    assert len(limbs) == 15
    while found := [limb for limb in limbs if reached & set(limb)]:
        reached |= {joint for limb in found for joint in limb}
        limbs = [limb for limb in limbs if limb not in found]
    assert reached == set(range(16))


def test_columns_hold_the_joints_that_are_neither_pelvis_nor_thorax():
    counted = sorted(joint for joints in skeleton.COLUMNS.values() for joint in joints)
    without_neck = [i for i in skeleton.JOINTS_14 if i != skeleton.INDEX["upper_neck"]]
    assert counted == without_neck
    assert len(skeleton.JOINTS_14) == 14
