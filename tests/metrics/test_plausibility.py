import dataclasses
import re

import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.common.errors import UserError
from data_pipeline.readers import mpii
from data_pipeline.records import dataset
from data_pipeline.skeleton import INDEX, MIRROR
from keras_apn.evaluation import prediction_file, truth_file
from keras_apn.metrics import plausibility

ANNOTATED = np.ones((1, 16), bool)
LSP14 = skeleton.load("lsp14")


def standing():
    """One person (1, 16, 2): trunk 5, thighs 4, shins 3, upper arms 2, forearms 1."""
    joints = np.zeros((1, 16, 2))
    heights = {"thorax": 0, "pelvis": 5, "shoulder": 0, "elbow": 2, "wrist": 3, "hip": 5, "knee": 9, "ankle": 12}
    for name, height in heights.items():
        for side in ("", "left_", "right_"):
            if side + name in INDEX:
                joints[0, INDEX[side + name]] = ({"": 0, "left_": 1, "right_": -1}[side], height)
    return joints


def crowd(people, seed=0, spread=0.1):
    """People who stand, with noise on every joint; head size 1, all annotated."""
    joints = standing() + np.random.default_rng(seed).normal(size=(people, 16, 2), scale=spread)
    return joints, np.ones(people), np.ones((people, 16), bool)


def as_lsp(values):
    """MPII's joints, on the second axis, as LSP's fourteen."""
    return values[:, [INDEX[name] for name in LSP14.joints]]


@pytest.mark.parametrize("head_size", [2.0, 0.5])
def test_lengths_are_in_head_sizes(head_size):
    length, asymmetry = plausibility.measure(standing(), np.array([head_size]), ANNOTATED)
    np.testing.assert_allclose(length[0].T * head_size, [[5, 4, 3, 2, 1]] * 2)
    np.testing.assert_allclose(asymmetry, 0)


def test_nobody_without_a_head_size_has_lengths():
    length, asymmetry = plausibility.measure(standing(), np.zeros(1), ANNOTATED)
    assert np.isnan(length).all()
    assert np.isnan(asymmetry).all()


def test_a_limb_of_both_sides_is_measured_once_whichever_is_named():
    names = [("left_knee", "left_ankle"), ("head_top", "upper_neck"), ("right_ankle", "right_knee")]
    measured = tuple((INDEX[one], INDEX[other]) for one, other in names)
    ends, paired = plausibility.ends(dataclasses.replace(skeleton.MPII16, measured=measured))
    np.testing.assert_array_equal(ends, [[measured[0], measured[2][::-1]], [measured[1]] * 2])
    assert paired.tolist() == [True, False]


def test_a_skeleton_that_measures_nothing_has_no_limbs_and_every_pose_is_plausible():
    nothing = dataclasses.replace(skeleton.MPII16, measured=())
    ends, paired = plausibility.ends(nothing)
    assert ends.shape == (0, 2, 2)
    assert (ends.dtype, paired.dtype) == (np.int64, bool)
    poses = crowd(20)
    left = plausibility.leave(plausibility.fit(*poses, nothing), *poses)
    assert not any(found.any() for found in left.values())


def test_ranges_are_of_their_own_skeletons_limbs():
    joints, sizes, known = crowd(200)
    ranges = plausibility.fit(as_lsp(joints), sizes, as_lsp(known), LSP14)
    length, _ = plausibility.measure(as_lsp(joints), sizes, as_lsp(known), LSP14)
    assert ranges.shortest == pytest.approx(length.min(axis=(0, 2)), abs=0.2)
    assert ranges.longest == pytest.approx(length.max(axis=(0, 2)), abs=0.2)
    short = as_lsp(joints[:1]).copy()
    short[0, LSP14.index["left_ankle"]] = short[0, LSP14.index["left_knee"]]
    for pose, expected in ((short, True), (as_lsp(standing()), False)):
        assert plausibility.leave(ranges, pose, sizes[:1], as_lsp(ANNOTATED))["limbs"].item() is expected


