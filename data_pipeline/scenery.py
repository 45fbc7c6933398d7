"""What stands around a person: the background, furniture, and things in front."""

import cv2
import numpy as np

from data_pipeline import sweep, texture, wardrobe

# Corners of a box in half sides, and its faces as rows of corners.
_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_FACES = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))


def _shape(rng, picture):
    """One random box, polygon, disc or line."""
    height, width = picture.shape[:2]
    centre = rng.uniform((0, 0), (width, height))
    colour, size = wardrobe.colour(rng), rng.uniform(0.04, 0.3) * width
    kind = rng.integers(5)
    if kind < 2:
        low, high = (centre - size * rng.uniform(0.3, 1, 2)).astype(int), (centre + size * rng.uniform(0.3, 1, 2)).astype(int)
        cv2.rectangle(picture, low.tolist(), high.tolist(), colour, -1 if rng.random() < 0.8 else 3)
    elif kind == 2:
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 7)))
        corners = centre + size * np.stack([np.cos(angle), np.sin(angle)], 1) * rng.uniform(0.5, 1)
        cv2.fillConvexPoly(picture, corners.astype(np.int32), colour, cv2.LINE_AA)
    elif kind == 3:
        axes = (size * rng.uniform(0.15, 0.7, 2)).astype(int) + 1
        cv2.ellipse(picture, centre.astype(int).tolist(), axes.tolist(), rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
    else:
        end = centre + rng.normal(0, 1.5 * size, 2)
        thick = int(rng.integers(2, 16))
        cv2.line(picture, centre.astype(int).tolist(), end.astype(int).tolist(), colour, thick, cv2.LINE_AA)


def background(rng, width, height, horizon):
    """A cluttered wall and floor.

    Args:
        rng: a numpy generator.
        width, height: pixels.
        horizon: the row where the floor begins; outside the picture for none.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    ramp = np.linspace(0, 1, height)[:, None]
    rows = np.array(wardrobe.colour(rng)) * (1 - ramp) + np.array(wardrobe.colour(rng)) * ramp
    picture = cv2.repeat(np.clip(rows, 0, 255).astype(np.uint8)[:, None], 1, width)
    for _ in range(rng.integers(2, 16)):
        _shape(rng, picture)
    floor = int(np.clip(horizon, 0, height))
    if floor < height:
        picture[floor:] = wardrobe.colour(rng)
    for _ in range(rng.integers(0, 8)):
        _shape(rng, picture)
    if rng.random() < 0.5:
        picture = cv2.blur(picture, (int(rng.integers(2, 9)),) * 2)
    picture = texture.add_noise(rng, picture, "clouds", rng.uniform(4, 22))
    return texture.add_noise(rng, picture, "rough", rng.uniform(0, 10))


def box(picture, camera, centre, half_sides, axes, cloth, owner):
    """Draws a box: `centre` (3,) and `half_sides` (3,) in camera metres, `axes` (3, 3) its directions as columns."""
    corners = centre + (_CORNERS * half_sides) @ axes.T
    for i, face in enumerate(_FACES):
        picture.panel(corners[list(face)], camera, cloth, owner, (0.75, 0.75, 0.6, 1.0, 0.9, 0.85)[i])


def chair(rng, picture, camera, pelvis, upright, girth, owner):
    """Draws a seat under a sitting person, mostly with a back."""
    cloth = wardrobe.cloth(rng)
    half = np.array([rng.uniform(0.2, 0.5), rng.uniform(0.03, 0.22), rng.uniform(0.2, 0.28)]) * girth
    seat = pelvis + upright @ np.array([0, -0.14 * girth - half[1], 0.12 * girth])
    box(picture, camera, seat, half, upright, cloth, owner)
    if rng.random() < 0.6:
        back = pelvis + upright @ np.array([0, rng.uniform(0, 0.25) * girth, -0.2 * girth])
        box(picture, camera, back, [half[0], rng.uniform(0.15, 0.3) * girth, 0.03], upright, cloth, owner)


def _pole(rng, place):
    radius = np.full(sweep.STATIONS, rng.uniform(0.015, 0.07), np.float32)
    lean = rng.normal(0, 0.25)
    ends = place + np.array([[lean, -2.5, 0], [-lean, 2.5, 0]])
    return [sweep.Part(*ends, radius, radius, wardrobe.cloth(rng))]


def limb(rng, place):
    """Parts of an arm or a leg that belongs to nobody, in a skin's or a cloth's colours, at a place in the camera's frame."""
    skin, size = wardrobe.skin(rng), rng.uniform(0.7, 1.4)
    upper, lower = (skin if rng.random() < 0.5 else wardrobe.cloth(rng) for _ in range(2))
    bones = rng.normal(0, 1, (2, 3)) * (1, 1, 0.4) * 0.6 + rng.normal(0, 1, 3) * (1, 1, 0.4)
    bones *= (np.array([0.3, 0.27]) * size / np.linalg.norm(bones, axis=1))[:, None]
    tip = bones[1] * 0.35
    widths = [sweep.profile(*np.array(w) * size) for w in ((0.06, 0.055, 0.045), (0.045, 0.046, 0.03), (0.03, 0.045, 0.025))]
    starts = place + np.array([np.zeros(3), bones[0], bones[0] + bones[1]])
    ends = [*starts[1:], starts[2] + tip]
    return [
        sweep.Part(a, b, w, w, cloth, None, (w[0], w[-1]))
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
        leaves.append(sweep.Part(root, tip, sweep.profile(0.01, 0.045, 0.005), sweep.profile(0.01, 0.02, 0.005), cloth))
    return leaves


def occlude(rng, picture, camera, place, light, owner):
    """Draws one thing in front of a place: a box, a pole, a plant or a stray limb.

    Args:
        rng: a numpy generator.
        picture: a `canvas.Canvas`.
        camera: a `canvas.Camera`.
        place: (3,) camera metres, where it goes.
        light: see `Canvas.sweep`.
        owner: number to draw it with.
    """
    kind = rng.random()
    if kind < 0.45:
        turned = np.linalg.qr(np.eye(3) + rng.normal(0, 0.25, (3, 3)))[0]
        box(picture, camera, place, rng.uniform((0.06, 0.06, 0.03), (0.35, 0.25, 0.1)), turned, wardrobe.cloth(rng), owner)
    else:
        kinds = ((0.6, _pole), (0.8, _plant), (1, limb))
        parts = next(draw for limit, draw in kinds if kind < limit)(rng, place)
        sweep.draw(picture, parts, camera, light, [owner] * len(parts))
