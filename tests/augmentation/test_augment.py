import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipeline import geometry
from data_pipeline.augmentation import augment
from data_pipeline.skeleton import INDEX, JOINTS, MIRROR

CROP, PATCH = 32, 56  # 1.75 times the crop, as 448 is of 256
WRIST = INDEX["right_wrist"]


def chosen(*, angle=0.0, scale=1.0, flip=False, gain=(1, 1, 1)):
    return {
        "angle": tf.constant([angle], tf.float32),
        "scale": tf.constant([scale], tf.float32),
        "flip": tf.constant([flip]),
        "gain": tf.constant([gain], tf.float32),
    }


def batch(patch=None, joints=None, annotated=None, visible=None, head_size=5.0, patch_size=PATCH):
    """One person; joints are in the middle of the patch, annotated and visible if not given."""
    patch = np.zeros((patch_size, patch_size, 3), np.uint8) if patch is None else patch
    joints = np.full((16, 2), (patch_size - 1) / 2) if joints is None else joints
    return {
        "patch": tf.constant(patch[None]),
        "joints_patch": tf.constant(joints[None], tf.float32),
        "annotated": tf.constant(np.ones((1, 16), bool) if annotated is None else annotated[None]),
        "visible": tf.constant(np.ones((1, 16), bool) if visible is None else visible[None]),
        "head_size_patch": tf.constant([head_size], tf.float32),
    }


def all_different():
    """Joints, annotated and visible flags (16, ...) by which every joint can be told from its mirror image."""
    joints = np.stack([np.arange(16) + 20, 40 - np.arange(16)], axis=-1).astype(np.float32)
    return joints, np.array([name.startswith("right") for name in JOINTS]), np.arange(16) == WRIST


@pytest.mark.parametrize(("crop_size", "patch_size"), [(32, 56), (256, 448)], ids=["32 of 56", "256 of 448"])
def test_identity_takes_exactly_the_middle_of_the_patch(crop_size, patch_size):
    patch = np.random.default_rng(0).integers(0, 256, (patch_size, patch_size, 3), np.uint8)
    crops = augment.make_crops(batch(patch, patch_size=patch_size), augment.identity(1), crop_size)
    edge = (patch_size - crop_size) // 2
    middle = patch[edge : edge + crop_size, edge : edge + crop_size]
    np.testing.assert_array_equal(crops["crop"][0], middle.astype(np.float32) * np.float32(1 / 255))


def test_identity_moves_joints_with_the_middle_of_the_patch():
    # The crop begins 12 pixels into the patch: crop pixel 9.5 is the middle of heatmap pixel 2.
    joints = np.full((16, 2), 12.0)
    joints[WRIST] = 21.5, 12
    crops = augment.make_crops(batch(joints=joints), augment.identity(1), CROP)
    np.testing.assert_allclose(crops["joints_heatmap"][0, WRIST], [2, -0.375])


def test_a_crop_of_larger_scale_shows_more_of_the_patch():
    patch = np.full((PATCH, PATCH, 3), 255, np.uint8)
    scaled = augment.make_crops(batch(patch), chosen(scale=2.0), CROP)["crop"].numpy()[0, ..., 0]
    # 64 patch pixels across: the patch's 56 fill 28 crop pixels, two are black on either side.
    assert scaled[16].tolist() == [0, 0] + [1] * 28 + [0, 0]


def test_flipping_twice_is_the_identity():
    joints, annotated, visible = (tf.constant(value[None]) for value in all_different())
    for values in (joints, annotated, visible):
        once = augment.mirror_joints(values, tf.constant([True]))
        assert (once.numpy() != values.numpy()).any()
        np.testing.assert_array_equal(augment.mirror_joints(once, tf.constant([True])), values)


def test_a_flip_mirrors_the_crop():
    patch = np.random.default_rng(0).integers(0, 256, (PATCH, PATCH, 3), np.uint8)
    plain, flipped = (augment.make_crops(batch(patch), chosen(flip=flip), CROP)["crop"] for flip in (False, True))
    np.testing.assert_array_equal(flipped[0], plain[0, :, ::-1])


def test_a_flip_swaps_left_and_right():
    joints, annotated, visible = all_different()
    data = batch(joints=joints, annotated=annotated, visible=visible)
    plain, flipped = (augment.make_crops(data, chosen(flip=flip), CROP) for flip in (False, True))
    mirror = list(MIRROR)
    expected = plain["joints_heatmap"].numpy()[0, mirror]
    expected[:, 0] = CROP // geometry.STRIDE - 1 - expected[:, 0]
    np.testing.assert_allclose(flipped["joints_heatmap"][0], expected, atol=1e-5)
    np.testing.assert_array_equal(flipped["annotated"][0], annotated[mirror])
    np.testing.assert_array_equal(flipped["visible"][0], visible[mirror])
    assert np.flatnonzero(flipped["visible"][0]).tolist() == [INDEX["left_wrist"]]


def test_whether_occlusion_is_known_is_passed_on():
    for flags, expected in (({"occlusion_known": tf.constant([False])}, [False]), ({}, [True])):
        found = augment.make_crops(batch() | flags, chosen(flip=True), CROP)["occlusion_known"]
        assert (found.dtype, found.numpy().tolist()) == (tf.bool, expected)


