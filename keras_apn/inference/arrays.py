"""From photographs and boxes to joints in NumPy, as `pose_estimator` does it in TensorFlow."""

import math
from collections.abc import Sequence

import numpy as np

from data_pipeline.geometry import heatmap_to_crop
from data_pipeline.skeleton import MPII16, Skeleton

# A crop is a quarter wider than the box around a person, as MPII's is than the person's height.
BOX_MARGIN = 1.25
# Of a request to a server; more are asked for in another.
MOST_PEOPLE = 128


def square_of_box(box: Sequence[float] | None, height: int, width: int) -> tuple[np.ndarray, float]:
    """The square that a box's crop shows.

    Args:
        box: x, y, width and height in pixels from the image's corner; None means the whole image.
        height, width: of the image.

    Returns:
        `(center_image [2], side_image)`: pixel centres at integers, as everywhere.
    """
    if box is None:
        return np.array([width, height]) / 2.0 - 0.5, float(max(width, height))
    x, y, wide, high = box
    return np.array([x + wide / 2.0, y + high / 2.0]) - 0.5, BOX_MARGIN * max(wide, high)


def crop_image(image: np.ndarray, center_image: np.ndarray, side_image: float, crop_size: int) -> np.ndarray:
    """Cuts one square out of an image, smoothing where it gets smaller; black outside.

    The same as TensorFlow's ScaleAndTranslate with its triangle and antialiasing: along each axis a pixel is the mean
    of those of the image within reach, weighted by their distance.

    Args:
        image: [H, W, 3] uint8.
        center_image, side_image: from `square_of_box`.
        crop_size: side of the crop in pixels.

    Returns:
        [crop_size, crop_size, 3] float32 within 0 and 1.
    """
    left, top = np.asarray(center_image) + 0.5 - side_image / 2.0
    rows = _taps(image.shape[0], top, side_image, crop_size)
    columns = _taps(image.shape[1], left, side_image, crop_size)
    smaller = _resampled(image, *rows)
    crop = _resampled(smaller.transpose(1, 0, 2), *columns).transpose(1, 0, 2)
    return np.clip(crop / np.float32(255.0), 0.0, 1.0)


def _taps(length, start, side, size):
    """Of each of `size` pixels which of `length` it is made of, and their weights: two lists over the taps."""
    step = side / size
    reach = max(step, 1.0)
    middle = start + (np.arange(size) + 0.5) * step
    first = np.ceil(middle - reach - 0.5).astype(int)
    weights, places = [], []
    for tap in range(math.ceil(2.0 * reach) + 1):
        place = first + tap
        weight = np.maximum(0.0, 1.0 - np.abs(place + 0.5 - middle) / reach)
        weights.append(np.where((place >= 0) & (place < length), weight, 0.0))
        places.append(np.clip(place, 0, length - 1))
    total = np.sum(weights, axis=0)
    inside = (middle >= 0) & (middle <= length) & (total > 0)
    scale = np.where(inside, 1.0 / np.where(inside, total, 1.0), 0.0)
    return places, [(weight * scale).astype(np.float32) for weight in weights]


def _resampled(image, places, weights):
    """The rows of an image weighted and added, [S, W, 3] float32."""
    result = np.zeros((len(places[0]), *image.shape[1:]), np.float32)
    for place, weight in zip(places, weights, strict=True):
        used = weight > 0
        if used.any():
            result[used] += weight[used, None, None] * image[place[used]]
    return result


def joints_to_image(joints_crop: np.ndarray, center_image: np.ndarray, side_image: float, crop_size: int) -> np.ndarray:
    """Crop pixels to image pixels, [..., 2]."""
    return center_image + (joints_crop - (crop_size - 1) / 2) * (side_image / crop_size)


def joints_in_maps(maps: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What heatmaps say.

    Args:
        maps: `pose` and, unless single-task, `occlusion`: [B, H, H, J] float32.

    Returns:
        `joints` [B, J, 2] float32 crop pixels, `scores` [B, J], the peaks' heights clipped to 0 and 1, and, unless
        single-task, `occluded` [B, J], probabilities: each as `data_pipeline.decode` defines it.
    """
    pose = _flat(maps["pose"])
    size = maps["pose"].shape[1]
    peak = pose.argmax(-1)
    y, x = np.divmod(peak, size)

    def at(values, x, y):
        return np.take_along_axis(values, (y * size + x)[..., None], -1)[..., 0]

    def refined(index, value_at):
        higher, lower = value_at(np.minimum(index + 1, size - 1)), value_at(np.maximum(index - 1, 0))
        return index + 0.25 * ((index > 0) & (index < size - 1)) * np.sign(higher - lower)

    places = [refined(x, lambda v: at(pose, v, y)), refined(y, lambda v: at(pose, x, v))]
    height = at(pose, x, y)
    found = {
        "joints": heatmap_to_crop(np.stack(places, -1)).astype(np.float32),
        "scores": np.clip(height, 0.0, 1.0),
    }
    if "occlusion" in maps:
        hidden = at(_flat(maps["occlusion"]), x, y)
        found["occluded"] = np.clip(hidden / np.maximum(height, 1e-3), 0.0, 1.0)
    return found


def mirrored(maps: dict[str, np.ndarray], skeleton: Skeleton = MPII16) -> dict[str, np.ndarray]:
    """Heatmaps of a mirrored crop as those of the crop: [B, H, H, J], left and right joints exchanged."""
    return {task: values[:, :, ::-1][..., list(skeleton.mirror)] for task, values in maps.items()}


def _flat(maps):
    """[B, H, H, J] to [B, J, H * H]."""
    return maps.transpose(0, 3, 1, 2).reshape(maps.shape[0], maps.shape[3], -1)
