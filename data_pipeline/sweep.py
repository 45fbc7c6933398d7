"""Round bodies drawn into a canvas: ellipses swept along a line, with exact outlines, smooth depth and shading.

A body's limbs, its trunk and its head are all such parts. Geometry is worked out for all parts of a figure at once,
at `STATIONS` places along each; the pixels of each part then look their place up.
"""

import dataclasses
import typing

import numpy as np

from data_pipeline import canvas, texture

STATIONS = 40
STEPS = np.linspace(0, 1, STATIONS, dtype=np.float32)
_LAST = np.float32(STATIONS - 1)


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


def profile(*values):
    """(STATIONS,) float32 through evenly spaced values."""
    return np.interp(STEPS, np.linspace(0, 1, len(values)), values).astype(np.float32)


def draw(picture, parts, camera, light, owners):
    """Draws parts, far ones first so that edges blend with what is behind them.

    Args:
        picture: a `canvas.Canvas`.
        parts: a list of `Part`; one that comes nearer than `canvas.NEAREST` is left out.
        camera: a `canvas.Camera`.
        light: (3,) unit vector to where the light comes from, camera frame.
        owners: the number of each part, to leave where it is front-most.
    """
    kept = [i for i, part in enumerate(parts) if min(part.start[2], part.end[2]) > canvas.NEAREST]
    kept.sort(key=lambda i: -(parts[i].start[2] + parts[i].end[2]))
    if not kept:
        return
    parts = [parts[i] for i in kept]
    outlines = _Outlines(parts, camera, light)
    fragments = _fragments(outlines, picture.depth.shape)
    colour = _colours(parts, outlines, fragments)
    ends = np.searchsorted(fragments.part, np.arange(len(parts) + 1))
    for i, (first, last) in enumerate(zip(ends[:-1], ends[1:], strict=True)):
        if first < last:
            _, place, _, _, _, alpha, depth = (column[first:last] for column in fragments[:-1])
            picture.blend(place, colour[first:last], alpha, depth, owners[kept[i]])


class _Outlines:
    """Parts as the camera sees them; an attribute's first axis is the part, the second often its stations."""

    def __init__(self, parts, camera, light):
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
        seen = [np.stack([(v[:, :2] * self.along).sum(1), (v[:, :2] * self.over).sum(1), v[:, 2]]) for v in (left, front)]
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
        self.inverse_bulge = (self.length[:, None] / _LAST / self.bulge).astype(np.float32)
        self.thick = np.sqrt(self.thick + (caps.max(1) * axis[:, 2])[:, None] ** 2).astype(np.float32)


class _Fragments(typing.NamedTuple):
    """The pixels of all parts, one part after the other; (n,) each.

    `part` it belongs to, `place` in the picture as a flat number, `station` of all parts' stations as a flat number,
    `across` and `beyond` the line in outlines, `alpha` in 0 to 1, `depth` of the surface in metres, and `surface`,
    how far it bulges to the camera, 0 on the outline and 1 on the line.
    """

    part: np.ndarray
    place: np.ndarray
    station: np.ndarray
    across: np.ndarray
    beyond: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    surface: np.ndarray


def _pixels(outlines, shape):
    """Part, column and row of every pixel in the boxes around the parts."""
    low = np.clip(np.floor(outlines.low), 0, shape[::-1]).astype(np.int32)
    size = np.clip(np.ceil(outlines.high) + 1, 0, shape[::-1]).astype(np.int32) - low
    counts = size.prod(1)
    part = np.repeat(np.arange(len(low), dtype=np.int32), counts)
    number = np.arange(len(part), dtype=np.int32) - np.repeat((np.cumsum(counts) - counts).astype(np.int32), counts)
    row = number // np.repeat(size[:, 0], counts)
    column = number - row * np.repeat(size[:, 0], counts)
    return part, column + np.repeat(low[:, 0], counts), row + np.repeat(low[:, 1], counts)


