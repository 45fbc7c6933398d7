"""The patch of a record: the square around a person, cut out of the photograph, and everything in its frame.

No TensorFlow here: the processes that build records start without it.
"""

from typing import Any

import cv2
import numpy as np

from data_pipeline import geometry
from data_pipeline.common.errors import UserError
from data_pipeline.readers.person import Person, nonsense

JPEG_QUALITY = 92
# A square of more pixels a side is never held whole, but made narrow by so many rows at a time.
LARGE_SIDE, STRIP = 8192, 256


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
    part = image[rows, columns]
    if side > LARGE_SIDE and size <= side:
        return _cut_large(part, rows.start - top, columns.start - left, side, size)
    square = np.zeros((side, side, 3), np.uint8)
    if part.size:
        square[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = part
    method = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(square, (size, size), interpolation=method)


def _cut_large(part, down, across, side, size):
    """`cut` of a square in which `part` lies at `down` and `across`, rows first narrowed and then put together."""
    narrow = np.zeros((side, size, 3), np.uint8)
    for first in range(0, len(part) if part.size else 0, STRIP):
        rows = part[first : first + STRIP]
        strip = np.zeros((len(rows), side, 3), np.uint8)
        strip[:, across : across + rows.shape[1]] = rows
        narrowed = cv2.resize(strip, (size, len(rows)), interpolation=cv2.INTER_AREA)
        narrow[down + first : down + first + len(rows)] = narrowed
    return cv2.resize(narrow, (size, size), interpolation=cv2.INTER_AREA)


def values(person: Person, image: np.ndarray, patch_size: int, split: str) -> dict[str, Any]:
    """What a record of a person holds, by the names of `record_format.features`.

    Args:
        person: a `person.Person`.
        image: [H, W, 3] uint8 RGB, the photograph.
        patch_size: side of the patch in pixels; 448 keeps a crop of 256 whole (`geometry.PATCH_RATIO`).
        split: the split that the record is written to.

    Returns:
        A dict of bytes, numbers and arrays.

    Raises:
        UserError: a number of the person's is not finite or out of bounds; `person.collect` leaves such people out.
    """
    reason = nonsense(person)
    if reason:
        raise UserError(f"Person {person.person_index} of {person.image} cannot be a record: {reason}")
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
