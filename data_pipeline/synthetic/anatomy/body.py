"""A body in three dimensions: its proportions, its joints' limits, and where a posture puts its joints.

The body's own frame is right-handed: x to the person's left, y up, z to where the person faces; metres. Angles are
degrees. A zero posture stands upright with the arms hanging, palms in.
"""

import dataclasses
import math

import numpy as np

from data_pipeline import skeleton

# Lowest and highest angle of each degree of freedom. Flexion raises a limb to the front (a knee: heel to the back),
# abduction raises it sideways, rotation turns it inwards; spine and neck bend forward, to the left, and twist left.
# Sided ones hold for both sides.
LIMITS = {
    "spine_flexion": (-30, 80),
    "spine_side": (-30, 30),
    "spine_twist": (-40, 40),
    "neck_flexion": (-40, 45),
    "neck_side": (-30, 30),
    "neck_twist": (-70, 70),
    "shrug": (-8, 25),
    "shoulder_flexion": (-50, 175),
    "shoulder_abduction": (-15, 120),
    "shoulder_rotation": (-90, 90),
    "elbow": (0, 150),
    "wrist": (-60, 60),
    "hip_flexion": (-25, 125),
    "hip_abduction": (-15, 60),
    "hip_rotation": (-40, 45),
    "knee": (0, 145),
    "ankle": (-20, 45),
}
UNSIDED = tuple(name for name in LIMITS if name.startswith(("spine", "neck")))
SIDES = {"right": -1, "left": 1}

# Lengths as shares of the stature, close to the medians of MPII's limbs in units of its head size: there, upper neck
# to head top is 1.33 head sizes, and a standing adult is about 8.
SHARES = {
    "ankle_height": 0.045,
    "shin": 0.245,
    "thigh": 0.245,
    "hip": 0.057,
    "trunk": 0.285,
    "neck": 0.037,
    "head": 0.153,
    "shoulder": 0.106,
    "upper_arm": 0.178,
    "forearm": 0.152,
    "hand": 0.085,
    "foot": 0.125,
}


@dataclasses.dataclass(frozen=True)
class Body:
    """Proportions of one person.

    Attributes:
        stature: height in metres.
        lengths: metres of each name in `SHARES`.
        girth: thickness of trunk and limbs as a factor of an average adult's, size included.
    """

    stature: float
    lengths: dict
    girth: float

    @property
    def head_size(self) -> float:
        """The unit of PCKh in metres: 0.6 times the head box's diagonal, which is 0.8 of neck to top on MPII."""
        return 0.75 * self.lengths["head"]


def sample(rng: np.random.Generator) -> Body:
    """Draws proportions: one in six a child, the rest adults of 1.50 to 1.98 m, thin to stout."""
    child = rng.random() < 1 / 6
    stature = rng.uniform(1.0, 1.5) if child else float(np.clip(rng.normal(1.72, 0.1), 1.5, 1.98))
    lengths = {name: share * stature * rng.normal(1, 0.035) for name, share in SHARES.items()}
    # A child's head is large for its height.
    lengths["head"] *= (1.72 / stature) ** 0.4 if child else 1
    girth = stature / 1.72 * np.clip(rng.lognormal(0, 0.13), 0.78, 1.45)
    return Body(stature, lengths, float(girth))


