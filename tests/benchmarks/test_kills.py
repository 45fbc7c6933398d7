"""A training that is killed again and again; `python -m benchmarks.kills` does it twenty times."""

import numpy as np
import pytest

from benchmarks import kills


@pytest.mark.slow
@pytest.mark.lane(only="addons")
def test_a_killed_training_ends_as_the_one_that_was_left_alone(tmp_path):
    equal, killed = kills.compare(str(tmp_path), kills=3, epochs=8, interval=3)
    assert equal
    assert killed
    # Every start goes on behind the one before it.
    assert killed == sorted(set(killed))


def test_different_bits_are_seen():
    one = {"a": np.float32([1, 2]), "b": np.array(b"x")}
    assert kills.same(one, {name: value.copy() for name, value in one.items()})
    assert not kills.same(one, {**one, "a": np.nextafter(one["a"], np.float32(9))})
    assert not kills.same(one, {"a": one["a"]})