def _fragments(outlines, shape):
    part, x, y = _pixels(outlines, shape)
    # The picture's axes to the part's own, in stations along and pixels over, with the origin taken off.
    turn = np.stack([outlines.along * (_LAST / outlines.length)[:, None], outlines.over], 1)
    shift = -(turn @ outlines.origin[:, :, None])[..., 0]
    turn, shift = turn.reshape(-1, 4).T.astype(np.float32), shift.T.astype(np.float32)
    along = turn[0][part] * x + turn[1][part] * y + shift[0][part]
    held = np.minimum(np.maximum(along, 0), _LAST)
    station = (held + np.float32(0.5)).astype(np.int32) + part * STATIONS
    beyond = (along - held) * outlines.inverse_bulge.ravel()[part * 2 + (held > 0)]
    across = (turn[2][part] * x + turn[3][part] * y + shift[1][part]) * outlines.inverse_half.ravel()[station]
    inner = 1 - across * across - beyond * beyond
    alpha = inner * (outlines.radius / 2).astype(np.float32)[part] + np.float32(0.5)
    kept = np.flatnonzero(alpha > 0)
    part, station, across, beyond, inner = (a[kept] for a in (part, station, across, beyond, inner))
    surface = np.sqrt(np.maximum(inner, 0))
    depth = outlines.depth.ravel()[station] - surface * outlines.thick.ravel()[station]
    depth += across * outlines.slant.ravel()[station]
    place = (y[kept] * shape[1] + x[kept]).astype(np.intp)
    return _Fragments(part, place, station, across, beyond, np.minimum(alpha[kept], 1), depth, surface)


def _dyes(parts, outlines):
    """Of every station: base colour, what the pattern adds to it, the pattern's row, and its columns to an outline."""
    names = list(texture.patterns())
    cloths = [[p.cloth, p.under or p.cloth] for p in parts]
    base = np.array([[c.base for c in pair] for pair in cloths], np.float32)
    second = np.array([[c.second for c in pair] for pair in cloths], np.float32)
    tile = np.array([[names.index(c.pattern) for c in pair] for pair in cloths])
    scale = texture.TILE / np.array([[c.size for c in pair] for pair in cloths])
    beyond = (np.arange(STATIONS) >= np.array([[p.hem * STATIONS] for p in parts])).astype(np.intp)
    part = np.arange(len(parts))[:, None]
    row = (STEPS * outlines.metres[:, None] * scale[part, beyond]).astype(np.int32) & (texture.TILE - 1)
    columns = (outlines.half_metres.mean(1, keepdims=True) * scale[part, beyond]).astype(np.float32)
    base, second = base[part, beyond].reshape(-1, 3), second[part, beyond].reshape(-1, 3)
    return base.T, (second - base).T, (tile[part, beyond] * texture.TILE + row).ravel(), columns.ravel()


def _colours(parts, outlines, fragments):
    """(n, 3) colour of every fragment."""
    base, added, row, columns = _dyes(parts, outlines)
    station, across = fragments.station, fragments.across
    # Whole tiles are added so that a negative column is not cut towards zero.
    column = (across * columns[station] + np.float32(64 * texture.TILE)).astype(np.int32) & (texture.TILE - 1)
    mix = texture.atlas()[row[station] * texture.TILE + column]
    colour = np.take(base, station, axis=1) + np.take(added, station, axis=1) * mix
    _paint(parts, outlines, fragments, colour)
    return np.ascontiguousarray((colour * _shade(outlines, fragments)).T)


def _paint(parts, outlines, fragments, colour):
    """Lets parts that have details add them to `colour`."""
    for i in (i for i, part in enumerate(parts) if part.paint is not None):
        own = slice(*np.searchsorted(fragments.part, (i, i + 1)))
        across, surface = fragments.across[own], fragments.surface[own]
        (a, b), facing = outlines.turned[i].astype(np.float32), np.float32(outlines.facing[i])
        left, front = a * across - facing * b * surface, b * across + facing * a * surface
        colour[:, own] = parts[i].paint(colour[:, own], STEPS[fragments.station[own] - i * STATIONS], left, front)


def _shade(outlines, fragments):
    """(n,) brightness: half from everywhere, half from the light, darker at the rim."""
    along, over = (outlines.light.T * 0.5).astype(np.float32)
    lit = fragments.across * over[fragments.part] + fragments.beyond * along[fragments.part]
    lit += fragments.surface * np.float32(0.5 * outlines.toward)
    return (np.maximum(lit, np.float32(-0.15)) + np.float32(0.5)) * (
        np.float32(0.8) + np.float32(0.25) * fragments.surface
    )
