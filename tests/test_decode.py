import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import decode, heatmaps


def one_map(**pixels):
    """[1, 8, 10, 1] zeros with values at `x3y4`."""
    maps = np.zeros((1, 8, 10, 1), np.float32)
    for place, value in pixels.items():
        x, y = place[1:].split("y")
        maps[0, int(y), int(x), 0] = value
    return tf.constant(maps)


def place(maps):
    return decode.decode(maps)[0].numpy()[0, 0].tolist()


def test_a_lone_peak_is_where_it_is():
    joints, scores = decode.decode(one_map(x3y4=0.7))
    assert joints.numpy().tolist() == [[[3, 4]]]
    assert scores.numpy().tolist() == [[pytest.approx(0.7)]]


@pytest.mark.parametrize(
    ("neighbour", "expected"),
    [("x4y4", [3.25, 4]), ("x2y4", [2.75, 4]), ("x3y5", [3, 4.25]), ("x3y3", [3, 3.75])],
    ids=["right", "left", "below", "above"],
)
def test_a_quarter_pixel_toward_the_higher_neighbour(neighbour, expected):
    assert place(one_map(x3y4=1, **{neighbour: 0.5})) == expected


@pytest.mark.parametrize(
    ("peak", "neighbour", "expected"),
    [
        ("x0y4", "x1y4", [0, 4]),
        ("x9y4", "x8y4", [9, 4]),
        ("x3y0", "x3y1", [3, 0]),
        ("x3y7", "x3y6", [3, 7]),
        ("x0y4", "x0y5", [0, 4.25]),
    ],
    ids=["left", "right", "top", "bottom", "along the left"],
)
def test_no_move_across_the_border(peak, neighbour, expected):
    assert place(one_map(**{peak: 1, neighbour: 0.5})) == expected


@pytest.mark.parametrize(
    ("peak", "neighbour", "expected"),
    [
        ("x1y4", "x0y4", [0.75, 4]),
        ("x8y4", "x9y4", [8.25, 4]),
        ("x3y1", "x3y0", [3, 0.75]),
        ("x3y6", "x3y7", [3, 6.25]),
    ],
    ids=["left", "right", "top", "bottom"],
)
def test_a_peak_beside_the_border_moves_toward_it(peak, neighbour, expected):
    assert place(one_map(**{peak: 1, neighbour: 0.5})) == expected


def test_negative_maps_have_a_peak_too():
    assert place(one_map(x3y4=1) - 5) == [3, 4]


def test_each_map_has_its_own_peak():
    places = np.array([[[2, 3], [5, 6]], [[7, 1], [4, 4]]], np.float32)
    maps = heatmaps.draw(tf.constant(places), tf.ones([2, 2], tf.bool), 10, 1.0)
    np.testing.assert_array_equal(decode.decode(maps)[0], places)


def test_drawn_then_decoded_is_within_half_a_pixel():
    places = np.random.default_rng(0).uniform(2, 61, (64, 16, 2)).astype(np.float32)
    maps = heatmaps.draw(tf.constant(places), tf.ones([64, 16], tf.bool), 64, 1.0)
    errors = np.linalg.norm(decode.decode(maps)[0] - places, axis=-1)
    # A quarter off on either axis at worst, an eighth on average.
    assert errors.max() < 0.5
    assert errors.mean() < 0.25


@pytest.mark.parametrize("hidden", [0.0, 0.5, 1.0])
def test_occlusion_probability_is_the_ratio_at_the_peak(hidden):
    pose, occlusion = one_map(x3y4=0.8, x6y6=0.2), one_map(x3y4=0.8 * hidden, x6y6=1)
    assert decode.occlusion_probability(pose, occlusion).numpy().tolist() == [[pytest.approx(hidden)]]


@pytest.mark.parametrize(
    ("pose", "occlusion", "expected"),
    [(0.5, 0.7, 1), (0.5, -0.2, 0), (0.0, 0.0, 0)],
    ids=["above 1", "below 0", "empty maps"],
)
def test_occlusion_probability_stays_within_0_and_1(pose, occlusion, expected):
    found = decode.occlusion_probability(one_map(x3y4=pose), one_map(x3y4=occlusion))
    assert found.numpy().tolist() == [[expected]]
