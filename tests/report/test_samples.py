import numpy as np
import pytest

from keras_apn.report import samples


def people(*right):
    """People of whom so many joints are found, by a distance that grows with their number."""
    away = np.full((len(right), 16), 0.9)
    for n, count in enumerate(right):
        away[n, :count] = 0.1
    return away


def test_people_are_ranked_by_joints_found_then_by_distance():
    away = people(3, 1, 1, 5)
    away[2] += 0.05
    assert samples.ranked(away, 0.5) == [2, 1, 0, 3]


def test_people_without_a_counted_joint_are_left_out():
    away = people(3, 1, 5)
    away[1] = np.nan
    assert samples.ranked(away, 0.5) == [0, 2]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, {"worst": [0], "median": [], "best": []}),
        (2, {"worst": [0], "median": [], "best": [1]}),
        (3, {"worst": [0], "median": [1], "best": [2]}),
        (6, {"worst": [0, 1], "median": [2, 3], "best": [5, 4]}),
    ],
)
def test_nobody_is_shown_twice(number, expected):
    assert samples.gallery(people(*range(number)), 0.5, 2) == expected


def test_an_empty_gallery():
    assert samples.gallery(people(1, 2, 3), 0.5, 0) == {"worst": [], "median": [], "best": []}


def test_changes_are_ordered_by_their_size_and_equal_people_left_out():
    found = samples.changed(people(5, 5, 5, 5), people(5, 2, 4, 6), 0.5, 4)
    assert found == {"gained": [1, 2], "lost": [3]}


def test_a_spread_is_even():
    assert samples.spread(list(range(9)), 3) == [1, 4, 7]
    assert samples.spread([4, 2], 3) == [4, 2]
