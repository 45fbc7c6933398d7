"""A clothed figure around a body's points."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from data_pipeline import skeleton
from data_pipeline.synthetic.anatomy import face
from data_pipeline.synthetic.anatomy.body import SIDES, Body
from data_pipeline.synthetic.rendering import part
from data_pipeline.synthetic.rendering.wardrobe import Outfit

# Half widths and depths in metres of an average adult, along each part.
_HIPS = (part.profile(0.11, 0.165, 0.172, 0.16, 0.145), part.profile(0.09, 0.118, 0.122, 0.11, 0.1))
_TORSO = (
    part.profile(0.145, 0.14, 0.142, 0.155, 0.17, 0.175, 0.165, 0.13, 0.065),
    part.profile(0.1, 0.1, 0.105, 0.112, 0.122, 0.122, 0.11, 0.088, 0.06),
)
_UPPER_ARM = part.profile(0.06, 0.057, 0.054, 0.05, 0.044, 0.042)
_FOREARM = part.profile(0.042, 0.046, 0.044, 0.038, 0.032, 0.028)
_HAND = (part.profile(0.028, 0.042, 0.046, 0.042, 0.03), part.profile(0.022, 0.024, 0.022, 0.018, 0.012))
_THIGH = part.profile(0.092, 0.094, 0.088, 0.08, 0.07, 0.06)
_SHIN = part.profile(0.057, 0.06, 0.061, 0.056, 0.046, 0.038, 0.036)
_FOOT = (part.profile(0.034, 0.038, 0.044, 0.048, 0.044, 0.03), part.profile(0.045, 0.05, 0.044, 0.034, 0.026, 0.02))
_NECK = part.profile(0.062, 0.056, 0.056)
_COLLAR = part.profile(0.06, 0.068, 0.064)
_SKIRT = (part.profile(0.16, 0.19, 0.2, 0.22, 0.24), part.profile(0.11, 0.14, 0.16, 0.18, 0.2))
_ARC = np.linspace(-1, 1, part.STATIONS)
_EGG = (np.sqrt(1 - np.abs(_ARC) ** 2.4) * (1 + 0.1 * _ARC)).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Figure:
    """A body with its place in the camera's frame.

    Attributes:
        parts: `part.Part` by name.
        joints_camera: (16, 3) metres.
        girth: of its body.
        face_camera: (3,) metres by the names of `face.PLACES`.
    """

    parts: dict
    joints_camera: np.ndarray
    girth: float
    face_camera: dict = dataclasses.field(default_factory=dict)

    def places(self, names: Sequence[str]) -> np.ndarray:
        """(K, 3) metres of joints by their names, of MPII's or the face's."""
        known = dict(zip(skeleton.JOINTS, self.joints_camera, strict=True)) | self.face_camera
        return np.stack([known[name] for name in names])

    def numbers(self, first: int) -> dict[str, int]:
        """The owner's number of each part by name, when drawn from `first` on."""
        return {name: first + i for i, name in enumerate(self.parts)}


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
    yield "hips", part.Part(
        pelvis - hips[:, 1] * 0.1 * g, pelvis + hips[:, 1] * 0.1 * g, _HIPS[0] * g, _HIPS[1] * g,
        outfit.trousers, hips[:, 0], (0.03, 0.03),
    )  # fmt: skip
    yield "torso", part.Part(
        pelvis + torso[:, 1] * 0.1 * trunk, thorax + torso[:, 1] * 0.045 * g, _TORSO[0] * g * loose,
        _TORSO[1] * g * loose, outfit.shirt, torso[:, 0], (0.05, 0.02), paint=_front(outfit),
    )  # fmt: skip
    yield (
        "neck",
        part.Part(
            thorax, face + head[:, 1] * 0.2 * skull - head[:, 2] * 0.15 * skull, _NECK * g, _NECK * g, outfit.skin
        ),
    )
    yield "head", part.Part(
        face, top + head[:, 2] * (0.05 * skull), _EGG * 0.3 * skull, _EGG * 0.37 * skull,
        outfit.skin, head[:, 0], paint=_face(outfit),
    )  # fmt: skip
    nose = face + head[:, 1] * 0.42 * skull + head[:, 2] * 0.34 * skull
    yield "nose", part.Part(
        nose, nose - head[:, 1] * 0.12 * skull + head[:, 2] * 0.06 * skull,
        part.profile(0.012, 0.02) * g, part.profile(0.012, 0.02) * g, outfit.skin, caps=(0.01, 0.015),
    )  # fmt: skip
    if outfit.long_hair:
        back = top - head[:, 1] * 0.35 * skull - head[:, 2] * 0.16 * skull
        yield "hair", part.Part(
            back, back - head[:, 1] * 0.85 * skull, part.profile(0.3, 0.36, 0.34, 0.26) * skull,
            part.profile(0.22, 0.2, 0.12, 0.08) * skull, outfit.hair, head[:, 0], (0.04, 0.03),
        )  # fmt: skip
    if outfit.skirt:
        knees = (points["right_knee"] + points["left_knee"]) / 2
        yield "skirt", part.Part(
            pelvis + hips[:, 1] * 0.06 * g, pelvis + 0.7 * (knees - pelvis), _SKIRT[0] * g, _SKIRT[1] * g,
            outfit.trousers, hips[:, 0], (0.02, 0.02),
        )  # fmt: skip


def _limb(start, end, width, cloth, under, hem, loose):
    """A round limb that `cloth` covers down to `hem` of its length, wider there."""
    width = np.where(hem > part.STEPS, width * loose, width).astype(np.float32)
    hem_cloth, under = (cloth, under) if hem > 0 else (under, None)
    return part.Part(start, end, width, width, hem_cloth, None, (width[0], width[-1]), under, hem)


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
    yield f"{side}_hand", part.Part(
        wrist, hand + 0.6 * (hand - wrist), _HAND[0] * g, _HAND[1] * g,
        outfit.skin, frames[f"{side}_hand"][:, 2], (0.02, 0.02),
    )  # fmt: skip
    thigh = (outfit.trousers, outfit.skin)
    yield f"{side}_thigh", _limb(hip, knee, _THIGH * g, *thigh, min(leg, 1.0), loose)
    shin = (outfit.trousers, outfit.skin) if leg > 1 else (outfit.skin, outfit.socks)
    yield f"{side}_shin", _limb(knee, ankle, _SHIN * g, *shin, leg - 1 if leg > 1 else 0.75, loose if leg > 1 else 1.0)
    yield (
        f"{side}_foot",
        part.Part(heel, toe, _FOOT[0] * g, _FOOT[1] * g, outfit.shoes, frames[f"{side}_foot"][:, 0], (0.03, 0.03)),
    )


def build(
    points_camera: dict[str, np.ndarray], frames_camera: dict[str, np.ndarray], body: Body, outfit: Outfit
) -> Figure:
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
    own = face.points(points_camera["upper_neck"], points_camera["head_top"], frames_camera["head"])
    return Figure(parts, joints, body.girth, own)
