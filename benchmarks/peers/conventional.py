"""What public hourglass loaders do for each sample on the host, in numpy and OpenCV, to compare the pipeline with.

`load` takes the steps of pytorch-pose (github.com/bearpaw/pytorch-pose, `pose/datasets/mpii.py`, `pose/utils`) in its
order and layout: the whole photograph is read and made a float image within 0 and 1, flipped and its channels
multiplied and clipped one by one; scale and rotation are clipped normal draws; the crop is cut, turned and shrunk; the
mean colour is subtracted; a 7x7 window of a Gaussian is pasted into an empty 64x64 map for each joint. It does less
than pytorch-pose: one `cv2.warpAffine` where that cuts, turns (`scipy.misc.imrotate`) and shrinks (`imresize`), float32
where its flip passes through float64, and OpenCV's reader where it takes Pillow's.

`load_uint8` is the lightest in common use, after HRNet (github.com/leoxiaobin/deep-high-resolution-net.pytorch,
`lib/dataset/JointsDataset.py`): the photograph stays uint8, OpenCV flips it, and only the crop becomes float. HRNet
leaves colours alone; here they are varied on the crop, as the first hourglass code does.
"""

import math
import os
from typing import Any

import cv2
import numpy as np

from data_pipeline import geometry
from data_pipeline.common.files import StrPath
from data_pipeline.readers.person import Person
from data_pipeline.skeleton import MIRROR

MEAN = np.array([0.4404, 0.4440, 0.4327], np.float32)
ROTATION, SCALE, COLOR, FLIP = 30.0, 0.25, 0.4, 0.5
# The share of samples that are turned at all.
TURNED = 0.6
SIGMA = 1


def draw(rng: np.random.Generator) -> dict[str, Any]:
    """Draws one augmentation: a dict of `angle` (degrees), `scale`, `flip` (bool) and `gain` [3] float32."""
    return {
        "angle": float(np.clip(rng.normal() * ROTATION, -2 * ROTATION, 2 * ROTATION)) if rng.random() < TURNED else 0.0,
        "scale": float(np.clip(1 + rng.normal() * SCALE, 1 - SCALE, 1 + SCALE)),
        "flip": bool(rng.random() < FLIP),
        "gain": rng.uniform(1 - COLOR, 1 + COLOR, 3).astype(np.float32),
    }


def unchanged() -> dict[str, Any]:
    """What `draw` returns, with nothing changed."""
    return {"angle": 0.0, "scale": 1.0, "flip": False, "gain": np.ones(3, np.float32)}


def image_to_crop(center_image: np.ndarray, side_image: float, angle: float, crop_size: int) -> np.ndarray:
    """The (2, 3) map from photograph to crop pixels, pixel centres at integers as in `data_pipeline.geometry`."""
    matrix = cv2.getRotationMatrix2D((float(center_image[0]), float(center_image[1])), angle, crop_size / side_image)
    matrix[:, 2] += (crop_size - 1) / 2 - np.asarray(center_image)
    return matrix


def _read(folder, person):
    """The photograph, [H, W, 3] uint8 RGB."""
    return cv2.cvtColor(cv2.imread(os.path.join(folder, person.image)), cv2.COLOR_BGR2RGB)


def _place(person, chosen, width):
    """The person's joints, flags and crop centre in the photograph as `chosen` flips it."""
    joints_image, center = person.joints_image.copy(), person.center_image.copy()
    annotated, visible = person.annotated, person.visible
    if chosen["flip"]:
        joints_image[:, 0] = width - 1 - joints_image[:, 0]
        center[0] = width - 1 - center[0]
        joints_image, annotated, visible = (values[list(MIRROR)] for values in (joints_image, annotated, visible))
    return joints_image, annotated, visible, center


