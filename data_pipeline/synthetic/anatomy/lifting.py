"""How far from the camera each joint of a flat pose is: from the lengths of limbs, what hides what, and joints' limits.

All is in head sizes (PCKh's unit); x is right, y down, z away from the camera. A camera far away leaves x and y as they
are, so that any depths project onto the given joints: they decide only what lies before what. They are searched for
chain by chain (trunk, legs, arms), a grid for each while the others rest, under two hypotheses: that the left side is
the farther one, and that it is the nearer one.
"""

import dataclasses

import numpy as np

from data_pipeline.skeleton import INDEX, NUM_JOINTS
from data_pipeline.synthetic.anatomy import bones
from data_pipeline.synthetic.anatomy.body import SIDES
from data_pipeline.synthetic.anatomy.overlap import Overlap

# Signs of the left side's depth under the two hypotheses.
_AWAY = np.array([1.0, -1.0])
# People who face the camera show hips and shoulders this share of their full width, in the median on MPII.
_FRONTAL = 0.85
# A limb as long as it can be may still end this many head sizes nearer or farther: its own thickness is in the way.
_LEAST_REACH = 0.8


def _grid(*axes):
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(axes))


# Shares of the largest step in depth: of middle and end of a limb; of hips, shoulders and the trunk's lean.
_LIMB = _grid(*[(-1.0, -0.6, -0.25, 0.0, 0.25, 0.6, 1.0)] * 2)
_TURNS = (-0.5, 0.15, 0.5, 1.0, 1.8)
_TRUNK = _grid(_TURNS, _TURNS, (-0.6, 0.0, 0.6, 1.0))


@dataclasses.dataclass(frozen=True)
class Lifted:
    """A pose in space.

    Attributes:
        joints: (16, 3) head sizes; x and y as given, z 0 at the pelvis.
        torso_left, hips_left: (3,) unit vectors to the person's left.
    """

    joints: np.ndarray
    torso_left: np.ndarray
    hips_left: np.ndarray


def _unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)


def _leftward(joints, hips):
    """(2, 3) unit vectors to the left, of both hypotheses; the hips count by the share `hips`, else the shoulders."""
    flat = np.zeros(2)
    for name, weight in (("hip", hips), ("shoulder", 1 - hips)):
        across = joints[INDEX[f"left_{name}"]] - joints[INDEX[f"right_{name}"]]
        flat += weight * across / (2 * _FRONTAL * bones.LENGTHS[name])
    flat /= max(np.hypot(*flat), 1.0)
    deep = np.sqrt(max(1 - flat @ flat, 0.0))
    return np.column_stack([np.tile(flat, (2, 1)), deep * _AWAY])


class _Search:
    """What depths cost; arrays lead with the two hypotheses."""

    def __init__(self, joints: np.ndarray, visible: np.ndarray, occluded: np.ndarray) -> None:
        self.flat = joints - joints[bones.PARENT]
        self.span = np.linalg.norm(self.flat, axis=1)
        self.length = np.maximum(bones.LENGTH, self.span)
        self.visible, self.occluded = visible, occluded
        left, up = _leftward(joints, 0.5), _unit(np.append(self.flat[INDEX["thorax"]], 0.0))
        left = _unit(left - (left @ up)[:, None] * up)
        self.axes = np.stack([np.cross(left, up), left, np.tile(up, (2, 1))])
        self.facing = np.sign(self.axes[0, :, 2:])
        self.overlap = Overlap(joints, abs(left[0, 2]))

    def cost(self, steps: np.ndarray) -> np.ndarray:
        """(2, N) for (2, N, 16) steps in depth from each joint's parent."""
        vectors = np.concatenate([np.broadcast_to(self.flat, (*steps.shape, 2)), steps[..., None]], -1)
        length = np.linalg.norm(vectors, axis=-1)
        longer = (length / self.length)[..., bones.LIMBS] - 1
        # Limbs differ in length: one a little short counts as flat.
        total = (0.7 * np.maximum(longer, 0) + 0.5 * np.maximum(-longer - 0.12, 0)).sum(-1)
        total += 0.03 * np.abs(steps[..., bones.LIMBS]).sum(-1)
        hidden = self.overlap.hidden(steps @ bones.DESCENT)
        total += hidden @ (2.5 * self.visible) + (1 - hidden) @ (0.6 * self.occluded)
        total += 0.5 * np.maximum(-steps[..., INDEX["thorax"]] * self.facing, 0)
        total += 0.15 * np.abs(steps[..., [INDEX["left_hip"], INDEX["left_shoulder"]]]).sum(-1)
        vectors /= np.maximum(length, 1e-6)[..., None]
        front, left, up = (np.einsum("snjc,sc->snj", vectors, axis) for axis in self.axes)
        return total + sum(_strain(side, sign, front, left, up) for side, sign in SIDES.items())


