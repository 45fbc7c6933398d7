"""Where a person is in a picture that comes without a box: the network is shown the whole and its parts, then what it
saw best.

One person is found. For several people give boxes.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from keras_apn.inference.arrays import BOX_MARGIN

# A joint's peak that tells where the person is: so high, and so high beside the person's highest. And how many.
LEAST_SCORE, LEAST_SHARE, LEAST_JOINTS = 0.1, 0.4, 3
# A box is so much larger than its joints: hands, feet and hair are beyond them.
AROUND_JOINTS = 1.2
# Of a picture's longer side: a smaller box shows a few joints of somebody, or nobody.
LEAST_SIDE = 0.05
# The sides of the squares that are looked at first, of the picture's longer side. Each overlaps the next by half.
SQUARES = (1.0, 0.7, 0.5)
# How often the crop then follows the joints before the last look.
ROUNDS = 2

Box = Sequence[float]
# Images with a box each, or None, to `(joints [N, J, 2] image pixels, scores [N, J])`.
Finder = Callable[[Sequence[tuple[np.ndarray, Box | None]]], tuple[np.ndarray, np.ndarray]]


def box_of_joints(joints: np.ndarray, scores: np.ndarray, around: float = AROUND_JOINTS) -> list[float] | None:
    """The box around a person's confident joints.

    Args:
        joints: [J, 2] image pixels.
        scores: [J], the heights of their peaks.
        around: how much larger than the joints it is, each way.

    Returns:
        x, y, width and height in pixels from the image's corner; None where fewer than `LEAST_JOINTS` are confident.
    """
    confident = scores >= max(LEAST_SCORE, LEAST_SHARE * float(scores.max()))
    if confident.sum() < LEAST_JOINTS:
        return None
    low, high = joints[confident].min(0), joints[confident].max(0)
    # A pixel's centre is an integer to a joint and a half to a box.
    middle, size = (low + high) / 2 + 0.5, np.maximum(high - low, 1.0) * around
    return [float(value) for value in (*(middle - size / 2), *size)]


def squares(height: int, width: int) -> list[list[float]]:
    """The boxes whose crops are the squares that are looked at first in a picture of so many pixels."""
    found = []
    for share in SQUARES:
        side = share * max(height, width)
        inner = side / BOX_MARGIN
        edge = (side - inner) / 2
        for y, x in itertools.product(_starts(height, side), _starts(width, side)):
            found.append([x + edge, y + edge, inner, inner])
    return found


def _starts(length, side):
    """Where squares begin along a side of the picture: in its middle where one covers it."""
    if side >= length:
        return [(length - side) / 2]
    count = int(np.ceil((length - side) / (side / 2))) + 1
    return [float(start) for start in np.linspace(0, length - side, count)]


def find(images: Sequence[np.ndarray], look: Finder) -> list[list[float] | None]:
    """The box of a person in each image.

    Args:
        images: each [H, W, 3] uint8.
        look: finds joints in boxes of images.

    Returns:
        A box an image, around the joints that were seen best; None where nobody is seen, or so small that it is nobody.
    """
    first = [(n, box) for n, image in enumerate(images) for box in squares(*image.shape[:2])]
    joints, scores = look([(images[n], box) for n, box in first])
    best = []
    for n in range(len(images)):
        rows = [row for row, (of, _) in enumerate(first) if of == n]
        best.append(max(rows, key=lambda row: scores[row].mean()))
    boxes = [_believed(joints[row], scores[row], image) for row, image in zip(best, images, strict=True)]
    for _ in range(ROUNDS - 1):
        known = [n for n, box in enumerate(boxes) if box is not None]
        if known:
            joints, scores = look([(images[n], boxes[n]) for n in known])
            for row, n in enumerate(known):
                boxes[n] = _believed(joints[row], scores[row], images[n]) or boxes[n]
    return boxes


def _believed(joints, scores, image):
    """The box of joints, or None where it is too small."""
    box = box_of_joints(joints, scores)
    return box if box is not None and max(box[2:]) >= LEAST_SIDE * max(image.shape[:2]) else None
