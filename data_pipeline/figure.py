"""A clothed figure around a body's points, and which of its joints can be seen."""

import dataclasses

import numpy as np

from data_pipeline import skeleton, sweep
from data_pipeline.body import SIDES

# Half widths and depths in metres of an average adult, along each part.
_HIPS = (sweep.profile(0.11, 0.165, 0.172, 0.16, 0.145), sweep.profile(0.09, 0.118, 0.122, 0.11, 0.1))
_TORSO = (
    sweep.profile(0.145, 0.14, 0.142, 0.155, 0.17, 0.175, 0.165, 0.13, 0.065),
    sweep.profile(0.1, 0.1, 0.105, 0.112, 0.122, 0.122, 0.11, 0.088, 0.06),
)
_UPPER_ARM = sweep.profile(0.06, 0.057, 0.054, 0.05, 0.044, 0.042)
_FOREARM = sweep.profile(0.042, 0.046, 0.044, 0.038, 0.032, 0.028)
_HAND = (sweep.profile(0.028, 0.042, 0.046, 0.042, 0.03), sweep.profile(0.022, 0.024, 0.022, 0.018, 0.012))
_THIGH = sweep.profile(0.092, 0.094, 0.088, 0.08, 0.07, 0.06)
_SHIN = sweep.profile(0.057, 0.06, 0.061, 0.056, 0.046, 0.038, 0.036)
_FOOT = (sweep.profile(0.034, 0.038, 0.044, 0.048, 0.044, 0.03), sweep.profile(0.045, 0.05, 0.044, 0.034, 0.026, 0.02))
_NECK = sweep.profile(0.062, 0.056, 0.056)
_COLLAR = sweep.profile(0.06, 0.068, 0.064)
_SKIRT = (sweep.profile(0.16, 0.19, 0.2, 0.22, 0.24), sweep.profile(0.11, 0.14, 0.16, 0.18, 0.2))
_ARC = np.linspace(-1, 1, sweep.STATIONS)
_EGG = (np.sqrt(1 - np.abs(_ARC) ** 2.4) * (1 + 0.1 * _ARC)).astype(np.float32)

# How far below the surface each joint lies, metres of an average adult, and which parts may lie over it: a joint is
# hidden by what is well in front of it, and by another part sooner than by its own.
_JOINT_DEPTH = {
    "ankle": 0.05,
    "knee": 0.065,
    "hip": 0.105,
    "pelvis": 0.13,
    "thorax": 0.11,
    "upper_neck": 0.09,
    "head_top": 0.1,
    "wrist": 0.038,
    "elbow": 0.05,
    "shoulder": 0.075,
}
_JOINT_PARTS = {
    "ankle": ("shin", "foot"),
    "knee": ("thigh", "shin", "skirt"),
    "hip": ("hips", "thigh", "skirt"),
    "pelvis": ("hips", "torso", "skirt"),
    "thorax": ("torso", "neck", "collar", "hair"),
    "upper_neck": ("neck", "head", "hair"),
    "head_top": ("head", "hair"),
    "wrist": ("forearm", "hand"),
    "elbow": ("upper_arm", "forearm"),
    "shoulder": ("upper_arm", "collar", "torso"),
}


@dataclasses.dataclass(frozen=True)
class Figure:
    """A body with its place in the camera's frame.

    Attributes:
        parts: `sweep.Part` by name.
        joints_camera: (16, 3) metres.
        girth: of its body.
    """

    parts: dict
    joints_camera: np.ndarray
    girth: float

    def numbers(self, first):
        """The owner's number of each part by name, when drawn from `first` on."""
        return {name: first + i for i, name in enumerate(self.parts)}

    def draw(self, picture, camera, light, first):
        """Draws it into a `canvas.Canvas` with the owners' numbers from `first` on."""
        sweep.draw(picture, list(self.parts.values()), camera, light, list(self.numbers(first).values()))


