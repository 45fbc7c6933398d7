"""From joints in space to what `figure.build` needs: hands, heels, toes, and the frame of each segment."""

import numpy as np

from data_pipeline.skeleton import INDEX, JOINTS
from data_pipeline.synthetic.anatomy import body as bodies


def _unit(vector, otherwise):
    length = np.linalg.norm(vector)
    return vector / length if length > 1e-6 else otherwise


def frame(up: np.ndarray, left: np.ndarray) -> np.ndarray:
    """(3, 3) columns left, up, front, from a direction up, which is kept, and one roughly to the left; (3,) each."""
    up = _unit(up, np.array([0.0, -1.0, 0.0]))
    # Where the two are parallel, anything across will do.
    across = np.cross(up, (0.0, 0.0, 1.0) if abs(up[2]) < 0.9 else (1.0, 0.0, 0.0))
    left = _unit(left - (left @ up) * up, across / np.linalg.norm(across))
    return np.stack([left, up, np.cross(left, up)], 1)


def _hand(rng, body, side, points, frames):
    fore = _unit(points[f"{side}_wrist"] - points[f"{side}_elbow"], -frames["torso"][:, 1])
    # Palms roughly to the trunk: the hand's third axis runs across its back.
    across = frame(-fore, frames["torso"][:, 2])[:, 0]
    bent = _unit(fore + rng.normal(0, 0.2) * across, fore)
    hand = frame(-bent, np.cross(-bent, across))
    points[f"{side}_hand"] = points[f"{side}_wrist"] + bent * body.lengths["hand"]
    frames[f"{side}_hand"] = hand


def _foot(rng, body, side, points, frames):
    hip, knee, ankle = (points[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    shin = _unit(ankle - knee, -frames["pelvis"][:, 1])
    # A bent knee tells where the leg's front is; a straight one leaves it to the pelvis.
    bend = _unit(knee - hip, shin) - shin
    front = frames["pelvis"][:, 2] + 1.5 * bend if bend @ frames["pelvis"][:, 2] > 0 else frames["pelvis"][:, 2]
    left = np.cross(-shin, front)
    foot = frame(-shin, left if np.linalg.norm(left) > 0.1 else frames["pelvis"][:, 0])
    foot = foot @ bodies.turn(0, np.clip(rng.normal(8, 10), -15, 40))
    sole = ankle - foot[:, 1] * 0.6 * body.lengths["ankle_height"]
    points[f"{side}_heel"] = sole - foot[:, 2] * 0.2 * body.lengths["foot"]
    points[f"{side}_toe"] = sole + foot[:, 2] * 0.75 * body.lengths["foot"]
    frames[f"{side}_foot"] = foot


def rig(
    rng: np.random.Generator,
    body: bodies.Body,
    joints_camera: np.ndarray,
    torso_left: np.ndarray,
    hips_left: np.ndarray,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Builds the points and frames of a body around its joints.

    Args:
        rng: a numpy generator; it turns hands, feet and head a little.
        body: a `body.Body`.
        joints_camera: (16, 3) camera metres.
        torso_left, hips_left: (3,) directions to the person's left.

    Returns:
        `(points, frames)` as `body.forward` gives them, in the camera's frame; the joints are where they were given.
    """
    points = {name: joints_camera[INDEX[name]] for name in JOINTS}
    trunk = points["thorax"] - points["pelvis"]
    frames = {"torso": frame(trunk, torso_left), "pelvis": frame(trunk, hips_left)}
    skull = frame(points["head_top"] - points["upper_neck"], torso_left)
    frames["head"] = skull @ bodies.turn(1, np.clip(rng.normal(0, 15), -35, 35))
    for side in bodies.SIDES:
        _hand(rng, body, side, points, frames)
        _foot(rng, body, side, points, frames)
    return points, frames


def sits(points: dict[str, np.ndarray], frames: dict[str, np.ndarray]) -> bool:
    """Whether an upright trunk rests on two raised thighs, the shins hanging."""
    down, up = np.array([0.0, 1.0, 0.0]), frames["torso"][:, 1]
    if up @ down > -0.7:
        return False
    for side in bodies.SIDES:
        hip, knee, ankle = (points[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
        if _unit(knee - hip, down) @ up < -0.6 or _unit(ankle - knee, -down) @ down < 0.5:
            return False
    return True
