import re

import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import INDEX, MPII16
from keras_apn.metrics import normalisers

COCO17 = skeleton.load("coco17")
SIZE = np.array([10.0, 20.0])


def told(name="three", unit=None):
    """A skeleton of three joints."""
    return skeleton.from_json({"name": name, "joints": ["a", "b", "c"], "unit": unit or {"kind": "box"}})


def people(joints=16):
    """Two people whose joint n is at (3n, 4n) in the first and twice as far in the second, all annotated."""
    one = np.arange(joints)[:, None] * np.array([3.0, 4.0])
    return np.stack([one, 2 * one]), np.ones((2, joints), bool)


def test_the_pair_is_the_torso_or_the_ends_of_the_unit():
    assert normalisers.pair(MPII16) == (INDEX["left_shoulder"], INDEX["right_hip"])
    assert normalisers.pair(told(unit={"kind": "pair", "joints": ["c", "a"]})) == (2, 0)


def test_a_skeleton_without_a_pair_is_told_what_it_needs():
    message = "--metric=pck needs a skeleton with a `torso`, or a `unit` of two joints: not three"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        normalisers.pair(told())


def test_the_torso_of_people_who_share_no_axis_with_the_joints():
    joints, annotated = people(3)
    annotated[1, 0] = False
    by_pair = told(unit={"kind": "pair", "joints": ["c", "a"]})
    assert normalisers.torso_size(joints, annotated, by_pair).tolist() == [10, 0]


def test_pck_has_the_torso_whatever_the_sizes():
    joints, annotated = people()
    apart = 5 * (INDEX["left_shoulder"] - INDEX["right_hip"])
    assert normalisers.normaliser("pck", SIZE, joints, annotated).tolist() == [apart, 2 * apart]
    by_pair = told(unit={"kind": "pair", "joints": ["a", "b"]})
    assert normalisers.normaliser("pck", SIZE, *people(3), by_pair).tolist() == [5, 10]


def test_the_units_own_metric_has_the_persons_size():
    assert normalisers.normaliser("pckh", SIZE, *people()).tolist() == [10, 20]
    assert normalisers.normaliser("pck_box", SIZE, *people(3), told()).tolist() == [10, 20]


def test_cocos_has_a_share_of_it_at_each_joint():
    found = normalisers.normaliser("pck_oks", SIZE.astype(np.float32), *people(17), COCO17)
    np.testing.assert_allclose(found, SIZE[:, None] * 2 * np.array(COCO17.sigmas), rtol=1e-12)
    assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("metric", "of", "message"),
    [
        ("pck_box", MPII16, "--metric=pck_box does not suit mpii16, whose unit is `head`"),
        ("pckh", COCO17, "--metric=pckh does not suit coco17, whose unit is `oks`"),
        ("pckh", told("mine"), "--metric=pckh does not suit mine, whose unit is `box`"),
    ],
)
def test_a_metric_of_another_unit_is_refused(metric, of, message):
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        normalisers.normaliser(metric, SIZE, *people(len(of)), of)
