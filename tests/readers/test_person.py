import dataclasses

import numpy as np
import pytest

from data_pipeline.readers import person as persons
from data_pipeline.readers.person import BAD_CROP, BAD_FLAGS, BAD_HEAD_SIZE, FAR_JOINT, Person, collect

FAR, LARGEST_CROP, LARGEST_HEAD = 65536.0, 32768.0, 16384.0


def one(joint=(3.0, 4.0), center=(5.0, 6.0), **fields):
    """A person of two joints, of whom the second is not annotated and nowhere."""
    joints = np.array([joint, [np.nan, np.inf]], np.float32)
    flags = np.array([True, False])
    center = None if center is None else np.array(center, np.float32)
    whole = Person("a.jpg", 0, "train", joints, flags, flags, head_size=10.0, center_image=center, side_image=100.0)
    return dataclasses.replace(whole, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"joint": (FAR, -FAR)},
        {"center": (FAR, -FAR)},
        {"center": None, "side_image": None},
        {"side_image": 4.0},
        {"side_image": LARGEST_CROP},
        {"head_size": 1.0},
        {"head_size": LARGEST_HEAD},
    ],
    ids=str,
)
def test_numbers_within_their_bounds_make_sense(fields):
    assert persons.nonsense(one(**fields)) is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"joint": (FAR + 1, 0)}, FAR_JOINT),
        ({"joint": (0, np.nan)}, FAR_JOINT),
        ({"visible": np.array([True, True])}, BAD_FLAGS),
        ({"center": (0, -FAR - 1)}, BAD_CROP),
        ({"center": (np.nan, 0)}, BAD_CROP),
        ({"side_image": 3.99}, BAD_CROP),
        ({"side_image": LARGEST_CROP + 1}, BAD_CROP),
        ({"side_image": np.nan}, BAD_CROP),
        ({"head_size": 0.99}, BAD_HEAD_SIZE),
        ({"head_size": LARGEST_HEAD + 1}, BAD_HEAD_SIZE),
        ({"head_size": np.nan}, BAD_HEAD_SIZE),
    ],
    ids=str,
)
def test_numbers_beyond_make_none(fields, reason):
    assert persons.nonsense(one(**fields)) == reason


def test_what_is_collected_is_counted():
    hidden = {"visible": np.array([False, False])}
    people = [one(), one(split="test"), one(**hidden), one(**hidden, occlusion_known=False)]
    found = collect([*people, "no photograph", one(head_size=0.0), "no photograph"], "train")
    assert [id(somebody) for somebody in found.people] == [id(people[n]) for n in (0, 2, 3)]
    assert found.summary() == {
        "people": 3,
        "people_occlusion_unknown": 1,
        "joints_annotated": 3,
        "joints_occluded": 1,
        "skipped": {BAD_HEAD_SIZE: 1, "no photograph": 2},
    }
    assert list(found.summary()["skipped"]) == sorted([BAD_HEAD_SIZE, "no photograph"])
