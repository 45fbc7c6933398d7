"""What stands around a person: the background, furniture, and things in front."""

from collections.abc import Sequence

import cv2
import numpy as np

from data_pipeline.synthetic.anatomy import body as bodies
from data_pipeline.synthetic.rendering import canvas, part, texture, wardrobe

# Walls and floors are paler than clothes.
_MUTED = 0.7
# Corners of a box in half sides, and its faces as rows of corners.
_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_FACES = ([0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5])


def _shape(rng, picture):
    """One random box, polygon, disc or line."""
    height, width = picture.shape[:2]
    centre = rng.uniform((0, 0), (width, height))
    colour, size = wardrobe.colour(rng, _MUTED), rng.uniform(0.04, 0.3) * width
    kind = rng.integers(5)
    if kind < 2:
        low = (centre - size * rng.uniform(0.3, 1, 2)).astype(int)
        high = (centre + size * rng.uniform(0.3, 1, 2)).astype(int)
        cv2.rectangle(picture, low.tolist(), high.tolist(), colour, -1 if rng.random() < 0.8 else 3)
    elif kind == 2:
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        corners = centre + size * np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.5, 1)
        cv2.fillConvexPoly(picture, corners.astype(np.int32), colour, cv2.LINE_AA)
    elif kind == 3:
        axes, angle = (size * rng.uniform(0.15, 0.7, 2)).astype(int) + 1, rng.uniform(0, 180)
        cv2.ellipse(picture, centre.astype(int).tolist(), axes.tolist(), angle, 0, 360, colour, -1, cv2.LINE_AA)
    else:
        end = centre + rng.normal(0, 1.5 * size, 2)
        thick = int(rng.integers(2, 16))
        cv2.line(picture, centre.astype(int).tolist(), end.astype(int).tolist(), colour, thick, cv2.LINE_AA)