def _strain(side, sign, front, left, up):
    """(2, N) cost of how one side's limbs point, from the components of their directions, (2, N, 16) each."""
    knee, ankle, elbow, wrist = (INDEX[f"{side}_{name}"] for name in ("knee", "ankle", "elbow", "wrist"))
    # A bent knee points to the front, and a bent elbow, where the arm hangs, to the back.
    cost = 1.2 * np.maximum(front[..., ankle] - front[..., knee] - 0.05, 0)
    cost += 0.6 * (0.15 + np.maximum(-up[..., elbow], 0)) * np.maximum(front[..., elbow] - front[..., wrist] - 0.1, 0)
    # Thighs and upper arms reach neither far back nor far across.
    cost += np.maximum(-front[..., knee] - 0.35, 0) + 0.8 * np.maximum(-sign * left[..., knee] - 0.4, 0)
    cost += 0.6 * np.maximum(-front[..., elbow] - 0.5, 0) + 0.5 * np.maximum(-sign * left[..., elbow] - 0.5, 0)
    # A thigh rises to the front only.
    return cost + np.maximum(up[..., knee] - 0.2 - np.maximum(front[..., knee], 0), 0)


def _trunk_choices(search):
    """Joints, and (2, N, joints) steps: how far hips and shoulders are turned, and how far the trunk leans."""
    turns = []
    for i, name in enumerate(("hip", "shoulder")):
        span = min(search.span[INDEX[f"{side}_{name}"]] for side in SIDES)
        turns.append(np.outer(_AWAY, _TRUNK[:, i] * np.sqrt(max(bones.LENGTHS[name] ** 2 - span**2, 0.0))))
    hip, shoulder = turns
    # Trunks differ in length more than limbs do: only a clear foreshortening counts.
    lean = np.sqrt(max((0.9 * bones.LENGTHS["trunk"]) ** 2 - search.span[INDEX["thorax"]] ** 2, 0.0))
    joints = [INDEX[name] for name in ("right_hip", "left_hip", "right_shoulder", "left_shoulder", "thorax")]
    return joints, np.stack([-hip, hip, -shoulder, shoulder, search.facing * _TRUNK[:, 2] * lean], -1)


def _limb_choices(search, middle, end):
    """The same of an arm or a leg."""
    joints = [INDEX[middle], INDEX[end]]
    reach = np.sqrt(np.maximum(bones.LENGTH[joints] ** 2 - search.span[joints] ** 2, _LEAST_REACH**2))
    return joints, np.tile(_LIMB * reach, (2, 1, 1))


def lift(joints: np.ndarray, visible: np.ndarray, occluded: np.ndarray) -> Lifted:
    """Finds depths for a flat pose.

    Args:
        joints: (16, 2) head sizes, all of them known or completed.
        visible, occluded: (16,) bool; of a joint that is neither, nothing is asked.

    Returns:
        A `Lifted`. `visible` joints lie before the body's own parts and `occluded` ones behind, where limbs allow it.
    """
    search = _Search(joints, visible, occluded)
    limbs = [_limb_choices(search, f"{s}_knee", f"{s}_ankle") for s in SIDES]
    limbs += [_limb_choices(search, f"{s}_elbow", f"{s}_wrist") for s in SIDES]
    trunk = _trunk_choices(search)
    steps, rows = np.zeros((2, NUM_JOINTS)), np.arange(2)
    for chain, choices in [trunk, *limbs, trunk, *limbs, *limbs]:
        trial = np.repeat(steps[:, None], choices.shape[1], 1)
        trial[..., chain] = choices
        cost = search.cost(trial)
        best = cost.argmin(1)
        steps = trial[rows, best]
    which = cost[rows, best].argmin()
    space = np.column_stack([joints, steps[which] @ bones.DESCENT])
    return Lifted(space, *(_leftward(joints, hips)[which] for hips in (0.3, 0.7)))
