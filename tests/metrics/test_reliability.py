import numpy as np
import pytest

from keras_apn.metrics import reliability


def test_a_hand_worked_score():
    # Bins of a fifteenth: 0.1 is in the second, 0.5 in the eighth, 0.9 in the fourteenth.
    scores, right = np.array([0.1, 0.1, 0.5, 0.5, 0.9, 0.9]), np.array([0, 0, 1, 0, 1, 1], bool)
    found = reliability.score(scores, right)
    assert found["curve"]["count"] == [2, 2, 2]
    np.testing.assert_allclose(found["curve"]["score"], [0.1, 0.5, 0.9])
    assert found["curve"]["right"] == [0.0, 0.5, 1.0]
    np.testing.assert_allclose(found["ece"], (0.1 + 0.0 + 0.1) / 3)
    # Of nine pairs of a right and a wrong joint eight are in order, and one is a tie.
    np.testing.assert_allclose(found["auc"], 8.5 / 9)
    np.testing.assert_allclose(found["ap"], 2 / 3 * 1 + 1 / 3 * 3 / 4)


def test_bins_are_a_fifteenth_wide_and_the_last_has_1_too():
    found = reliability.score(np.array([0.0, 0.06, 0.07, 0.94, 1.0]), np.array([0, 0, 1, 1, 1], bool))
    assert found["curve"]["count"] == [2, 1, 2]
    np.testing.assert_allclose(found["curve"]["score"], [0.03, 0.07, 0.97])


def test_probabilities_that_hold_have_no_error():
    rng = np.random.default_rng(0)
    told = rng.uniform(size=200_000)
    assert reliability.error(told, rng.uniform(size=told.size) < told) < 0.01
    assert reliability.error(told**3, rng.uniform(size=told.size) < told) > 0.1


@pytest.mark.parametrize("right", [True, False])
def test_one_class_alone_ranks_nothing(right):
    found = reliability.score(np.array([0.2, 1.0]), np.array([right, right]))
    assert found["auc"] is None
    assert found["ap"] == (1.0 if right else None)
    np.testing.assert_allclose(found["ece"], abs(0.6 - right))


def test_no_joints_have_no_score():
    assert reliability.score(np.zeros(0), np.zeros(0, bool)) is None
    assert np.isnan(reliability.error(np.zeros(0), np.zeros(0, bool)))


def test_the_area_is_that_of_all_pairs():
    rng = np.random.default_rng(1)
    scores, right = rng.integers(0, 9, 60) / 8, rng.uniform(size=60) < 0.4
    pairs = scores[right][:, None] - scores[~right]
    np.testing.assert_allclose(reliability.area_under_curve(scores, right), ((pairs > 0) + 0.5 * (pairs == 0)).mean())
