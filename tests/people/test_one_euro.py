import math

import numpy as np
import pytest

from keras_apn.people.one_euro import OneEuro, alpha


def test_the_weight_of_a_new_value():
    # 2 pi fc dt of a cutoff of 1 / (2 pi) hertz is the time itself: dt / (1 + dt).
    assert alpha(1 / (2 * math.pi), 1.0) == pytest.approx(0.5)
    assert alpha(1 / (2 * math.pi), 3.0) == pytest.approx(0.75)


def test_values_worked_out_by_hand():
    # Cutoffs of turns a second; the speed's, 1 hertz, weighs 2 pi / (2 pi + 1) = 0.862697.
    filtered = OneEuro(min_cutoff=1 / (2 * math.pi), beta=0.1 / (2 * math.pi))
    assert filtered(np.array([10.0, 0.0]), 5.0).tolist() == [10.0, 0.0]
    # First coordinate: speed 0.862697 * 4 = 3.450787, so 2 pi fc = 1.345079, a weight of 0.573575.
    second = filtered(np.array([14.0, 0.0]), 6.0)
    np.testing.assert_allclose(second, [10 + 4 * 0.573575, 0.0], atol=1e-5)
    # Speed goes on: the change is 14 - 12.294300 = 1.705700 a second, 0.862697 of the way from 3.450787 to it is
    # 1.945302; 2 pi fc = 1.194530, a weight of 0.544321.
    third = filtered(np.array([14.0, 0.0]), 7.0)
    np.testing.assert_allclose(third, [12.294300 + 1.705700 * 0.544321, 0.0], atol=1e-5)


def test_the_size_is_what_speed_is_measured_in():
    small, large = OneEuro(beta=4.0), OneEuro(beta=4.0)
    for n, value in enumerate((0.0, 1.0, 3.0, 4.0)):
        a, b = small(np.array(value), n / 30, size=1.0), large(np.array(100 * value), n / 30, size=100.0)
    assert b == pytest.approx(100 * a)


def test_rest_is_smoothed_and_motion_followed():
    noise = np.random.default_rng(0).normal(0, 1, 300)
    filtered = OneEuro()
    rest = [filtered(np.array(value), n / 30, 200.0) for n, value in enumerate(noise)]
    assert np.std(np.diff(rest)) < 0.35 * np.std(np.diff(noise))
    moved = OneEuro()
    path = [moved(np.array(20.0 * n), n / 30, 200.0) for n in range(60)]  # Three sizes a second.
    assert 20.0 * 59 - path[-1] < 20.0


def test_a_time_that_does_not_pass_changes_nothing():
    filtered = OneEuro()
    filtered(np.array(1.0), 1.0)
    assert filtered(np.array(5.0), 1.0) == 1.0
