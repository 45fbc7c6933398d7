"""Parts drawn into a canvas, with exact outlines, smooth depth and shading.

The pixels of all parts are worked out in one go: a picture has some forty parts of a few hundred pixels each, and a
call of numpy for each part would cost more than its pixels.
"""

import itertools
import typing
from collections.abc import Sequence

import numpy as np

from data_pipeline.synthetic.rendering import canvas, texture
from data_pipeline.synthetic.rendering.part import STATIONS, STEPS, Outlines, Part

_LAST = np.float32(STATIONS - 1)


def draw(
    picture: canvas.Canvas, parts: Sequence[Part], camera: canvas.Camera, light: np.ndarray, owners: Sequence[int]
) -> None:
    """Draws parts, far ones first so that edges blend with what is behind them.

    Args:
        picture: a `canvas.Canvas`.
        parts: a list of `part.Part`; one that comes nearer than `canvas.NEAREST` is left out.
        camera: a `canvas.Camera`.
        light: (3,) unit vector to where the light comes from, camera frame.
        owners: the number of each part, to leave where it is front-most.
    """
    kept = [i for i, part in enumerate(parts) if min(part.start[2], part.end[2]) > canvas.NEAREST]
    kept.sort(key=lambda i: -(parts[i].start[2] + parts[i].end[2]))
    if not kept:
        return
    parts = [parts[i] for i in kept]
    outlines = Outlines(parts, camera, light)
    fragments = _fragments(outlines, picture.depth.shape)
    colour = _colours(parts, outlines, fragments)
    ends = np.searchsorted(fragments.part, np.arange(len(parts) + 1))
    for i, (first, last) in enumerate(itertools.pairwise(ends)):
        if first < last:
            _, place, _, _, _, alpha, depth = (column[first:last] for column in fragments[:-1])
            picture.blend(place, colour[first:last], alpha, depth, owners[kept[i]])


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


def _boxes(outlines, shape):
    """Number of pixels in the box around each part, and every such pixel's column and row."""
    low = np.clip(np.floor(outlines.low), 0, shape[::-1]).astype(np.int32)
    size = np.clip(np.ceil(outlines.high) + 1, 0, shape[::-1]).astype(np.int32) - low
    counts = size.prod(1)
    first = (np.cumsum(counts) - counts).astype(np.int32)
    number = np.arange(counts.sum(), dtype=np.int32) - np.repeat(first, counts)
    width = np.repeat(size[:, 0], counts)
    row = number // width
    return counts, number - row * width + np.repeat(low[:, 0], counts), row + np.repeat(low[:, 1], counts)


def _placed(outlines, counts, x, y):
    """Stations along, and pixels over the line, of pixels in boxes of `counts`."""
    turn = np.stack([outlines.along * (_LAST / outlines.length)[:, None], outlines.over], 1)
    shift = -(turn @ outlines.origin[:, :, None])
    ax, ay, at, ox, oy, ot = np.concatenate([turn, shift], 2).reshape(-1, 6).T.astype(np.float32)
    x, y = x.astype(np.float32), y.astype(np.float32)
    along = np.repeat(ax, counts) * x + np.repeat(ay, counts) * y + np.repeat(at, counts)
    return along, np.repeat(ox, counts) * x + np.repeat(oy, counts) * y + np.repeat(ot, counts)


def _fragments(outlines, shape):
    counts, x, y = _boxes(outlines, shape)
    part = np.repeat(np.arange(len(counts)), counts)
    along, over = _placed(outlines, counts, x, y)
    held = np.minimum(np.maximum(along, 0), _LAST)
    station = (held + np.float32(0.5)).astype(np.intp) + part * STATIONS
    beyond = (along - held) * outlines.inverse_bulge.ravel()[part * 2 + (held > 0)]
    across = over * outlines.inverse_half.ravel()[station]
    inner = 1 - across * across - beyond * beyond
    alpha = inner * np.repeat((outlines.radius / 2).astype(np.float32), counts) + np.float32(0.5)
    kept = np.flatnonzero(alpha > 0)
    part, station, across, beyond, inner = (a[kept] for a in (part, station, across, beyond, inner))
    surface = np.sqrt(np.maximum(inner, 0))
    depth = outlines.depth.ravel()[station] - surface * outlines.thick.ravel()[station]
    depth += across * outlines.slant.ravel()[station]
    place = (y * np.int32(shape[1]) + x)[kept].astype(np.intp)
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
