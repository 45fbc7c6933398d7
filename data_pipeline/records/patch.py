"""The patch of a record: the square around a person, cut out of the photograph, and everything in its frame.

No TensorFlow here: the processes that build records start without it.
"""

from typing import Any

import cv2
import numpy as np

from data_pipeline import geometry
from data_pipeline.readers.person import Person

JPEG_QUALITY = 92


def cut(image: np.ndarray, left: int, top: int, side: int, size: int) -> np.ndarray:
    """Cuts a square out of an image, black where it leaves the image, and resizes it.

    Args:
        image: [H, W, 3] uint8.
        left, top, side: from `geometry.square_around`.
        size: side of the result in pixels.

    Returns:
        [size, size, 3] uint8, smoothed before it is made smaller.
    """
    height, width = image.shape[:2]
    rows = slice(max(top, 0), max(min(top + side, height), 0))
    columns = slice(max(left, 0), max(min(left + side, width), 0))
    square = np.zeros((side, side, 3), np.uint8)
    part = image[rows, columns]
    if part.size:
        square[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(square, (size, size), interpolation=method)


def values(person: Person, image: np.ndarray, patch_size: int, split: str) -> dict[str, Any]:
    """What a record of a person holds, by the names of `record_format.FEATURES`.

    Args:
        person: a `person.Person`.
        image: [H, W, 3] uint8 RGB, the photograph.
        patch_size: side of the patch in pixels; 448 keeps a crop of 256 whole (`geometry.PATCH_RATIO`).
        split: the split that the record is written to.

    Returns:
        A dict of bytes, numbers and arrays.
    """
    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    center = middle if person.center_image is None else person.center_image
    side = max(width, height) if person.side_image is None else person.side_image
    square = geometry.square_around(center, side * geometry.PATCH_RATIO)
    to_image = geometry.patch_to_image(*square, patch_size)
    patch = cv2.cvtColor(cut(image, *square, patch_size), cv2.COLOR_RGB2BGR)
    return {
        "patch/encoded": cv2.imencode(".jpg", patch, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes(),
        "patch/to_image": to_image,
        "joints/patch": geometry.apply(geometry.invert(to_image), person.joints_image) * person.annotated[:, None],
        "joints/annotated": person.annotated,
        "joints/visible": person.visible,
        "occlusion_known": person.occlusion_known,
        "head_size": person.head_size,
        "image": person.image.encode(),
        "person_index": person.person_index,
        "split": split.encode(),
    }