def test_a_limb_twice_as_long_as_the_other_is_asymmetric():
    joints = standing()
    joints[0, INDEX["left_wrist"]] += (0, 1)  # A forearm of 2 beside one of 1.
    _, asymmetry = plausibility.measure(joints, np.ones(1), ANNOTATED)
    np.testing.assert_allclose(asymmetry, [[0, 0, 0, np.log(2.1 / 1.1)]])


def test_a_limb_with_an_unknown_end_is_unknown():
    known = np.arange(16)[None] != INDEX["left_knee"]
    length, asymmetry = plausibility.measure(standing(), np.ones(1), known)
    assert np.isnan(length[0]).tolist() == [[False, False], [True, False], [True, False], [False] * 2, [False] * 2]
    assert np.isnan(asymmetry[0]).tolist() == [True, True, False, False]


def test_99_percent_of_the_training_poses_are_within_jointly():
    poses = crowd(20000)
    left = plausibility.leave(plausibility.fit(*poses), *poses)["either"]
    assert 0.0095 < left.mean() <= 0.01
    # Other people like them leave about as often.
    others = plausibility.leave(plausibility.fit(*poses), *crowd(20000, seed=1))["either"]
    assert others.mean() == pytest.approx(0.01, abs=0.004)


def test_never_more_than_1_percent_of_few_poses():
    poses = crowd(150)
    assert plausibility.leave(plausibility.fit(*poses), *poses)["either"].sum() <= 1


def test_a_mirrored_pose_is_as_plausible():
    ranges, (joints, sizes, known) = plausibility.fit(*crowd(2000)), crowd(500, seed=2, spread=0.3)
    straight = plausibility.leave(ranges, joints, sizes, known)
    mirrored = plausibility.leave(ranges, joints[:, MIRROR] * (-1, 1), sizes, known)
    assert 0 < straight["either"].sum() < 500
    for name, left in straight.items():
        np.testing.assert_array_equal(mirrored[name], left)


@pytest.mark.parametrize(
    ("moved", "away", "expected"),
    [
        ((), 0, {"limbs": 0, "symmetry": 0, "either": 0}),
        # Both forearms grow to 3: too long, but alike.
        (("left_wrist", "right_wrist"), 2, {"limbs": 100, "symmetry": 0, "either": 100}),
        # One shrinks to nothing: too short, and unlike the other.
        (("left_wrist",), -1, {"limbs": 100, "symmetry": 100, "either": 100}),
    ],
    ids=["as the others", "long arms", "one arm"],
)
def test_shares_of_a_hand_made_pose(moved, away, expected):
    joints = standing()
    for name in moved:
        joints[0, INDEX[name]] += (0, away)
    ranges = plausibility.fit(*crowd(2000))
    assert plausibility.shares(ranges, joints, standing(), np.ones(1), ANNOTATED) == {**expected, "truth": 0}


def test_a_limb_that_nobody_has_annotated_is_never_left():
    joints, sizes, known = crowd(200)
    known[:, INDEX["left_ankle"]] = known[:, INDEX["right_ankle"]] = False
    ranges = plausibility.fit(joints, sizes, known)
    strange = joints[:1].copy()
    strange[0, INDEX["left_ankle"]] = 1000
    assert not plausibility.leave(ranges, strange, sizes[:1], ANNOTATED)["either"]


def test_people_whose_limbs_are_not_all_known_widen_the_others():
    joints, sizes, known = crowd(200)
    joints[:100, INDEX["left_wrist"]] += (0, 2)  # A hundred left forearms of 3, whose other limbs are not known.
    known[:100] = np.isin(np.arange(16), [INDEX["left_elbow"], INDEX["left_wrist"]])
    ranges = plausibility.fit(joints, sizes, known)
    assert ranges.longest[-1] == pytest.approx(3.2, abs=0.2)
    assert np.isfinite(ranges.longest).all()
    assert np.isfinite(ranges.asymmetry).all()
    # Of forearms, the people of whom both are known alone say how unlike they are.
    assert ranges.asymmetry[-1] < 0.5


