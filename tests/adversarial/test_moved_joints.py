import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.skeleton import MIRROR
from keras_apn.adversarial import moved_joints

HEAD = 2.0


def places(people, seed=0):
    """True places far apart from each other: whatever is moved is away."""
    return np.random.default_rng(seed).uniform(0, 1000, (people, 16, 2)).astype(np.float32)


def move(joints, annotated=None, head=HEAD, seed=(3, 5)):
    annotated = np.ones(joints.shape[:2], bool) if annotated is None else annotated
    head = np.full(len(joints), head, np.float32)
    found = moved_joints.move(tf.constant(joints), tf.constant(head), tf.constant(annotated), tf.constant(seed))
    return [value.numpy() for value in found]


def kinds(joints, found):
    """Which joints were put on their mirror image, where the person before has them, elsewhere: [B, 16] bool each."""
    changed = (found != joints).any(-1)
    swapped = (found == joints[:, MIRROR]).all(-1) & changed
    anothers = (found == np.roll(joints, 1, 0)).all(-1) & changed
    return swapped, anothers, changed & ~swapped & ~anothers


def test_the_same_seed_moves_the_same_and_another_other_joints():
    joints = places(20)
    first, again, other = move(joints), move(joints), move(joints, seed=(3, 6))
    for value, expected in zip(again, first, strict=True):
        np.testing.assert_array_equal(value, expected)
    assert (first[1] != other[1]).any()
    assert (first[0] != other[0]).any()


def test_shares_over_many():
    joints = places(2000)
    found, moved = move(joints)
    swapped, anothers, displaced = kinds(joints, found)
    paired = np.array([MIRROR[i] != i for i in range(16)])
    # Of 32000 joints a share of 0.12 has a standard deviation of 0.002.
    assert swapped[:, paired].mean() == pytest.approx(moved_joints.SWAPPED, abs=0.01)
    assert not swapped[:, ~paired].any()
    assert anothers.mean() == pytest.approx(moved_joints.ANOTHERS, abs=0.01)
    assert displaced.mean() == pytest.approx(moved_joints.DISPLACED, abs=0.01)
    away = (found - joints)[displaced]
    assert away.mean(0) == pytest.approx([0, 0], abs=0.15)
    assert away.std(0) == pytest.approx([1.5 * HEAD] * 2, rel=0.05)
    assert moved.mean() == pytest.approx((swapped | anothers | displaced).mean(), abs=0.02)


def test_a_displacement_is_in_head_sizes():
    joints = places(50)
    small, large = (move(joints, head=head)[0] - joints for head in (1.0, 4.0))
    displaced = kinds(joints, move(joints)[0])[2]
    np.testing.assert_allclose(large[displaced], 4 * small[displaced], atol=1e-2)


def test_what_is_not_annotated_neither_moves_nor_lends_its_place():
    joints, rng = places(300), np.random.default_rng(1)
    annotated = rng.random((300, 16)) < 0.5
    joints[~annotated] = -777
    found, moved = move(joints, annotated)
    np.testing.assert_array_equal(found[~annotated], -777)
    assert not moved[~annotated].any()
    # A displaced joint is not by chance there; 1000 pixels and more away.
    assert (found[annotated] > -100).all()
    assert all(kind.any() for kind in kinds(joints, found))


@pytest.mark.parametrize(("pixels", "expected"), [(0.99, False), (1.01, True)], ids=["under", "over"])
def test_moved_is_half_a_head_size_away(pixels, expected):
    # Each has the joints of the person before, by so many pixels further: what goes there is that far from its place.
    joints = np.zeros((8, 16, 2), np.float32)
    joints[:, :, 0] = np.where(np.arange(8) % 2, pixels, 0)[:, None]
    found, moved = move(joints)
    away = np.linalg.norm(found - joints, axis=-1)
    there = np.isclose(away, pixels, atol=1e-6)
    assert there.any()
    assert (moved[there] == expected).all()
    np.testing.assert_array_equal(moved, away >= 0.5 * HEAD)


def test_joints_that_stay_keep_their_place_to_the_bit():
    joints = places(100)
    found, moved = move(joints)
    stays = ~np.logical_or.reduce(kinds(joints, found))
    assert stays.mean() > 0.5
    np.testing.assert_array_equal(found[stays], joints[stays])
    assert not moved[stays].any()


def test_every_second_person_is_left_whole_and_the_others_next_time():
    joints, head, annotated = places(5), np.full(5, HEAD, np.float32), np.ones((5, 16), bool)
    found = [
        [value.numpy() for value in moved_joints.of_every_second(joints, head, annotated, tf.constant([-1, -1 - step]))]
        for step in range(2)
    ]
    for (there, moved, scrambled), first in zip(found, (1, 0), strict=True):
        np.testing.assert_array_equal(np.flatnonzero(scrambled), range(first, 5, 2))
        np.testing.assert_array_equal(there[~scrambled], joints[~scrambled])
        assert not moved[~scrambled].any()
        assert moved[scrambled].any()
        assert (there[scrambled] != joints[scrambled]).any()
