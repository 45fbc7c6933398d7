"""What lies over or under what in a flat pose, and which joints are then hidden if depths are given."""

import numpy as np

from data_pipeline.skeleton import INDEX, JOINTS, NUM_JOINTS
from data_pipeline.synthetic.anatomy import bones

# How deep under the surface each joint lies, metres of an average adult, and how many times deeper its own limbs and
# others hide it; as in `visibility`, which judges what is drawn.
_DEEP = {"ankle": 0.07, "knee": 0.065, "hip": 0.115, "pelvis": 0.13, "thorax": 0.11, "upper_neck": 0.12}
_DEEP |= {"head_top": 0.1, "wrist": 0.038, "elbow": 0.05, "shoulder": 0.075}
_SINK = np.array([_DEEP[name.removeprefix("right_").removeprefix("left_")] for name in JOINTS]) * bones.METRE
_OWN, _OTHER = 2.0, 1.3


class Overlap:
    """The pairs of a joint and a bar of the body that share a place in the picture."""

    def __init__(self, joints: np.ndarray, turned: float) -> None:
        """Takes (16, 2) joints in head sizes, and how far the trunk is in profile, 0 to 1."""
        half, wide = bones.BAR_HALF.copy(), bones.BAR_HALF.copy()
        half[bones.FLAT_BARS] += bones.FLATNESS * turned
        wide[bones.FLAT_BARS] += bones.FLATNESS * np.sqrt(1 - turned**2)
        start = joints[bones.BAR_FROM]
        line = joints[bones.BAR_TO] - start
        share = ((joints[:, None] - start) * line).sum(2) / np.maximum((line**2).sum(1), 1e-6)
        share = np.clip(share, 0, bones.BAR_REACH)
        off = np.linalg.norm(joints[:, None] - start - share[..., None] * line, axis=2) / wide
        joint, bar = np.nonzero(off < 1.05)
        own = (joint == bones.BAR_FROM[bar]) | (joint == bones.BAR_TO[bar])
        own |= np.isin(joint, (INDEX["pelvis"], INDEX["thorax"])) & np.isin(bar, bones.FLAT_BARS)
        bulge = half[bar] * np.sqrt(np.maximum(1 - off[joint, bar] ** 2, 0.05))
        self._joint, self._near, self._far = joint, bones.BAR_FROM[bar], bones.BAR_TO[bar]
        self._share = share[joint, bar]
        self._ahead = np.where(own, _OWN, _OTHER) * _SINK[joint] - bulge
        self._belongs = np.eye(NUM_JOINTS)[joint]

    def hidden(self, depth: np.ndarray) -> np.ndarray:
        """(..., 16) 1.0 where a bar is before a joint and else 0.0, for (..., 16) depths in head sizes."""
        bar = depth[..., self._near] * (1 - self._share) + depth[..., self._far] * self._share
        return np.minimum((bar + self._ahead < depth[..., self._joint]) @ self._belongs, 1.0)