def test_who_has_a_limb_that_is_not_known_is_not_rare_for_that():
    joints, sizes, known = crowd(300)
    joints[:2, INDEX["left_elbow"]] += (0, 1)  # Upper arms longer than anybody's, of two whose knee is not known.
    known[:2, INDEX["right_knee"]] = False
    assert plausibility.fit(joints, sizes, known).longest[-2] == pytest.approx(3, abs=0.3)


def test_one_measure_of_one_pose_is_no_rarer_than_all_of_it():
    joints, sizes, known = crowd(1)
    assert not plausibility.leave(plausibility.fit(joints, sizes, known), joints, sizes, known)["either"]


def test_nothing_known_of_anybody_is_left_by_nobody():
    joints, sizes, known = crowd(3)
    ranges = plausibility.fit(joints, sizes, np.zeros_like(known))
    assert np.isposinf(ranges.longest).all()
    assert np.isneginf(ranges.shortest).all()
    assert np.isposinf(ranges.asymmetry).all()


def test_the_shares_of_nobody_are_no_numbers():
    ranges = plausibility.fit(*crowd(20))
    nobody = np.zeros((0, 16, 2))
    found = plausibility.shares(ranges, nobody, nobody, np.zeros(0), np.zeros((0, 16), bool))
    assert found == {"limbs": None, "symmetry": None, "either": None, "truth": None}


def test_the_ranges_of_records_are_those_of_their_poses(tiny_records):
    path = str(tiny_records / "train-00000-of-00001.tfrecord")
    ranges = plausibility.of_records([path])
    people = next(dataset.load([path], patch_size=56, batch_size=12).as_numpy_iterator())
    expected = plausibility.fit(people["joints_patch"], people["head_size_patch"], people["annotated"])
    for name in ("shortest", "longest", "asymmetry"):
        np.testing.assert_allclose(getattr(ranges, name), getattr(expected, name), rtol=1e-4)


def test_the_ranges_of_a_run_are_those_of_its_training_records(tiny_config, tiny_records):
    found = plausibility.of_training(tiny_config)
    expected = plausibility.of_records([str(tiny_records / "train-00000-of-00001.tfrecord")])
    np.testing.assert_array_equal(found.longest, expected.longest)
    assert found.skeleton == skeleton.MPII16
    data = dataclasses.replace(tiny_config.data, train_records="nowhere/*")
    assert plausibility.of_training(dataclasses.replace(tiny_config, data=data)) is None


def test_records_of_other_joints_are_the_users_mistake(tiny_records):
    path = str(tiny_records / "train-00000-of-00001.tfrecord")
    with pytest.raises(UserError, match=rf"^{re.escape(path)} does not hold records of lsp14 \(14 joints\)$"):
        plausibility.of_records([path], LSP14)


def test_a_shard_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UserError, match=rf"^{re.escape(str(tmp_path))} cannot be read .*; build the records again$"):
        plausibility.of_records([str(tmp_path)])


def test_records_without_a_whole_one_are_the_users_mistake(tmp_path):
    (tmp_path / "empty.tfrecord").write_bytes(b"")
    with pytest.raises(UserError, match=r"empty\.tfrecord and its like hold no whole record; build the training"):
        plausibility.of_records([str(tmp_path / "empty.tfrecord")])


def test_real_predictions_leave_the_ranges_more_often_than_real_poses(shared_data):
    people = mpii.read(shared_data("mpii/mpii_annotations.json.gz"), split="train").people
    joints, known = (np.stack([getattr(p, name) for p in people]) for name in ("joints_image", "annotated"))
    ranges = plausibility.fit(joints, np.array([person.head_size for person in people]), known)
    truth = truth_file.read(str(shared_data("mpii/detections_our_format.mat")))
    predicted = prediction_file.read(str(shared_data("mpii/predictions_hg_s8_b1.mat")), truth.people())
    found = plausibility.shares(ranges, predicted, truth.true, truth.head_size, truth.annotated)
    assert found["truth"] == pytest.approx(1.18, abs=0.01)
    assert found["either"] == pytest.approx(3.65, abs=0.01)
