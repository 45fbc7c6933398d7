"""Things put before one joint of a drawn person, and before none of the joints that must stay in sight."""

import numpy as np

from data_pipeline.synthetic.rendering import canvas, scenery, sweep, wardrobe

# Pixels between a thing's edge and a joint that stays in sight, at least.
_GAP = 0.6


def _distances(points, start, end):
    """(K,) pixels from points (K, 2) to a line between two pixels."""
    line = end - start
    share = np.clip((points - start) @ line / max(line @ line, 1e-9), 0, 1)
    return np.linalg.norm(points - start - share[:, None] * line, axis=1)


def _spares(parts, camera, spared):
    """Whether parts leave all of the (K, 2) pixels free."""
    for part in parts:
        start, end = camera.project(part.start), camera.project(part.end)
        radius = max(part.half_width.max(), part.half_depth.max()) * camera.focal / min(part.start[2], part.end[2])
        if (_distances(spared, start, end) < radius + max(part.caps) * camera.focal / part.start[2] + 2).any():
            return False
    return True


def _clipped(corners, point, normal):
    """The part of a convex polygon (N, 2) that lies before the line through `point` across `normal`."""
    side, kept = (corners - point) @ normal, []
    for i, (corner, here) in enumerate(zip(corners, side, strict=True)):
        if here <= 0:
            kept.append(corner)
        there = side[i - len(side) + 1]
        if (here < 0) != (there < 0) and here != there:
            kept.append(corner + (corners[i - len(side) + 1] - corner) * here / (here - there))
    return np.array(kept).reshape(-1, 2)


def outline(rng: np.random.Generator, target: np.ndarray, spared: np.ndarray, head: float) -> np.ndarray | None:
    """A convex polygon around a pixel.

    Args:
        rng: a numpy generator.
        target: (2,) the pixel that it covers.
        spared: (K, 2) pixels that it leaves free.
        head: head size in pixels, which sets how large it is.

    Returns:
        (N, 2) corners; None where a spared pixel is too near.
    """
    away = spared - target
    distance = np.linalg.norm(away, axis=1)
    if (distance < 2 * _GAP).any():
        return None
    angle, half = rng.uniform(0, np.pi), head * rng.uniform(0.35, 1.3, 2)
    axes = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = target + (rng.uniform(-0.7, 0.7, 2) * half) @ axes
    corners = middle + (np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half) @ axes
    margin = np.clip(0.5 * distance, _GAP, 0.35 * head)
    for normal, reach in zip(away / distance[:, None], distance - margin, strict=True):
        corners = _clipped(corners, target + reach * normal, normal)
    return corners


def hide(
    rng: np.random.Generator,
    picture: canvas.Canvas,
    camera: canvas.Camera,
    light: np.ndarray,
    joint: np.ndarray,
    spared: np.ndarray,
    head: float,
    owner: int,
) -> None:
    """Draws a thing before a joint: a plant, a pole or a limb where these fit, else a board cut to fit.

    Args:
        rng: a numpy generator.
        picture: a `canvas.Canvas` with the person in it.
        camera: a `canvas.Camera`.
        light: (3,) unit vector to where the light comes from.
        joint: (3,) camera metres.
        spared: (K, 2) pixels that stay as they are.
        head: head size in pixels.
        owner: number to leave.
    """
    place = joint * (1 - rng.uniform(0.3, 0.6) / joint[2])
    if rng.random() < 0.5:
        parts = scenery.obstacle(rng, place)
        if _spares(parts, camera, spared):
            sweep.draw(picture, parts, camera, light, [owner] * len(parts))
            return
    corners = outline(rng, np.round(camera.project(joint)), spared, head)
    if corners is not None:
        flat = (corners - camera.centre) * (place[2] / camera.focal)
        flat = np.column_stack([flat, np.full(len(flat), place[2])])
        picture.panel(flat, camera, wardrobe.cloth(rng), owner, rng.uniform(0.7, 1.1))
