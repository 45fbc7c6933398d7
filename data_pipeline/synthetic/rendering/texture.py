"""Cloth patterns and grain, cut from one block of noise that is the same everywhere."""

import dataclasses
import functools

import cv2
import numpy as np

TILE = 64
_BANK = 640


@dataclasses.dataclass(frozen=True)
class Cloth:
    """Two colours and the pattern that mixes them.

    Attributes:
        base, second: (3,) RGB in 0 to 255.
        pattern: a name of `patterns`.
        size: metres that one repeat of the pattern covers.
    """

    base: tuple
    second: tuple
    pattern: str = "plain"
    size: float = 0.3


def _noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def _clouds(cells, size):
    """(size, size) float32 smooth noise of unit deviation with `cells` blobs a side."""
    clouds = cv2.resize(_noise(cells, cells), (size, size), interpolation=cv2.INTER_CUBIC)
    return (clouds - clouds.mean()) / clouds.std()


@functools.cache
def patterns() -> dict[str, np.ndarray]:
    """(TILE, TILE) float32 by name, 0 to about 1.2: how much of a cloth's second colour shows."""
    y, x = np.mgrid[:TILE, :TILE] / TILE
    soft, fine = _clouds(6, TILE), _clouds(16, TILE)
    fold = np.clip(0.3 + 0.2 * soft + 0.1 * fine, 0, 1)
    across, down = np.sin(2 * np.pi * 3 * x) > 0, np.sin(2 * np.pi * 3 * y) > 0
    tiles = {
        "plain": fold / 0.85,
        "hoops": down,
        "stripes": across,
        "checks": (across * 1.0 + down) / 2,
        "dots": np.sin(8 * np.pi * x) * np.sin(8 * np.pi * y) > 0.5,
        "camouflage": soft + 0.5 * fine > 0.1,
        "denim": np.clip(0.3 + 0.2 * _noise(TILE, TILE) + 0.15 * soft, 0, 1),
    }
    return {name: (0.85 * tile + 0.3 * fold * (name != "plain")).astype(np.float32) for name, tile in tiles.items()}


@functools.cache
def atlas() -> np.ndarray:
    """(patterns * TILE * TILE,) float32, all `patterns` one after the other."""
    return np.stack(list(patterns().values())).ravel()


@functools.cache
def _bank(kind):
    """(640, 640, 3) uint8 around 128 with a deviation of 32: "grain", "rough" or "clouds"."""
    if kind == "grain":
        noise = 0.8 * _noise(_BANK, _BANK, 1) + 0.6 * _noise(_BANK, _BANK, 4)[..., 1:]
    else:
        cells = (90, 300) if kind == "rough" else (9, 24, 70)
        noise = sum(_clouds(n, _BANK) * 0.7**i for i, n in enumerate(cells))[..., None] / 1.3 * np.ones(3)
    return np.clip(128 + 32 * noise, 0, 255).astype(np.uint8)


def add_noise(
    rng: np.random.Generator, image: np.ndarray, kind: str, deviation: float, gain: float = 1.0, lift: float = 0.0
) -> np.ndarray:
    """Adds noise, and changes contrast and brightness on the way.

    Args:
        rng: a numpy generator.
        image: (H, W, 3) uint8 of at most 640 pixels a side.
        kind: "grain" of single pixels, "rough" of some pixels, or broad "clouds".
        deviation: standard deviation of the noise, in 0 to 255.
        gain, lift: the image is multiplied by `gain` around mid-grey, and `lift` is added.

    Returns:
        (H, W, 3) uint8.
    """
    height, width = image.shape[:2]
    top, left = rng.integers(_BANK - height + 1), rng.integers(_BANK - width + 1)
    cut = _bank(kind)[top : top + height, left : left + width]
    return cv2.addWeighted(image, gain, cut, deviation / 32, 128 * (1 - gain) - 4 * deviation + lift)