def background(rng: np.random.Generator, width: int, height: int, horizon: float) -> np.ndarray:
    """A cluttered wall and floor.

    Args:
        rng: a numpy generator.
        width, height: pixels.
        horizon: the row where the floor begins; outside the picture for none.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    ramp = np.linspace(0, 1, height)[:, None]
    top, bottom = np.array(wardrobe.colour(rng, _MUTED)), np.array(wardrobe.colour(rng, _MUTED))
    rows = top * (1 - ramp) + bottom * ramp
    picture = cv2.resize(rows.astype(np.uint8)[:, None], (width, height), interpolation=cv2.INTER_NEAREST)
    for _ in range(rng.integers(2, 16)):
        _shape(rng, picture)
    floor = int(np.clip(horizon, 0, height))
    if floor < height:
        picture[floor:] = wardrobe.colour(rng, _MUTED)
    for _ in range(rng.integers(0, 8)):
        _shape(rng, picture)
    return picture


def weather(rng: np.random.Generator, background: np.ndarray) -> np.ndarray:
    """A background out of focus, for some, and with uneven light: (H, W, 3) uint8 of the same."""
    if rng.random() < 0.5:
        background = cv2.blur(background, (int(rng.integers(2, 9)),) * 2)
    return texture.add_noise(rng, background, ("clouds", "rough")[rng.integers(2)], rng.uniform(3, 20))


def _faces(centre, half_sides, axes):
    """The faces of a box that the camera sees: (4, 3) corners and a brightness for each."""
    corners = centre + (_CORNERS * half_sides) @ axes.T
    for face, brightness in zip(_FACES, (0.75, 0.75, 0.6, 1.0, 0.9, 0.85), strict=True):
        middle = corners[face].mean(0)
        if (middle - centre) @ middle < 0:
            yield corners[face], brightness


def box(
    picture: canvas.Canvas,
    camera: canvas.Camera,
    centre: np.ndarray,
    half_sides: Sequence[float] | np.ndarray,
    axes: np.ndarray,
    cloth: texture.Cloth,
    owner: int,
) -> None:
    """Draws a box: `centre` (3,) and `half_sides` (3,) in camera metres, `axes` (3, 3) its directions as columns."""
    for corners, brightness in _faces(centre, half_sides, axes):
        picture.panel(corners, camera, cloth, owner, brightness)


def shadow(background: np.ndarray, x: float, y: float, width: float) -> None:
    """Darkens the floor, in place, around column x and row y of an (H, W, 3) picture; `width` in pixels."""
    mask = np.zeros(background.shape[:2], np.uint8)
    axes = max(int(width), 1), max(int(0.25 * width), 1)
    cv2.ellipse(mask, (int(x), int(y)), axes, 0, 0, 360, (255,), -1)
    place = np.nonzero(mask)
    background[place] = background[place] * 0.6


def furniture(
    rng: np.random.Generator, background: np.ndarray, camera: canvas.Camera, place: np.ndarray, upright: np.ndarray
) -> None:
    """Draws an upright box, up to a cupboard's size, into an (H, W, 3) picture, behind whatever will be drawn.

    `place` (3,) is its centre in camera metres; `upright` (3, 3) has the directions of an upright world as columns.
    """
    turned, half = upright @ bodies.turn(1, rng.uniform(0, 360)), rng.uniform((0.15, 0.2, 0.15), (0.7, 0.8, 0.4))
    colour = np.array(wardrobe.colour(rng))
    for corners, brightness in _faces(place, half, turned):
        outline = np.round(camera.project(corners) * 16).astype(np.int32)
        cv2.fillConvexPoly(background, outline, (brightness * colour).tolist(), cv2.LINE_AA, 4)


def chair(
    rng: np.random.Generator,
    picture: canvas.Canvas,
    camera: canvas.Camera,
    pelvis: np.ndarray,
    upright: np.ndarray,
    girth: float,
    owner: int,
) -> None:
    """Draws a seat under a sitting person, mostly with a back."""
    cloth = wardrobe.cloth(rng)
    half = np.array([rng.uniform(0.2, 0.5), rng.uniform(0.03, 0.22), rng.uniform(0.2, 0.28)]) * girth
    seat = pelvis + upright @ np.array([0, -0.14 * girth - half[1], 0.12 * girth])
    box(picture, camera, seat, half, upright, cloth, owner)
    if rng.random() < 0.6:
        back = pelvis + upright @ np.array([0, rng.uniform(0, 0.25) * girth, -0.2 * girth])
        box(picture, camera, back, [half[0], rng.uniform(0.15, 0.3) * girth, 0.03], upright, cloth, owner)


def _pole(rng, place):
    radius = np.full(part.STATIONS, rng.uniform(0.015, 0.07), np.float32)
    lean = rng.normal(0, 0.25)
    ends = place + np.array([[lean, -2.5, 0], [-lean, 2.5, 0]])
    return [part.Part(*ends, radius, radius, wardrobe.cloth(rng))]


def limb(rng: np.random.Generator, place: np.ndarray) -> list[part.Part]:
    """Parts of an arm or a leg that belongs to nobody, in a skin's or a cloth's colours, at (3,) `place`."""
    skin, size = wardrobe.skin(rng), rng.uniform(0.7, 1.4)
    upper, lower = (skin if rng.random() < 0.5 else wardrobe.cloth(rng) for _ in range(2))
    bones = rng.normal(0, 1, (2, 3)) * (1, 1, 0.4) * 0.6 + rng.normal(0, 1, 3) * (1, 1, 0.4)
    bones *= (np.array([0.3, 0.27]) * size / np.linalg.norm(bones, axis=1))[:, None]
    tip = bones[1] * 0.35
    radii = ((0.06, 0.055, 0.045), (0.045, 0.046, 0.03), (0.03, 0.045, 0.025))
    widths = [part.profile(*radius) * size for radius in radii]
    starts = place + np.array([np.zeros(3), bones[0], bones[0] + bones[1]])
    ends = [*starts[1:], starts[2] + tip]
    return [
        part.Part(a, b, w, w, cloth, None, (w[0], w[-1]))
        for a, b, w, cloth in zip(starts, ends, widths, (upper, lower, skin), strict=True)
    ]


def _plant(rng, place):
    base = np.array([rng.uniform(30, 90), rng.uniform(80, 150), rng.uniform(20, 60)])
    leaves = []
    for _ in range(rng.integers(5, 14)):
        root = place + rng.normal(0, 0.1, 3)
        shade = base * rng.uniform(0.6, 1.3)
        cloth = texture.Cloth(tuple(shade), tuple(shade * 0.7))
        tip = root + rng.normal(0, 0.13, 3) - (0, 0.08, 0)
        leaves.append(part.Part(root, tip, part.profile(0.01, 0.045, 0.005), part.profile(0.01, 0.02, 0.005), cloth))
    return leaves


def obstacle(rng: np.random.Generator, place: np.ndarray) -> list[part.Part]:
    """Parts of a pole, a plant or a stray limb at (3,) `place`, camera metres."""
    return (_pole, _plant, limb)[rng.choice(3, p=(0.3, 0.35, 0.35))](rng, place)


def board(
    rng: np.random.Generator, picture: canvas.Canvas, camera: canvas.Camera, place: np.ndarray, owner: int
) -> None:
    """Draws a flat box of any turn at (3,) `place`, camera metres."""
    turned = np.linalg.qr(np.eye(3) + rng.normal(0, 0.25, (3, 3)))[0]
    box(picture, camera, place, rng.uniform((0.06, 0.06, 0.03), (0.26, 0.2, 0.1)), turned, wardrobe.cloth(rng), owner)
