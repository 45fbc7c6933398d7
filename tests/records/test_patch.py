import dataclasses
import tracemalloc

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.readers import person as people
from data_pipeline.readers.person import Person
from data_pipeline.records import patch


@pytest.fixture
def somebody():
    everything = np.ones(16, bool)
    joints = np.full((16, 2), 20.0, np.float32)
    return Person("a.jpg", 0, "train", joints, everything, everything, 10.0, np.array([20.0, 20.0]), 100.0)


def changed(array, value):
    array = array.copy()
    array[0] = value
    return array


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("joints_image", np.nan, people.FAR_JOINT),
        ("joints_image", 1e30, people.FAR_JOINT),
        ("head_size", 1e-8, people.BAD_HEAD_SIZE),
        ("head_size", np.inf, people.BAD_HEAD_SIZE),
        ("side_image", np.nan, people.BAD_CROP),
        ("side_image", 50_000.0, people.BAD_CROP),
        ("center_image", np.nan, people.BAD_CROP),
        ("annotated", False, people.BAD_FLAGS),
    ],
)
def test_nobody_who_makes_no_sense_becomes_a_record(somebody, field, value, reason):
    value = changed(getattr(somebody, field), value) if isinstance(getattr(somebody, field), np.ndarray) else value
    wrong = dataclasses.replace(somebody, **{field: value})
    assert people.nonsense(somebody) is None
    assert people.nonsense(wrong) == reason
    with pytest.raises(UserError, match=r"Person 0 of a.jpg cannot be a record"):
        patch.values(wrong, np.zeros((40, 40, 3), np.uint8), 56, "train")


def test_a_joint_that_is_not_annotated_may_be_anywhere(somebody):
    annotated = changed(somebody.annotated, False)
    person = dataclasses.replace(
        somebody, annotated=annotated, visible=annotated, joints_image=changed(somebody.joints_image, np.nan)
    )
    assert people.nonsense(person) is None


def test_a_large_square_is_cut_as_a_small_one_is(monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (300, 500, 3), np.uint8)
    expected = patch.cut(image, -20, -90, 700, 56)
    monkeypatch.setattr(patch, "LARGE_SIDE", 600)
    found = patch.cut(image, -20, -90, 700, 56)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert found.any()


def test_a_large_square_outside_the_image_is_black(monkeypatch):
    monkeypatch.setattr(patch, "LARGE_SIDE", 600)
    assert not patch.cut(np.full((30, 40, 3), 9, np.uint8), 500, 500, 700, 56).any()


def test_the_largest_square_takes_little_memory():
    tracemalloc.start()
    patch.cut(np.zeros((2000, 3000, 3), np.uint8), -20_000, -20_000, 57_344, 448)
    assert tracemalloc.get_traced_memory()[1] < 2**28
    tracemalloc.stop()
