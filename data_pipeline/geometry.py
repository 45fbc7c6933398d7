"""The one coordinate convention of the project, and the maps between its frames.

Every point is (x, y), 0-based, with pixel centres at integers: a frame of size S spans [-0.5, S - 0.5]. Names end in
their frame:

- `_image`: the photograph;
- `_patch`: the square cut around the person, `PATCH_RATIO` times as wide as the crop, that a record stores;
- `_crop`: what the networks see;
- `_heatmap`: their output, a quarter of the crop.

Frames share their centres where one is cut from the other. A map is a 2x3 matrix: `target = matrix @ (x, y, 1)`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

# Room for the largest augmentation: 1.25 times the scale, turned by 30 degrees, needs 1.25 (cos 30 + sin 30) = 1.71.
PATCH_RATIO = 1.75

# Crop pixels to a heatmap pixel, both ways (Section 2.1: a stride-2 convolution and one max pooling).
STRIDE = 4


def square_around(center_image: Sequence[float] | np.ndarray, side_image: float) -> tuple[int, int, int]:
    """Rounds a square to whole pixels.

    Args:
        center_image: (x, y) of its centre, image pixels.
        side_image: its side in image pixels, above 0.

    Returns:
        `(left, top, side)` integers: the first column and row inside, and the number of columns and rows.

    Raises:
        ValueError: the side is not above 0 or a number is not finite.
    """
    values = np.array([center_image[0], center_image[1], side_image], np.float64)
    if not np.isfinite(values).all() or side_image <= 0:
        raise ValueError(f"A square needs a finite centre and a side above 0. Received: {center_image}, {side_image}")
    side = max(1, round(float(side_image)))
    left, top = np.round(values[:2] - (side - 1) / 2).astype(int)
    return int(left), int(top), side


def patch_to_image(left: int, top: int, side: int, patch_size: int) -> np.ndarray:
    """The map from a patch of `patch_size` pixels to the square of the image that it shows.

    Args:
        left, top, side: from `square_around`.
        patch_size: side of the patch in patch pixels.

    Returns:
        (2, 3) float64.
    """
    scale = side / patch_size
    return np.array([[scale, 0, left - 0.5 + 0.5 * scale], [0, scale, top - 0.5 + 0.5 * scale]])


def invert(matrix: np.ndarray) -> np.ndarray:
    """The inverse of (2, 3) or (N, 2, 3) maps."""
    matrix = np.asarray(matrix, np.float64)
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def apply(matrix: np.ndarray, points: ArrayLike) -> np.ndarray:
    """Maps points.

    Args:
        matrix: (2, 3), or (N, 2, 3) for a map per row of points.
        points: (..., 2), or (N, J, 2).

    Returns:
        Points of the same shape, float64.
    """
    matrix, points = np.asarray(matrix, np.float64), np.asarray(points, np.float64)
    return points @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def heatmap_to_crop(points_heatmap: Any) -> Any:
    """Heatmap pixels to crop pixels; numpy or TensorFlow."""
    return points_heatmap * STRIDE + (STRIDE - 1) / 2


def crop_to_heatmap(points_crop: Any) -> Any:
    """Crop pixels to heatmap pixels; numpy or TensorFlow."""
    return (points_crop - (STRIDE - 1) / 2) / STRIDE
