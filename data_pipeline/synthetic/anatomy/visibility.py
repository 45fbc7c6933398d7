"""Which joints of a drawn figure can be seen: from what is front-most at each joint's pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.skeleton import JOINTS
from data_pipeline.synthetic.anatomy.body import SIDES

# How far below the surface each joint lies, metres of an average adult, and which parts may lie over it: a joint is
# hidden by what is well in front of it, and by another part sooner than by its own.
_JOINT_DEPTH = {
    "ankle": 0.07,
    "knee": 0.065,
    "hip": 0.115,
    "pelvis": 0.13,
    "thorax": 0.11,
    "upper_neck": 0.12,
    "head_top": 0.1,
    "wrist": 0.038,
    "elbow": 0.05,
    "shoulder": 0.075,
    "nose": 0.035,
    "eye": 0.02,
    "ear": 0.045,
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
    "nose": ("nose", "head"),
    "eye": ("head", "nose"),
    "ear": ("head",),
}


def _own_parts(figure, joint, side, numbers):
    names = [f"{side}_{name}" if f"{side}_{name}" in numbers else name for name in _JOINT_PARTS[joint]]
    if not side:
        names += [f"{s}_collar" for s in SIDES]
    return {numbers[name] for name in names if name in numbers}


def _split(joint):
    """A joint's side, empty for the middle ones, and its name without it."""
    side, _, name = joint.partition("_")
    return (side, name) if side in SIDES else ("", joint)


def visible(
    figure: Any, picture: Any, camera: Any, first: int, names: Sequence[str] = JOINTS
) -> tuple[np.ndarray, np.ndarray]:
    """Which joints nothing hides, from what is front-most at each joint's pixel.

    Args:
        figure: a `figure.Figure`, drawn into `picture` with numbers from `first` on.
        picture: the finished `canvas.Canvas`.
        camera: what it was drawn with.
        first: the number of its first part.
        names: of the joints that are asked for, of MPII's or the face's.

    Returns:
        `(inside, visible)`: (K,) bool, whether the joint is in the picture, and whether it is seen there. A joint
        is hidden by its own parts where they are nearer by more than twice its depth below the surface, and by
        anything else where it is nearer by more than 1.3 times.
    """
    height, width = picture.depth.shape
    points = figure.places(names)
    pixels = np.round(camera.project(points)).astype(int)
    inside = ((pixels >= 0) & (pixels < (width, height))).all(1)
    numbers, seen = figure.numbers(first), np.zeros(len(pixels), bool)
    for i in np.flatnonzero(inside):
        side, name = _split(names[i])
        x, y = pixels[i]
        own = picture.owner[y, x] in _own_parts(figure, name, side, numbers)
        room = _JOINT_DEPTH[name] * figure.girth * (2.0 if own else 1.3)
        seen[i] = picture.depth[y, x] >= points[i, 2] - room
    return inside, seen