def test_only_flipped_people_of_a_batch_are_mirrored():
    values = tf.constant(np.tile(np.arange(16.0), (2, 1)))
    found = augment.mirror_joints(values, tf.constant([False, True]))
    np.testing.assert_array_equal(found, [np.arange(16), MIRROR])


changes = st.fixed_dictionaries(
    {"angle": st.floats(-math.pi / 6, math.pi / 6), "scale": st.floats(0.75, 1.25), "flip": st.booleans()}
)


@settings(max_examples=30)
@given(changes, st.lists(st.tuples(st.floats(0, 55), st.floats(0, 55)), min_size=16, max_size=16))
def test_moved_joints_go_back_by_the_map_of_the_crop(change, places):
    joints = np.array(places)
    matrix = augment.crop_to_patch(chosen(**change), CROP, PATCH)
    moved = augment.move_joints(matrix, tf.constant(joints[None], tf.float32))
    np.testing.assert_allclose(geometry.apply(matrix, moved)[0], joints, atol=1e-3)


def dot(x, y):
    """A patch with a bright dot about (x, y)."""
    row, column = np.mgrid[:PATCH, :PATCH]
    bright = 255 * np.exp(-((column - x) ** 2 + (row - y) ** 2) / 8)
    return np.repeat(np.round(bright)[..., None], 3, axis=-1).astype(np.uint8)


@settings(max_examples=30)
@given(changes, st.floats(24, 31), st.floats(24, 31))
def test_a_dot_drawn_at_a_joint_is_where_the_joint_goes(change, x, y):
    joints = np.full((16, 2), 3.0)
    joints[WRIST] = x, y
    crops = augment.make_crops(batch(dot(x, y), joints), chosen(**change), CROP)
    crop = crops["crop"].numpy()[0, ..., 0]
    row, column = np.mgrid[:CROP, :CROP]
    seen = np.array([(crop * column).sum(), (crop * row).sum()]) / crop.sum()
    joint = MIRROR[WRIST] if change["flip"] else WRIST
    np.testing.assert_allclose(geometry.heatmap_to_crop(crops["joints_heatmap"][0, joint]), seen, atol=0.1)


def test_a_turn_by_hand():
    # A quarter turn: what is 4 crop pixels right of the crop's centre comes from 4 patch pixels below the patch's.
    matrix = augment.crop_to_patch(chosen(angle=math.pi / 2), CROP, PATCH)
    np.testing.assert_allclose(geometry.apply(matrix, np.array([[[19.5, 15.5]]])), [[[27.5, 31.5]]], atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "pixels"), [(1.0, 6.4), (1.25, 5.12), (0.8, 8.0)], ids=["plain", "shows more", "shows less"]
)
def test_mpii_heads_in_heatmap_pixels(scale, pixels):
    # MPII's head is a tenth of the crop: 25.6 pixels of a crop of 256, 6.4 of its heatmap, so 0.5 heads are 3.2.
    data = batch(head_size=25.6, patch_size=448)
    found = augment.make_crops(data, chosen(scale=scale), 256)["head_size_heatmap"]
    assert found.numpy().tolist() == [pytest.approx(pixels)]


def test_colour_multiplies_channels_and_stays_within_1():
    patch = np.full((PATCH, PATCH, 3), 102, np.uint8)
    crop = augment.make_crops(batch(patch), chosen(gain=(0.5, 1.25, 3)), CROP)["crop"]
    np.testing.assert_allclose(crop[0, 0, 0], [0.2, 0.5, 1.0], rtol=1e-6)


def sampled(seed, ranges=None, people=1000):
    drawn = augment.sample(people, tf.constant(seed, tf.int64), ranges or augment.Ranges())
    return {name: value.numpy() for name, value in drawn.items()}


def test_the_same_seed_gives_the_same_augmentations():
    first, second = sampled([3, 7]), sampled([3, 7])
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name])


@pytest.mark.parametrize("seed", [[3, 8], [4, 7]], ids=["another step", "another run"])
def test_another_seed_gives_other_augmentations(seed):
    first, second = sampled([3, 7]), sampled(seed)
    for name, values in first.items():
        assert (values != second[name]).any()


def test_ranges_are_kept_and_filled():
    drawn = sampled([0, 0], augment.Ranges(rotation=30, scale=0.25, flip=0.5, color=0.4))
    for values, low, high in (
        (np.degrees(drawn["angle"]), -30, 30),
        (drawn["scale"], 0.75, 1.25),
        (drawn["gain"], 0.6, 1.4),
    ):
        assert low <= values.min() < low + 0.03 * (high - low)
        assert high - 0.03 * (high - low) < values.max() <= high
    assert 0.45 < drawn["flip"].mean() < 0.55


def test_channels_vary_by_themselves():
    correlation = np.corrcoef(sampled([0, 0])["gain"].T)
    assert np.abs(correlation - np.eye(3)).max() < 0.1


def test_ranges_of_nothing_are_the_identity():
    drawn, expected = sampled([0, 0], augment.Ranges(0, 0, 0, 0), people=4), augment.identity(4)
    for name, values in drawn.items():
        np.testing.assert_array_equal(values, expected[name])


def test_a_flip_probability_of_1_mirrors_everybody():
    assert sampled([0, 0], augment.Ranges(flip=1.0))["flip"].all()
