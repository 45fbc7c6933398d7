"""Round bodies: ellipses swept along a line, and where a camera sees them.

A figure's limbs, its trunk and its head are all such parts. Their geometry is worked out for all parts of a picture
at once, at `STATIONS` places along each.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.synthetic.rendering import texture

STATIONS = 40
STEPS = np.linspace(0, 1, STATIONS, dtype=np.float32)


@dataclasses.dataclass(frozen=True)
class Part:
    """An ellipse swept along a line, from `start` to `end`.

    Attributes:
        start, end: (3,) camera metres.
        half_width, half_depth: (STATIONS,) metres: across `left`, and across both line and `left`.
        cloth: the `texture.Cloth` that covers it.
        left: (3,) vector across the line; None where the part is round.
        caps: metres that its ends bulge beyond start and end.
        under: cloth beyond `hem`; None for the same throughout.
        hem: share of the line that `cloth` covers.
        paint: None, or a function of `(colour, share, left, front)` that adds details: (3, n) colours, the (n,)
            place along the line in 0 to 1, and how far the surface faces to the part's left and front, -1 to 1.
    """

    start: np.ndarray
    end: np.ndarray
    half_width: np.ndarray
    half_depth: np.ndarray
    cloth: texture.Cloth
    left: np.ndarray | None = None
    caps: tuple = (0.0, 0.0)
    under: texture.Cloth | None = None
    hem: float = 1.0
    paint: object = None


def profile(*values: float) -> np.ndarray:
    """(STATIONS,) float32 through evenly spaced values."""
    return np.interp(STEPS, np.linspace(0, 1, len(values)), values).astype(np.float32)


class Outlines:
    """Parts as a camera sees them. An attribute's first axis is the part; the second, of most, its stations.

    Attributes:
        origin: (P, 2) pixel where the line starts.
        along, over: (P, 2) unit vectors of the line in the picture, and across it.
        length, metres: (P,) of the line, in pixels and in space.
        depth: (P, STATIONS) metres of the line.
        half_metres: (P, STATIONS) half width of the outline; `inverse_half` one over it in pixels.
        slant, thick: (P, STATIONS) metres that the surface recedes from the line to the outline over it, and bulges
            to the camera.
        radius: (P,) largest half width in pixels.
        bulge: (P, 2) pixels that the ends reach beyond the line; `inverse_bulge` one over it in stations.
        turned, facing: (P, 2) and (P,) what maps offsets over the line to the part's own left and front.
        light: (P, 2) the light's direction along and over; `toward`, to the camera.
        low, high: (P, 2) corners of the box around each, pixels.
    """

    def __init__(self, parts: Sequence[Part], camera: Any, light: np.ndarray) -> None:
        start, end = np.stack([p.start for p in parts]), np.stack([p.end for p in parts])
        self.origin, tips = camera.project(start), camera.project(end)
        line = tips - self.origin
        self.length = np.maximum(np.hypot(line[:, 0], line[:, 1]), 0.5)
        self.along = line / self.length[:, None]
        # A line seen end-on has no direction; any will do.
        self.along[(self.along**2).sum(1) < 0.9] = (0.0, 1.0)
        self.over = np.stack([-self.along[:, 1], self.along[:, 0]], 1)
        self.metres = np.maximum(np.linalg.norm(end - start, axis=1), 1e-6)
        self.depth = (start[:, 2:] + (end - start)[:, 2:] * STEPS).astype(np.float32)
        self._ellipses(parts, (end - start) / self.metres[:, None], camera.focal / self.depth)
        self.light = np.stack([self.along @ light[:2], self.over @ light[:2]], 1)
        self.toward = -float(light[2])
        reach = np.maximum(self.radius, self.bulge.max(1))[:, None] + 1
        self.low, self.high = np.minimum(self.origin, tips) - reach, np.maximum(self.origin, tips) + reach

    def _ellipses(self, parts, axis, scale):
        across = np.concatenate([self.over, np.zeros((len(parts), 1))], 1)
        left = np.stack([across[i] if p.left is None else p.left for i, p in enumerate(parts)])
        left = left - axis * (left * axis).sum(1, keepdims=True)
        left /= np.maximum(np.linalg.norm(left, axis=1, keepdims=True), 1e-6)
        front = np.cross(left, axis)
        seen = [
            np.stack([(v[:, :2] * self.along).sum(1), (v[:, :2] * self.over).sum(1), v[:, 2]]) for v in (left, front)
        ]
        self._section(parts, seen, scale)
        (_, lo, lz), (_, fo, fz) = seen
        # Where on the ellipse the pixel in the middle of the outline lies: its left and front in the picture's terms.
        wide, deep = self.width[:, STATIONS // 2], self.thickness[:, STATIONS // 2]
        turned = np.stack([wide * lo, deep * fo]) / np.maximum(np.hypot(wide * lo, deep * fo), 1e-9)
        away = deep * fz * turned[0] - wide * lz * turned[1] > 0
        self.turned, self.facing = turned.T, np.where(away, -1.0, 1.0)
        self._bulges(parts, seen, axis, scale)

    def _section(self, parts, seen, scale):
        (_, lo, lz), (_, fo, fz) = (s[:, :, None] for s in seen)
        self.width, self.thickness = np.stack([p.half_width for p in parts]), np.stack([p.half_depth for p in parts])
        w, d = self.width**2, self.thickness**2
        spread = np.maximum(w * lo**2 + d * fo**2, 1e-8)
        mixed, deep = w * lo * lz + d * fo * fz, w * lz**2 + d * fz**2
        self.half_metres = np.sqrt(spread)
        self.inverse_half = (1 / (self.half_metres * scale)).astype(np.float32)
        self.radius = np.maximum((self.half_metres * scale).max(1), 0.5)
        self.slant = (mixed / self.half_metres).astype(np.float32)
        self.thick = np.maximum(deep - mixed**2 / spread, 1e-8)

    def _bulges(self, parts, seen, axis, scale):
        ends, caps = [0, -1], np.array([p.caps for p in parts])
        (la, *_), (fa, *_) = (s[:, :, None] for s in seen)
        tilt = (axis[:, :2] * self.along).sum(1)[:, None]
        bulge = np.sqrt((self.width[:, ends] * la) ** 2 + (self.thickness[:, ends] * fa) ** 2 + (caps * tilt) ** 2)
        self.bulge = np.maximum(bulge * scale[:, ends], 0.5)
        self.inverse_bulge = (self.length[:, None] / np.float32(STATIONS - 1) / self.bulge).astype(np.float32)
        self.thick = np.sqrt(self.thick + (caps.max(1) * axis[:, 2])[:, None] ** 2).astype(np.float32)