def turn(axis: int, degrees: float) -> np.ndarray:
    """(3, 3) rotation about axis 0, 1 or 2 by the right-hand rule."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    if axis == 0:
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if axis == 1:
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def seen_from(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """(3, 3) rotation from the upright body's frame to that of a camera (x right, y down, z away), in degrees.

    At yaw 0 the person faces the camera; a positive yaw turns them to their left, the viewer's right. A positive pitch
    looks down on them.
    """
    return turn(2, roll) @ turn(0, pitch) @ np.diag([1.0, -1.0, -1.0]) @ turn(1, yaw)


def _limb(parent, flexion, abduction, rotation, sign):
    """Frame of a thigh or an upper arm, which hangs along -y of its own frame."""
    return parent @ turn(0, -flexion) @ turn(2, sign * abduction) @ turn(1, -sign * rotation)


def _of_side(angles, side):
    return {name.removeprefix(f"{side}_"): angle for name, angle in angles.items() if name.startswith(side)}


def _arm(body, angles, side, points, frames):
    sign, lengths, own = SIDES[side], body.lengths, _of_side(angles, side)
    collar = frames["torso"] @ turn(2, sign * own["shrug"])
    upper = _limb(frames["torso"], own["shoulder_flexion"], own["shoulder_abduction"], own["shoulder_rotation"], sign)
    fore = upper @ turn(0, -own["elbow"])
    hand = fore @ turn(2, -sign * own["wrist"])
    points[f"{side}_shoulder"] = points["thorax"] + collar @ [sign * lengths["shoulder"], 0, 0]
    points[f"{side}_elbow"] = points[f"{side}_shoulder"] - upper[:, 1] * lengths["upper_arm"]
    points[f"{side}_wrist"] = points[f"{side}_elbow"] - fore[:, 1] * lengths["forearm"]
    points[f"{side}_hand"] = points[f"{side}_wrist"] - hand[:, 1] * lengths["hand"]
    frames.update({f"{side}_upper_arm": upper, f"{side}_forearm": fore, f"{side}_hand": hand})


def _leg(body, angles, side, points, frames):
    sign, lengths, own = SIDES[side], body.lengths, _of_side(angles, side)
    thigh = _limb(frames["pelvis"], own["hip_flexion"], own["hip_abduction"], own["hip_rotation"], sign)
    shin = thigh @ turn(0, own["knee"])
    foot = shin @ turn(0, own["ankle"])
    points[f"{side}_hip"] = points["pelvis"] + frames["pelvis"] @ [sign * lengths["hip"], 0, 0]
    points[f"{side}_knee"] = points[f"{side}_hip"] - thigh[:, 1] * lengths["thigh"]
    points[f"{side}_ankle"] = points[f"{side}_knee"] - shin[:, 1] * lengths["shin"]
    sole = points[f"{side}_ankle"] - foot[:, 1] * 0.6 * lengths["ankle_height"]
    points[f"{side}_heel"] = sole - foot[:, 2] * 0.2 * lengths["foot"]
    points[f"{side}_toe"] = sole + foot[:, 2] * 0.75 * lengths["foot"]
    frames.update({f"{side}_thigh": thigh, f"{side}_shin": shin, f"{side}_foot": foot})


def forward(
    body: Body, angles: dict[str, float], root: np.ndarray | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Puts a body into a posture, with the pelvis at the origin.

    Args:
        body: from `sample`.
        angles: degrees by name: the unsided names of `LIMITS`, and the others with `right_` and `left_` before them.
        root: (3, 3) rotation of the whole body; None for upright.

    Returns:
        `(points, frames)`: (3,) points in metres by name (the joints, and hands, heels and toes), and (3, 3) frames
        of the body's segments by name, columns left, up, front.
    """
    root, lengths = np.eye(3) if root is None else root, body.lengths
    torso = root @ turn(0, angles["spine_flexion"]) @ turn(2, -angles["spine_side"]) @ turn(1, angles["spine_twist"])
    neck = torso @ turn(0, angles["neck_flexion"] / 2) @ turn(2, -angles["neck_side"] / 2)
    head = torso @ turn(0, angles["neck_flexion"]) @ turn(2, -angles["neck_side"]) @ turn(1, angles["neck_twist"])
    points = {"pelvis": np.zeros(3), "thorax": torso[:, 1] * lengths["trunk"]}
    points["upper_neck"] = points["thorax"] + neck[:, 1] * lengths["neck"]
    points["head_top"] = points["upper_neck"] + head[:, 1] * lengths["head"]
    frames = {"pelvis": root, "torso": torso, "neck": neck, "head": head}
    for side in SIDES:
        _arm(body, angles, side, points, frames)
        _leg(body, angles, side, points, frames)
    return points, frames


def joints(points: dict[str, np.ndarray]) -> np.ndarray:
    """(16, 3) points of the joints in the order of `skeleton.JOINTS`."""
    return np.stack([points[name] for name in skeleton.JOINTS])


def intrudes(body: Body, points: dict[str, np.ndarray], frames: dict[str, np.ndarray]) -> set[str]:
    """Whether an arm runs through the trunk or the head.

    Args:
        body: proportions.
        points, frames: from `forward`.

    Returns:
        The set of sides, of "right" and "left", whose arm does.
    """
    found = set()
    skull = (points["upper_neck"] + points["head_top"]) / 2
    for side in SIDES:
        elbow, wrist, hand = (points[f"{side}_{name}"] for name in ("elbow", "wrist", "hand"))
        arm = np.stack([elbow, (elbow + wrist) / 2, wrist, (wrist + hand) / 2, hand])
        local = arm @ frames["torso"]
        flat = (local[:, 0] / (0.15 * body.girth)) ** 2 + (local[:, 2] / (0.11 * body.girth)) ** 2
        within = (local[:, 1] > -0.12) & (local[:, 1] < body.lengths["trunk"])
        near = np.linalg.norm(arm - skull, axis=1) < 0.42 * body.lengths["head"]
        if (within & (flat < 1)).any() or near.any():
            found.add(side)
    return found