def heatmap(joint_heatmap: np.ndarray | None, size: int) -> np.ndarray:
    """Pastes the 7x7 window of a Gaussian around the nearest pixel, as `draw_gaussian` of the hourglass does.

    Args:
        joint_heatmap: (x, y) heatmap pixels, or None for an empty map.
        size: side of the map in pixels.

    Returns:
        [size, size] float32 of peak 1; zeros where the window lies outside.
    """
    target = np.zeros((size, size), np.float32)
    if joint_heatmap is None:
        return target
    reach = 3 * SIGMA
    left, top = (math.floor(place + 0.5) - reach for place in joint_heatmap)
    side = 2 * reach + 1
    if left >= size or top >= size or left + side <= 0 or top + side <= 0:
        return target
    x = np.arange(side, dtype=np.float32)
    window = np.exp(-((x - reach) ** 2 + (x[:, None] - reach) ** 2) / (2 * SIGMA**2))
    rows, columns = slice(max(0, top), min(top + side, size)), slice(max(0, left), min(left + side, size))
    target[rows, columns] = window[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return target


def targets(
    joints_heatmap: np.ndarray, annotated: np.ndarray, visible: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pose maps of the annotated joints and occlusion maps of the hidden ones, each [16, size, size] float32."""
    joints = list(zip(joints_heatmap, annotated, visible, strict=True))
    pose = np.stack([heatmap(joint if known else None, size) for joint, known, _ in joints])
    occlusion = np.stack([heatmap(joint if known and not seen else None, size) for joint, known, seen in joints])
    return pose, occlusion


def _sample(crop, matrix, placed):
    """The crop, channels first, with its joints and their maps."""
    joints_image, annotated, visible, _ = placed
    joints_heatmap = geometry.crop_to_heatmap(geometry.apply(matrix, joints_image))
    pose, occlusion = targets(joints_heatmap, annotated, visible, len(crop) // geometry.STRIDE)
    channels_first = np.ascontiguousarray(crop.transpose(2, 0, 1))
    return {"crop": channels_first, "joints_heatmap": joints_heatmap, "pose": pose, "occlusion": occlusion}


def load(folder: StrPath, person: Person, chosen: dict[str, Any], crop_size: int) -> dict[str, np.ndarray]:
    """One sample as pytorch-pose makes it.

    Args:
        folder: of the photographs.
        person: a `person.Person` with a crop.
        chosen: from `draw` or `unchanged`.
        crop_size: side of the crop in pixels.

    Returns:
        A dict: `crop` [3, S, S] float32 less the mean colour, `joints_heatmap` [16, 2], and `pose` and `occlusion`
        [16, S / 4, S / 4] float32.
    """
    image = _read(folder, person).astype(np.float32) / 255
    placed = _place(person, chosen, image.shape[1])
    if chosen["flip"]:
        image = np.ascontiguousarray(image[:, ::-1])
    for channel, gain in zip(np.moveaxis(image, 2, 0), chosen["gain"], strict=True):
        channel *= gain
        np.clip(channel, 0, 1, out=channel)
    matrix = image_to_crop(placed[-1], person.side_image * chosen["scale"], chosen["angle"], crop_size)
    crop = cv2.warpAffine(image, matrix, (crop_size, crop_size)) - MEAN
    return _sample(crop, matrix, placed)


def load_uint8(folder: StrPath, person: Person, chosen: dict[str, Any], crop_size: int) -> dict[str, np.ndarray]:
    """The same sample, as `load` gives it, with the photograph kept uint8 and the colours varied on the crop."""
    image = _read(folder, person)
    placed = _place(person, chosen, image.shape[1])
    if chosen["flip"]:
        image = cv2.flip(image, 1)
    matrix = image_to_crop(placed[-1], person.side_image * chosen["scale"], chosen["angle"], crop_size)
    crop = cv2.warpAffine(image, matrix, (crop_size, crop_size)).astype(np.float32) / 255
    crop = np.clip(crop * chosen["gain"], 0, 1) - MEAN
    return _sample(crop, matrix, placed)
