import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline import geometry

finite = st.floats(-1000, 1000)


@pytest.mark.parametrize(
    ("center", "side", "square"),
    [
        ((10, 20), 5, (8, 18, 5)),
        ((9.5, 19.5), 4, (8, 18, 4)),
        ((10, 20), 5.4, (8, 18, 5)),
        ((0, 0), 5, (-2, -2, 5)),
        ((10, 20), 0.2, (10, 20, 1)),
        ((10.4, 19.6), 5, (8, 18, 5)),
    ],
    ids=[
        "odd side",
        "even side between pixels",
        "rounded side",
        "beyond the image",
        "at least one pixel",
        "nearest pixel",
    ],
)
def test_square_around_is_whole_pixels(center, side, square):
    found = geometry.square_around(center, side)
    assert found == square
    assert all(type(value) is int for value in found)


@pytest.mark.parametrize(
    ("center", "side"),
    [((0, 0), 0), ((0, 0), -1), ((np.nan, 0), 5), ((0, np.inf), 5), ((0, 0), np.nan)],
    ids=["no side", "negative side", "x is nan", "y is infinite", "side is nan"],
)
def test_square_around_refuses_what_is_no_square(center, side):
    with pytest.raises(ValueError, match="A square needs a finite centre and a side above 0"):
        geometry.square_around(center, side)


@pytest.mark.parametrize(
    ("patch", "image"),
    [((-0.5, -0.5), (7.5, 17.5)), ((0, 0), (7.75, 17.75)), ((4.5, 4.5), (10, 20)), ((9.5, 9.5), (12.5, 22.5))],
    ids=["upper left corner", "first pixel", "middle", "lower right corner"],
)
def test_patch_to_image_has_pixel_centres_at_integers(patch, image):
    # Columns 8 to 12 and rows 18 to 22 shown by 10 x 10 pixels of half the size.
    matrix = geometry.patch_to_image(8, 18, 5, 10)
    np.testing.assert_allclose(geometry.apply(matrix, np.array([patch])), [image])


def test_a_patch_of_the_squares_own_size_is_a_shift():
    np.testing.assert_array_equal(geometry.patch_to_image(8, -3, 5, 5), [[1, 0, 8], [0, 1, -3]])


@given(st.integers(-500, 500), st.integers(-500, 500), st.integers(1, 2000), st.integers(1, 512))
def test_a_patch_and_its_square_share_their_centre(left, top, side, patch_size):
    matrix = geometry.patch_to_image(left, top, side, patch_size)
    middle = np.full((1, 2), (patch_size - 1) / 2)
    centre = [[left + (side - 1) / 2, top + (side - 1) / 2]]
    np.testing.assert_allclose(geometry.apply(matrix, middle), centre, rtol=0, atol=1e-9)


def turned(angle, scale, x, y):
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


maps = st.builds(turned, st.floats(-4, 4), st.floats(0.05, 20), finite, finite)


@given(maps, st.lists(st.tuples(finite, finite), min_size=1, max_size=5))
def test_a_map_and_its_inverse_are_the_identity(matrix, points):
    there = geometry.apply(matrix, np.array(points))
    np.testing.assert_allclose(geometry.apply(geometry.invert(matrix), there), points, atol=1e-6)


@given(maps, maps, st.lists(st.tuples(finite, finite), min_size=1, max_size=5))
def test_a_batch_of_maps_is_each_map_by_itself(first, second, points):
    both, points = np.stack([first, second]), np.array(points)
    moved = geometry.apply(both, np.stack([points, points]))
    one_by_one = [geometry.apply(first, points), geometry.apply(second, points)]
    np.testing.assert_allclose(moved, one_by_one, rtol=0, atol=1e-9)
    inverses = [geometry.invert(first), geometry.invert(second)]
    np.testing.assert_allclose(geometry.invert(both), inverses, rtol=1e-9, atol=1e-9)


def test_apply_by_hand():
    # A quarter turn, doubled, then moved by (1, 2).
    matrix = np.array([[0, -2, 1], [2, 0, 2]])
    np.testing.assert_array_equal(geometry.apply(matrix, np.array([[3, 4], [0, 0]])), [[-7, 8], [1, 2]])


@pytest.mark.parametrize(
    ("heatmap", "crop"),
    [(-0.5, -0.5), (0.0, 1.5), (31.5, 127.5), (63.5, 255.5)],
    ids=["first edge", "first pixel", "middle", "last edge"],
)
def test_heatmap_and_crop_share_their_edges(heatmap, crop):
    assert geometry.heatmap_to_crop(heatmap) == crop
    assert geometry.crop_to_heatmap(crop) == heatmap


@given(finite)
def test_crop_to_heatmap_and_back(crop):
    assert geometry.heatmap_to_crop(geometry.crop_to_heatmap(crop)) == pytest.approx(crop)
