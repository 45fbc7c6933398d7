"""From a file's numbers to people; the readers' own tests have whole files."""

import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.readers import boxed
from data_pipeline.readers.person import BAD_CROP, FAR_JOINT, MOST_COORDINATE

UNITS = {
    "box": skeleton.from_json({"name": "leaf", "joints": ["tip", "base"]}),
    "pair": skeleton.from_json(
        {"name": "stem", "joints": ["tip", "base"], "unit": {"kind": "pair", "joints": ["tip", "base"]}}
    ),
    "oks": skeleton.from_json(
        {"name": "bud", "joints": ["tip", "base"], "unit": {"kind": "oks", "sigmas": {"tip": 0.1, "base": 0.1}}}
    ),
}
JOINTS = ((30, 20, 2), (10, 50, 1))


def entry(joints=JOINTS, **fields):
    return boxed.Entry("a.jpg", 0, "train", np.array(joints, np.float64), **fields)


def read(*entries, unit="box"):
    return boxed.annotations(entries, [0, 1], UNITS[unit], None)


def one(*entries, unit="box"):
    (found,) = read(*entries, unit=unit).people
    return found


@pytest.mark.parametrize("box", [(8, 9, 0.5, 100), (8, 9, 100, 0.5), (8, 9, 100, 40), (8, 9, 40, 100)], ids=str)
def test_the_crop_is_around_the_box_whichever_side_is_longer(box):
    found = one(entry(box=box))
    assert found.center_image.tolist() == pytest.approx([8 + box[2] / 2, 9 + box[3] / 2])
    assert found.side_image == pytest.approx(boxed.MARGIN * max(box[2:]))
    assert found.head_size == max(box[2:])
    assert (found.joints_image.dtype, found.center_image.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize(
    ("joints", "side"),
    [([(30, 20, 2), (10, 50, 2)], 36.0), ([(30, 20, 2), (70, 20, 2)], 48.0), ([(30, 20, 2), (30, 70, 2)], 60.0)],
    ids=["a box", "flat", "upright"],
)
def test_without_a_box_the_crop_is_around_the_annotated_joints(joints, side):
    found = one(entry(joints))
    places = np.array(joints)[:, :2]
    assert found.center_image.tolist() == places.mean(0).tolist()
    assert found.side_image == pytest.approx(boxed.MARGIN * side)


def test_a_joint_alone_is_no_place_for_a_crop():
    assert read(entry([(30, 20, 2), (1000, 1000, 0)])).skipped == {BAD_CROP: 1}


def test_a_joint_at_the_bound_is_a_joint_and_one_beyond_is_none():
    at = one(entry([(MOST_COORDINATE, -MOST_COORDINATE, 2), (0, 0, 0)], box=(0, 0, 10, 10)))
    assert at.joints_image[0].tolist() == [MOST_COORDINATE, -MOST_COORDINATE]
    assert read(entry([(MOST_COORDINATE + 1, 0, 2), (0, 0, 0)])).skipped == {FAR_JOINT: 1}
    # Where it is not labelled, nothing is asked of it.
    assert one(entry([(30, 20, 2), (np.nan, 1e9, 0)], box=(0, 0, 10, 10))).annotated.tolist() == [True, False]


@pytest.mark.parametrize(("area", "expected"), [(400.0, 20.0), (1.0, 1.0), (0.0, None), (-4.0, None), (None, None)])
def test_an_area_above_zero_is_taken(area, expected):
    found = one(entry(box=(0, 0, 30, 40), area=area), unit="oks")
    assert found.head_size == pytest.approx(np.sqrt(0.53 * 30 * 40) if expected is None else expected)


def test_the_size_is_of_the_joints_where_the_unit_is():
    assert one(entry(box=(0, 0, 9, 9)), unit="pair").head_size == pytest.approx(np.hypot(20, 30))
    # Nothing tells the second one's: it has the usual one of people of its extent.
    half = entry([(30, 20, 2), (10, 50, 0)], box=(0, 0, 9, 9))
    first, second, third = read(entry(), "left out", half, entry(), unit="pair").people
    assert first.head_size == third.head_size == pytest.approx(np.hypot(20, 30))
    assert second.head_size == 1.0


def test_who_is_left_out_shifts_nobody():
    found = boxed.annotations(["one", entry(), "two", entry(((5, 5, 2), (9, 9, 2)))], [0, 1], UNITS["box"], None)
    assert [person.joints_image[0, 0] for person in found.people] == [30, 5]
    assert found.skipped == {"one": 1, "two": 1}


def test_all_annotated_joints_are_visible_where_occlusion_is_not_known():
    seen = entry(((30, 20, 2), (10, 50, 0)), box=(0, 0, 60, 60))
    assert (one(seen).visible.tolist(), one(seen).occlusion_known) == ([True, False], False)
    known = read(seen, entry()).people
    assert [person.visible.tolist() for person in known] == [[True, False], [True, False]]
    assert all(person.occlusion_known for person in known)
