"""The skeleton as a tree of bones, in head sizes (PCKh's unit): lengths, parents, and how thick each bone's limb is."""

import numpy as np

from data_pipeline.skeleton import INDEX, JOINTS, NUM_JOINTS
from data_pipeline.synthetic.anatomy.body import SHARES, SIDES

# A head size as a share of the stature, as `body.Body.head_size` has it.
HEAD_SHARE = 0.75 * SHARES["head"]
# The length of each of `SHARES` in head sizes.
LENGTHS = {name: share / HEAD_SHARE for name, share in SHARES.items()}
# Metres of an average adult to head sizes.
METRE = 1 / (1.72 * HEAD_SHARE)


def _tree():
    """Every joint's parent, and the bone to it; the pelvis is its own parent."""
    tree = {"pelvis": ("pelvis", None), "thorax": ("pelvis", "trunk"), "upper_neck": ("thorax", "neck")}
    tree["head_top"] = ("upper_neck", "head")
    for side in SIDES:
        for root, *limb in (
            ("pelvis", ("hip", "hip"), ("knee", "thigh"), ("ankle", "shin")),
            ("thorax", ("shoulder", "shoulder"), ("elbow", "upper_arm"), ("wrist", "forearm")),
        ):
            parent = root
            for joint, bone in limb:
                tree[f"{side}_{joint}"] = parent, bone
                parent = f"{side}_{joint}"
    return tree


def _descent(parents):
    """(16, 16) whose column j has ones for joint j and all that it hangs from: steps @ it are places."""
    sums = np.eye(NUM_JOINTS)
    for child in range(NUM_JOINTS):
        joint = child
        while parents[joint] != joint:
            joint = parents[joint]
            sums[joint, child] = 1
    return sums


_TREE = _tree()
PARENT = np.array([INDEX[_TREE[name][0]] for name in JOINTS])
LENGTH = np.array([LENGTHS.get(_TREE[name][1], 1.0) for name in JOINTS])
DESCENT = _descent(PARENT)

# Joints at the ends of limbs, and of all long bones.
LIMBS = np.array([INDEX[f"{side}_{name}"] for side in SIDES for name in ("knee", "ankle", "elbow", "wrist")])
LONG = np.array([INDEX["thorax"], *LIMBS])

# What can hide a joint: bars from one joint to another, half as thick as given in metres of an average adult, and
# longer by a factor. The first three are head, trunk and hips.
_BARS: list[tuple] = [
    ("upper_neck", "head_top", 0.085, 1.0),
    ("pelvis", "thorax", 0.112, 1.0),
    ("right_hip", "left_hip", 0.115, 1.0),
]
for _side in SIDES:
    _BARS += [
        (f"{_side}_shoulder", f"{_side}_elbow", 0.053, 1.0),
        (f"{_side}_elbow", f"{_side}_wrist", 0.042, 1.55),
        (f"{_side}_hip", f"{_side}_knee", 0.082, 1.0),
        (f"{_side}_knee", f"{_side}_ankle", 0.055, 1.0),
    ]
BAR_FROM, BAR_TO = (np.array([INDEX[bar[end]] for bar in _BARS]) for end in (0, 1))
BAR_HALF = np.array([bar[2] for bar in _BARS]) * METRE
BAR_REACH = np.array([bar[3] for bar in _BARS])
# Trunk and hips, and how much wider they are from the front than from the side.
FLAT_BARS, FLATNESS = [1, 2], 0.045 * METRE