def _face(outfit):
    """Paints hair, eyes, brows and mouth by where on the head a pixel is."""
    hair = np.array(outfit.hair.base, np.float32)[:, None]
    dark = hair * np.float32(0.7)
    hat = np.array(outfit.shirt.second, np.float32)[:, None]
    lips = np.array(outfit.skin.base, np.float32)[:, None] * np.float32([0.8, 0.5, 0.5])[:, None]

    def paint(colour, up, left, front):
        ahead, aside = front > 0, np.abs(left)
        eyes = (np.abs(up - 0.5) < 0.05) & (np.abs(aside - 0.36) < 0.14) & ahead
        brows = (np.abs(up - 0.6) < 0.025) & (np.abs(aside - 0.36) < 0.2) & ahead
        mouth = (np.abs(up - 0.2) < 0.03) & (aside < 0.27) & ahead
        grown = (up > 0.8) | ((up > 0.62 - 0.9 * front) & (up > 0.18) & (front < 0.42))
        for where, what in ((mouth, lips), (brows, dark), (eyes, np.float32(28)), (grown, hair)):
            colour = np.where(where, what, colour)
        return np.where(up > 0.72, hat, colour) if outfit.hat else colour

    return paint


def _front(outfit):
    """Paints an open jacket's inside, in the second colour, down the front."""
    if not outfit.opening:
        return None
    inner = np.array(outfit.socks.base, np.float32)[:, None]

    def paint(colour, up, left, front):
        return np.where((np.abs(left) < outfit.opening) & (front > 0), inner, colour)

    return paint


def _trunk(points, frames, body, outfit):
    g, hips, torso, head = body.girth, frames["pelvis"], frames["torso"], frames["head"]
    pelvis, thorax, neck, top = (points[name] for name in ("pelvis", "thorax", "upper_neck", "head_top"))
    trunk, skull = body.lengths["trunk"], body.lengths["head"]
    loose = 0.5 + 0.5 * outfit.loose
    face = neck + head[:, 1] * (0.06 * skull) + head[:, 2] * (0.12 * skull)
    yield "hips", sweep.Part(
        pelvis - hips[:, 1] * 0.1 * g, pelvis + hips[:, 1] * 0.1 * g, _HIPS[0] * g, _HIPS[1] * g,
        outfit.trousers, hips[:, 0], (0.03, 0.03),
    )  # fmt: skip
    yield "torso", sweep.Part(
        pelvis + torso[:, 1] * 0.1 * trunk, thorax + torso[:, 1] * 0.045 * g, _TORSO[0] * g * loose,
        _TORSO[1] * g * loose, outfit.shirt, torso[:, 0], (0.05, 0.02), paint=_front(outfit),
    )  # fmt: skip
    yield "neck", sweep.Part(
        thorax, face + head[:, 1] * 0.2 * skull - head[:, 2] * 0.15 * skull, _NECK * g, _NECK * g, outfit.skin
    )
    yield "head", sweep.Part(
        face, top + head[:, 2] * (0.05 * skull), _EGG * 0.3 * skull, _EGG * 0.37 * skull,
        outfit.skin, head[:, 0], paint=_face(outfit),
    )  # fmt: skip
    nose = face + head[:, 1] * 0.42 * skull + head[:, 2] * 0.34 * skull
    yield "nose", sweep.Part(
        nose, nose - head[:, 1] * 0.12 * skull + head[:, 2] * 0.06 * skull,
        sweep.profile(0.012, 0.02) * g, sweep.profile(0.012, 0.02) * g, outfit.skin, caps=(0.01, 0.015),
    )  # fmt: skip
    if outfit.long_hair:
        back = top - head[:, 1] * 0.35 * skull - head[:, 2] * 0.16 * skull
        yield "hair", sweep.Part(
            back, back - head[:, 1] * 0.85 * skull, sweep.profile(0.3, 0.36, 0.34, 0.26) * skull,
            sweep.profile(0.22, 0.2, 0.12, 0.08) * skull, outfit.hair, head[:, 0], (0.04, 0.03),
        )  # fmt: skip
    if outfit.skirt:
        knees = (points["right_knee"] + points["left_knee"]) / 2
        yield "skirt", sweep.Part(
            pelvis + hips[:, 1] * 0.06 * g, pelvis + 0.7 * (knees - pelvis), _SKIRT[0] * g, _SKIRT[1] * g,
            outfit.trousers, hips[:, 0], (0.02, 0.02),
        )  # fmt: skip


def _limb(start, end, width, cloth, under, hem, loose):
    """A round limb that `cloth` covers down to `hem` of its length, wider there."""
    covered = np.linspace(0, 1, sweep.STATIONS) < hem
    width = np.where(covered, width * loose, width).astype(np.float32)
    hem_cloth, under = (cloth, under) if hem > 0 else (under, None)
    return sweep.Part(start, end, width, width, hem_cloth, None, (width[0], width[-1]), under, hem)


