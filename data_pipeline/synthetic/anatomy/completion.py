"""Places for joints that nobody annotated, so that a whole body can be drawn."""

import numpy as np

from data_pipeline.skeleton import JOINTS
from data_pipeline.synthetic.anatomy.body import SIDES
from data_pipeline.synthetic.anatomy.bones import LENGTHS

# A limb of which one end is missing is drawn a little foreshortened, as most are.
_SEEN = 0.85
_PAIRS = {"pelvis": "hip", "thorax": "shoulder"}


class _Places(dict):
    """(2,) places by joint, NaN where unknown; what follows from an unknown place is unknown by itself."""

    def offer(self, name: str, place: np.ndarray) -> None:
        """Takes a place for a joint that has none yet."""
        if np.isnan(self[name]).any():
            self[name] = np.asarray(place, np.float64)


def _across(places, joint):
    """(2,) from the right to the left end of a pair, as the other pair has it, or of one who faces the camera."""
    other, share = {"hip": ("shoulder", 0.5), "shoulder": ("hip", 1.8)}[joint]
    across = share * (places[f"left_{other}"] - places[f"right_{other}"])
    return np.array([2 * _SEEN * LENGTHS[joint], 0.0]) if np.isnan(across).any() else across


def _down(places):
    """(2,) unit vector along the trunk, from the head to the hips."""
    for top, bottom in (("thorax", "pelvis"), ("upper_neck", "pelvis"), ("head_top", "upper_neck")):
        way = places[bottom] - places[top]
        # Where the one lies over the other, as in somebody who bends to the camera, the next may tell.
        if np.hypot(*way) > 0.3:
            return way / np.hypot(*way)
    return np.array([0.0, 1.0])


def _middles(places):
    """Pelvis and thorax from hips and shoulders, and an end of a pair from the middle and the other end."""
    for middle, joint in _PAIRS.items():
        right, left = f"right_{joint}", f"left_{joint}"
        places.offer(middle, (places[right] + places[left]) / 2)
        places.offer(right, 2 * places[middle] - places[left])
        places.offer(left, 2 * places[middle] - places[right])
        half = _across(places, joint) / 2
        places.offer(middle, places[right] + half)
        places.offer(middle, places[left] - half)


def _trunk(places, around):
    """Trunk and head; `around` (2,) stands in for the trunk's middle where nothing of it is known."""
    _middles(places)
    down = _down(places)
    places.offer("thorax", places["upper_neck"] + LENGTHS["neck"] * down)
    places.offer("thorax", places["head_top"] + (LENGTHS["head"] + LENGTHS["neck"]) * down)
    places.offer("thorax", places["pelvis"] - _SEEN * LENGTHS["trunk"] * down)
    places.offer("thorax", around - _SEEN / 2 * LENGTHS["trunk"] * down)
    places.offer("pelvis", places["thorax"] + _SEEN * LENGTHS["trunk"] * down)
    places.offer("upper_neck", places["thorax"] - LENGTHS["neck"] * down)
    places.offer("head_top", places["upper_neck"] - LENGTHS["head"] * down)
    _middles(places)
    for middle, joint in _PAIRS.items():
        half = _across(places, joint) / 2
        for side, sign in SIDES.items():
            places.offer(f"{side}_{joint}", places[middle] + sign * half)


def _limb(places, root, middle, end, lengths):
    """An arm or a leg: between what is known, else straight on from it, else down the trunk."""
    upper, lower = (_SEEN * LENGTHS[name] for name in lengths)
    down = _down(places)
    places.offer(middle, (places[root] + places[end]) / 2)
    places.offer(middle, places[root] + upper * down)
    way = places[middle] - places[root] + 0.5 * upper * down
    places.offer(end, places[middle] + lower * way / max(np.hypot(*way), 1e-6))


def complete(joints: np.ndarray, annotated: np.ndarray) -> np.ndarray:
    """Adds plausible places for missing joints.

    Args:
        joints: (16, 2) head sizes, any origin.
        annotated: (16,) bool, which of them are known, at least one.

    Returns:
        (16, 2) float64, the known ones as they were.
    """
    joints = np.where(annotated[:, None], joints, np.nan).astype(np.float64)
    places = _Places(zip(JOINTS, joints, strict=True))
    _trunk(places, joints[annotated].mean(0))
    for side in SIDES:
        _limb(places, *(f"{side}_{name}" for name in ("hip", "knee", "ankle")), ("thigh", "shin"))  # type: ignore[call-arg]
        _limb(places, *(f"{side}_{name}" for name in ("shoulder", "elbow", "wrist")), ("upper_arm", "forearm"))  # type: ignore[call-arg]
    return np.stack([places[name] for name in JOINTS])
