import dataclasses

import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.common.errors import UserError
from data_pipeline.readers import conversion
from data_pipeline.readers.person import Person

COCO, LSP = skeleton.load("coco17"), skeleton.load("lsp14")
BOX = skeleton.from_json({"name": "two", "joints": ["left_wrist", "tail"], "unit": {"kind": "box"}})


@pytest.fixture
def person():
    """One of MPII's, whose joint n lies at (10 n, 20 n); the left wrist is occluded, the right ankle unknown."""
    annotated = np.ones(16, bool)
    annotated[skeleton.INDEX["right_ankle"]] = False
    visible = annotated.copy()
    visible[skeleton.INDEX["left_wrist"]] = False
    joints = np.arange(16)[:, None] * np.float32([10, 20]) * annotated[:, None]
    return Person("a.jpg", 0, "train", joints.astype(np.float32), annotated, visible, 20.0, None, None)


def test_joints_are_found_by_their_names(person):
    found = conversion.in_skeleton(person, skeleton.JOINTS, COCO)
    wrist = COCO.index["left_wrist"]
    np.testing.assert_array_equal(found.joints_image[wrist], person.joints_image[skeleton.INDEX["left_wrist"]])
    assert found.annotated[wrist]
    assert not found.visible[wrist]
    assert not found.annotated[[COCO.index["nose"], COCO.index["right_ankle"]]].any()
    assert found.annotated.sum() == 11
    np.testing.assert_array_equal(found.joints_image[COCO.index["nose"]], 0)


def test_the_size_is_in_the_unit_of_the_skeleton(person):
    torso = np.linalg.norm(np.subtract(*person.joints_image[[13, 2]]))
    assert conversion.in_skeleton(person, skeleton.JOINTS, LSP).head_size == pytest.approx(torso)
    assert conversion.in_skeleton(person, skeleton.JOINTS, skeleton.MPII16).head_size == 20.0
    wide, high = (person.joints_image[15] - person.joints_image[1]) * 1.2
    assert conversion.in_skeleton(person, skeleton.JOINTS, COCO).head_size == pytest.approx(np.sqrt(0.53 * wide * high))


def test_a_box_and_an_area_that_are_known_are_used(person):
    given = person.joints_image, person.annotated
    assert conversion.size_of(BOX, *given, box=(0, 0, 30, 50)) == 50
    assert conversion.size_of(COCO, *given, box=(0, 0, 30, 50), area=900.0) == 30


def test_a_skeleton_of_other_joints_is_refused(person):
    other = skeleton.from_json({"name": "hand", "joints": ["thumb"]})
    with pytest.raises(UserError, match="None of hand's joints is among right_ankle"):
        conversion.in_skeleton(person, skeleton.JOINTS, other)


def test_a_unit_of_joints_that_are_not_there_is_refused(person):
    told = {"name": "cat", "joints": ["left_wrist", "tail"], "unit": {"kind": "pair", "joints": ["left_wrist", "tail"]}}
    with pytest.raises(UserError, match="distances of left_wrist and tail, which are not both among"):
        conversion.in_skeleton(person, skeleton.JOINTS, skeleton.from_json(told))


def test_who_has_no_size_gets_the_usual_one_of_their_extent(person):
    known = conversion.in_skeleton(person, skeleton.JOINTS, LSP)
    twice = dataclasses.replace(known, joints_image=2 * known.joints_image, head_size=0.0)
    first, second = conversion.completed([known, twice])
    assert first is known
    assert second.head_size == pytest.approx(2 * known.head_size)


def test_where_nobodys_size_is_known_it_is_a_tenth_of_the_extent(person):
    nobody = dataclasses.replace(person, head_size=0.0)
    (found,) = conversion.completed([nobody])
    assert found.head_size == pytest.approx(0.1 * 1.2 * (15 - 1) * 20)
