"""Drawing poses: bones coloured by side, occluded joints as rings, heatmaps, several pictures on one sheet."""

import os
from collections.abc import Sequence

import cv2
import numpy as np

from data_pipeline.common.files import StrPath, write_whole
from data_pipeline.skeleton import MPII16, Skeleton

# RGB, told apart by people with any kind of colour vision (Okabe and Ito's palette).
RIGHT, LEFT, MIDDLE = (213, 94, 0), (86, 180, 233), (240, 228, 66)
EDGE = (255, 255, 255)

# Of a line of text; OpenCV's font has ASCII only.
TEXT_HEIGHT, TEXT_SCALE = 20, 0.42

# OpenCV's drawing takes coordinates in sixteenths of a pixel.
SHIFT = 4


def _colours(skeleton):
    """Of each joint, by its side."""
    return [{"right": RIGHT, "left": LEFT}.get(side, MIDDLE) for side in skeleton.sides]


def draw_pose(
    image: np.ndarray,
    joints: np.ndarray,
    occluded: np.ndarray | None = None,
    shown: np.ndarray | None = None,
    skeleton: Skeleton = MPII16,
) -> np.ndarray:
    """Draws a skeleton over a copy of an image.

    The person's right is orange, the left blue. A visible joint is a filled dot, an occluded one a white ring, and
    the half of a limb next to an occluded joint is thin.

    Args:
        image: [H, W, 3] uint8 RGB.
        joints: [J, 2] image pixels.
        occluded: [J] bool, or None for none.
        shown: [J] bool, joints to draw; all by default.
        skeleton: whose joints and limbs they are.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    picture, colours = np.ascontiguousarray(image).copy(), _colours(skeleton)
    occluded = np.zeros(len(skeleton), bool) if occluded is None else np.asarray(occluded)
    shown = np.ones(len(skeleton), bool) if shown is None else np.asarray(shown)
    unit = max(1, round(min(picture.shape[:2]) / 160))
    for a, b in skeleton.limbs:
        if not (shown[a] and shown[b]):
            continue
        middle = (joints[a] + joints[b]) / 2
        colour = next((of for of in (colours[a], colours[b]) if of != MIDDLE), MIDDLE)
        for end in (a, b):
            thickness = unit if occluded[end] else 2 * unit
            cv2.line(picture, _fixed(joints[end]), _fixed(middle), colour, thickness, cv2.LINE_AA, SHIFT)
    for i, colour in enumerate(colours):
        if shown[i]:
            _dot(picture, joints[i], 2 * unit, colour, occluded[i])
    return picture


def _dot(picture, place, radius, colour, hollow):
    if hollow:
        thickness = max(1, radius // 2)
        cv2.circle(picture, _fixed(place), 3 * (radius << SHIFT) // 2, EDGE, thickness, cv2.LINE_AA, SHIFT)
    else:
        cv2.circle(picture, _fixed(place), radius << SHIFT, colour, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(picture, _fixed(place), radius << SHIFT, (0, 0, 0), 1, cv2.LINE_AA, SHIFT)


def _fixed(point):
    # Far beyond any picture, but within what OpenCV's integers hold.
    x, y = np.clip(np.asarray(point, np.float64), -8192, 8192)
    return round(x * (1 << SHIFT)), round(y * (1 << SHIFT))


def draw_box(image: np.ndarray, box: Sequence[float]) -> np.ndarray:
    """Draws a person's box, x, y, width and height in pixels, over a copy of an image."""
    picture = np.ascontiguousarray(image).copy()
    x, y, width, height = (round(float(v)) for v in box)
    cv2.rectangle(picture, (x, y), (x + width - 1, y + height - 1), EDGE, max(1, round(min(picture.shape[:2]) / 320)))
    return picture


