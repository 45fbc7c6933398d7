import dataclasses

import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.common.errors import UserError
from data_pipeline.readers import conversion, lsp
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


def test_the_first_joint_of_a_file_is_found_too(person):
    ankle = skeleton.from_json({"name": "foot", "joints": ["left_ankle", "toe"]})
    whole = dataclasses.replace(person, annotated=np.ones(16, bool))
    names = ["left_ankle", *(f"other {n}" for n in range(15))]
    found = conversion.in_skeleton(whole, names, ankle)
    assert found.annotated.tolist() == [True, False]
    assert found.joints_image.dtype == np.float32


def test_places_that_are_known_measure_who_is_not_annotated(person):
    # A drawn person's wrist is there, whether or not the crop shows it.
    told = {"name": "arm", "joints": ["left_elbow", "left_wrist"]}
    arm = skeleton.from_json(told | {"unit": {"kind": "pair", "joints": told["joints"]}})
    hidden = person.annotated.copy()
    hidden[skeleton.INDEX["left_wrist"]] = False
    person = dataclasses.replace(person, annotated=hidden, visible=hidden)
    assert conversion.in_skeleton(person, skeleton.JOINTS, arm).head_size == 0.0
    places = np.zeros((16, 2))
    places[skeleton.INDEX["left_wrist"]] = 3, 4
    assert conversion.in_skeleton(person, skeleton.JOINTS, arm, places).head_size == 5.0


def test_a_head_size_that_nobody_knows_is_told_by_limbs(person):
    # As LSP's reader has it, whatever order the joints have.
    turned = skeleton.from_json({**skeleton.MPII16.as_json(), "name": "turned", "joints": list(skeleton.JOINTS[::-1])})
    expected = lsp.head_size(person.joints_image, person.annotated)
    assert expected > 0
    assert conversion.size_of(turned, person.joints_image[::-1], person.annotated[::-1]) == pytest.approx(expected)
    assert conversion.size_of(turned, person.joints_image[::-1], person.annotated[::-1], 7.0) == 7.0


@pytest.mark.parametrize(
    ("joints", "size"),
    [
        ([[0, 0], [100, 4]], 120.0),
        ([[0, 0], [4, 100]], 120.0),
        ([[5, 5], [5, 5]], 0.25),
    ],
    ids=["wide", "high", "one place"],
)
def test_a_box_around_few_joints_has_some_room(joints, size):
    found = np.array(joints, np.float32)
    assert conversion.size_of(BOX, found, np.ones(2, bool)) == pytest.approx(size)
    # A quarter of the longer side at least is the shorter one.
    area = skeleton.from_json(
        {"name": "a", "joints": ["x", "y"], "unit": {"kind": "oks", "sigmas": {"x": 0.1, "y": 0.1}}}
    )
    assert conversion.size_of(area, found, np.ones(2, bool)) == pytest.approx(
        np.sqrt(0.53 * size * (size if size < 1 else size / 4))
    )
    assert conversion.size_of(area, found, np.zeros(2, bool)) == 0.0


def test_a_skeleton_of_other_joints_is_refused(person):
    other = skeleton.from_json({"name": "hand", "joints": ["thumb"]})
    with pytest.raises(UserError, match=r"among right_ankle, right_knee, .*; their names must be the same"):
        conversion.in_skeleton(person, skeleton.JOINTS, other)


def test_a_unit_of_joints_that_are_not_there_is_refused(person):
    told = {"name": "cat", "joints": ["left_wrist", "tail"], "unit": {"kind": "pair", "joints": ["left_wrist", "tail"]}}
    with pytest.raises(
        UserError, match="distances of left_wrist and tail, which are not both among right_ankle, right_knee,"
    ):
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


def test_nobody_is_smaller_than_a_pixel(person):
    nobody = dataclasses.replace(person, head_size=0.0, joints_image=np.zeros((16, 2), np.float32))
    (found,) = conversion.completed([nobody])
    assert found.head_size == 1.0
