"""What a person wears: skin, hair and clothes, drawn at random."""

import colorsys
import dataclasses

import numpy as np

from data_pipeline.synthetic.rendering import texture

_SKINS = ((244, 208, 177), (229, 184, 143), (204, 152, 108), (164, 112, 76), (112, 72, 48), (84, 54, 38))
_HAIRS = ((28, 22, 20), (58, 38, 26), (96, 62, 36), (168, 126, 72), (206, 174, 118), (140, 60, 30), (170, 168, 166))
_PATTERNS = ("plain", "plain", "plain", "hoops", "stripes", "checks", "dots", "camouflage")


@dataclasses.dataclass(frozen=True)
class Outfit:
    """What covers the parts of one body.

    Attributes:
        skin, hair, shirt, trousers, shoes, socks: a `texture.Cloth` each.
        sleeve: share of the arm, shoulder to wrist, that the shirt covers.
        leg: share of the leg, hip to ankle, that the trousers cover.
        skirt: whether a skirt covers the hips and the thighs' upper part.
        long_hair, hat: whether the hair falls to the neck, and whether a hat in the shirt's second colour covers it.
        opening: half width of a jacket's open front as the normal's component to the side; 0 for none.
        loose: factor of the clothes' width over the limb's.
    """

    skin: texture.Cloth
    hair: texture.Cloth
    shirt: texture.Cloth
    trousers: texture.Cloth
    shoes: texture.Cloth
    socks: texture.Cloth
    sleeve: float
    leg: float
    skirt: bool
    long_hair: bool
    hat: bool
    opening: float
    loose: float


def colour(rng: np.random.Generator, vivid: float = 1.0) -> tuple[float, float, float]:
    """(3,) RGB in 0 to 255: mostly muted, some bright, some black or white; `vivid` scales the saturation."""
    hue, saturation, value = rng.random(), vivid * rng.beta(1.2, 2.2), 40 + 215 * rng.beta(1.6, 1.5)
    return colorsys.hsv_to_rgb(hue, saturation, value)


def skin(rng: np.random.Generator) -> texture.Cloth:
    """A cloth in a skin's tone."""
    base = np.array(_SKINS[rng.integers(len(_SKINS))]) * rng.uniform(0.88, 1.08)
    return texture.Cloth(tuple(base), tuple(base * 0.86), "plain", 0.4)


def cloth(rng: np.random.Generator, patterned: bool = True) -> texture.Cloth:
    """A cloth of random colours and pattern."""
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))] if patterned else "plain"
    base = colour(rng)
    second = tuple(v * 0.6 for v in base) if pattern == "plain" else colour(rng)
    return texture.Cloth(base, second, pattern, float(rng.uniform(0.15, 0.45)))


def _trousers(rng):
    if rng.random() < 0.35:
        shade = rng.uniform(0.6, 1.4)
        return texture.Cloth((52 * shade, 68 * shade, 104 * shade), (92 * shade, 110 * shade, 146 * shade), "denim")
    return cloth(rng, patterned=rng.random() < 0.2)


def sample(rng: np.random.Generator) -> Outfit:
    """Draws an `Outfit`."""
    hair = np.array(_HAIRS[rng.integers(len(_HAIRS))]) * rng.uniform(0.8, 1.15)
    shirt = cloth(rng)
    suit = rng.random() < 0.1
    return Outfit(
        skin=skin(rng),
        hair=texture.Cloth(tuple(hair), tuple(hair * 0.5), "denim", 0.2),
        shirt=shirt,
        trousers=shirt if suit else _trousers(rng),
        shoes=cloth(rng, patterned=False),
        socks=cloth(rng, patterned=False),
        sleeve=float(rng.choice([0.04, 0.3, 0.36, 0.95, 0.97])),
        leg=float(rng.choice([0.24, 0.42, 0.48, 0.93, 0.96, 0.97])),
        skirt=bool(rng.random() < 0.12),
        long_hair=bool(rng.random() < 0.35),
        hat=bool(rng.random() < 0.15),
        opening=float(rng.uniform(0.15, 0.4)) if rng.random() < 0.3 else 0.0,
        loose=float(rng.uniform(1.0, 1.25)),
    )