def draw_number(image: np.ndarray, number: int, place: np.ndarray) -> np.ndarray:
    """Writes a person's number above a point, x and y in pixels, into a copy of an image."""
    picture = np.ascontiguousarray(image).copy()
    unit = max(1, round(min(picture.shape[:2]) / 160))
    x, y = (int(value) for value in np.clip(place, 0, picture.shape[1::-1]))
    corner = (x + 2 * unit, max(12 * unit, y - 4 * unit))
    for colour, thickness in (((0, 0, 0), 3 * unit), (EDGE, unit)):
        cv2.putText(picture, str(number), corner, cv2.FONT_HERSHEY_SIMPLEX, 0.4 * unit, colour, thickness, cv2.LINE_AA)
    return picture


def enlarged(image: np.ndarray, side: int, *joints: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """A square picture at another size, and points that moved with it.

    Args:
        image: [S, S, 3] uint8.
        side: its new side in pixels.
        joints: arrays [J, 2] in the picture's pixels.

    Returns:
        `(image [side, side, 3], tuple of the arrays in the new pixels)`.
    """
    scale = side / image.shape[0]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, (side, side), interpolation=method), tuple((j + 0.5) * scale - 0.5 for j in joints)


def draw_heatmaps(image: np.ndarray, heatmaps: np.ndarray, skeleton: Skeleton = MPII16) -> np.ndarray:
    """Lays heatmaps over a darkened copy of an image: at each pixel the strongest joint's, in the colour of its side.

    Args:
        image: [S, S, 3] uint8 RGB.
        heatmaps: [s, s, J] within 0 and 1, of the same square.
        skeleton: whose joints they are.

    Returns:
        [S, S, 3] uint8 RGB.
    """
    colours = np.array(_colours(skeleton), np.float32)[heatmaps.argmax(-1)]
    strength = heatmaps.max(-1)[..., None]
    # What is left of the image beside what the heatmap adds: four channels, so that both are enlarged alike.
    layer = cv2.resize(np.concatenate([colours * strength, 1.0 - strength], -1, dtype=np.float32), image.shape[1::-1])
    return np.clip(layer[..., :3] + layer[..., 3:] * (image * 0.5), 0, 255).astype(np.uint8)


def text_line(text: str, width: int) -> np.ndarray:
    """One line of text, black on white, [TEXT_HEIGHT, width, 3] uint8; a long one loses its beginning."""

    def length(words):
        return cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 1)[0][0]

    shown = text = text.encode("ascii", "replace").decode()
    while text and length(shown) > width:
        text = text[1:]
        shown = f"..{text}"
    line = np.full((TEXT_HEIGHT, width, 3), 255, np.uint8)
    place = (0, TEXT_HEIGHT - 6)
    return cv2.putText(line, shown, place, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, (0, 0, 0), 1, cv2.LINE_AA)


def contact_sheet(
    pictures: Sequence[np.ndarray], columns: int, side: int = 192, gap: int = 4, captions: Sequence[str] | None = None
) -> np.ndarray:
    """Pictures on a grid.

    Args:
        pictures: each [H, W, 3] uint8, fitted into a square of `side` pixels.
        columns: of the grid.
        side, gap: of the squares and between them, pixels.
        captions: a line of text under each picture, or None.

    Returns:
        [H, W, 3] uint8.
    """
    rows = -(-len(pictures) // columns)
    pitch, row_pitch = side + gap, side + gap + (TEXT_HEIGHT if captions else 0)
    sheet = np.full((rows * row_pitch + gap, columns * pitch + gap, 3), 255, np.uint8)
    for n, picture in enumerate(pictures):
        scale = side / max(picture.shape[:2])
        size = tuple(max(1, round(scale * length)) for length in picture.shape[1::-1])
        fitted = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        top, left = gap + (n // columns) * row_pitch, gap + (n % columns) * pitch
        sheet[top : top + size[1], left : left + size[0]] = fitted
        if captions:
            sheet[top + side : top + side + TEXT_HEIGHT, left : left + side] = text_line(captions[n], side)
    return sheet


def write_picture(path: StrPath, image: np.ndarray) -> None:
    """Writes [H, W, 3] uint8 RGB as the kind of file that the name ends in, whole or not at all; makes the folder.

    Raises:
        OSError: the file cannot be written.
    """
    encoded = cv2.imencode(os.path.splitext(path)[1], cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    write_whole(path, encoded.tobytes())