def _side(side, points, frames, body, outfit):
    g, loose = body.girth, outfit.loose
    shoulder, elbow, wrist, hand = (points[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist", "hand"))
    hip, knee, ankle, heel, toe = (points[f"{side}_{name}"] for name in ("hip", "knee", "ankle", "heel", "toe"))
    sleeve, leg = 2 * outfit.sleeve, 2 * outfit.leg
    arm = (outfit.shirt, outfit.skin)
    root = points["thorax"] + 0.25 * (shoulder - points["thorax"]) - frames["torso"][:, 1] * 0.02 * g
    yield f"{side}_collar", _limb(root, shoulder, _COLLAR * g, *arm, 1.0, 1.0)
    yield f"{side}_upper_arm", _limb(shoulder, elbow, _UPPER_ARM * g, *arm, min(sleeve, 1.0), loose)
    yield f"{side}_forearm", _limb(elbow, wrist, _FOREARM * g, *arm, max(sleeve - 1, 0.0), loose)
    yield f"{side}_hand", sweep.Part(
        wrist, hand + 0.6 * (hand - wrist), _HAND[0] * g, _HAND[1] * g,
        outfit.skin, frames[f"{side}_hand"][:, 2], (0.02, 0.02),
    )  # fmt: skip
    thigh = (outfit.trousers, outfit.skin)
    yield f"{side}_thigh", _limb(hip, knee, _THIGH * g, *thigh, min(leg, 1.0), loose)
    shin = (outfit.trousers, outfit.skin) if leg > 1 else (outfit.skin, outfit.socks)
    yield f"{side}_shin", _limb(knee, ankle, _SHIN * g, *shin, leg - 1 if leg > 1 else 0.75, loose if leg > 1 else 1.0)
    yield f"{side}_foot", sweep.Part(
        heel, toe, _FOOT[0] * g, _FOOT[1] * g, outfit.shoes, frames[f"{side}_foot"][:, 0], (0.03, 0.03)
    )


def build(points_camera, frames_camera, body, outfit):
    """Puts parts around a body.

    Args:
        points_camera, frames_camera: from `body.forward`, moved into the camera's frame (metres; columns left, up,
            front).
        body: from `body.sample`.
        outfit: from `wardrobe.sample`.

    Returns:
        A `Figure`.
    """
    parts = dict(_trunk(points_camera, frames_camera, body, outfit))
    for side in SIDES:
        parts.update(_side(side, points_camera, frames_camera, body, outfit))
    joints = np.stack([points_camera[name] for name in skeleton.JOINTS])
    return Figure(parts, joints, body.girth)


def _own_parts(figure, joint, side, numbers):
    names = [f"{side}_{name}" if f"{side}_{name}" in numbers else name for name in _JOINT_PARTS[joint]]
    if not side:
        names += [f"{s}_collar" for s in SIDES]
    return {numbers[name] for name in names if name in numbers}


def visible(figure, picture, camera, first):
    """Which joints nothing hides, from what is front-most at each joint's pixel.

    Args:
        figure: drawn into `picture` with numbers from `first` on.
        picture: the finished `canvas.Canvas`.
        camera: what it was drawn with.
        first: see `Figure.draw`.

    Returns:
        `(inside, visible)`: (16,) bool, whether the joint is in the picture, and whether it is seen there. A joint
        is hidden by its own parts where they are nearer by more than twice its depth below the surface, and by
        anything else where it is nearer by more than 1.3 times.
    """
    height, width = picture.depth.shape
    pixels = np.round(camera.project(figure.joints_camera)).astype(int)
    inside = ((pixels >= 0) & (pixels < (width, height))).all(1)
    numbers, seen = figure.numbers(first), np.zeros(len(pixels), bool)
    for i in np.flatnonzero(inside):
        side, _, name = skeleton.JOINTS[i].partition("_")
        side, name = (side, name) if side in SIDES else ("", skeleton.JOINTS[i])
        x, y = pixels[i]
        own = picture.owner[y, x] in _own_parts(figure, name, side, numbers)
        room = _JOINT_DEPTH[name] * figure.girth * (2.0 if own else 1.3)
        seen[i] = picture.depth[y, x] >= figure.joints_camera[i, 2] - room
    return inside, seen
