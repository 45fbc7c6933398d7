"""Postures: what the trunk and the legs do, and, drawn apart from it, what each arm does.

Tables give the mean and the standard deviation of an angle in degrees. A name without a side holds for both sides;
`lead_` and `trail_` are two sides, which is which being drawn. Angles that a table leaves out stay near zero. All are
clipped to `body.LIMITS`.
"""

import bisect
import itertools

import numpy as np

from data_pipeline.synthetic.anatomy import body as bodies

# Share of people in each posture.
POSTURES = {
    "standing": 0.25,
    "walking": 0.13,
    "running": 0.07,
    "sitting": 0.14,
    "bending": 0.07,
    "squatting": 0.05,
    "lunging": 0.06,
    "kneeling": 0.03,
    "kicking": 0.04,
    "jumping": 0.05,
    "lying": 0.05,
    "free": 0.06,
}

TRUNKS = {
    "standing": {"hip_flexion": (2, 6), "hip_abduction": (5, 5), "knee": (5, 6), "spine_flexion": (3, 7)},
    "walking": {
        "lead_hip_flexion": (27, 8),
        "lead_knee": (12, 9),
        "trail_hip_flexion": (-13, 7),
        "trail_knee": (28, 16),
        "spine_flexion": (4, 5),
        "spine_twist": (0, 8),
    },
    "running": {
        "lead_hip_flexion": (60, 18),
        "lead_knee": (80, 22),
        "trail_hip_flexion": (-14, 9),
        "trail_knee": (50, 32),
        "spine_flexion": (14, 9),
        "spine_twist": (0, 12),
    },
    "sitting": {
        "hip_flexion": (85, 12),
        "hip_abduction": (12, 11),
        "knee": (80, 22),
        "spine_flexion": (6, 13),
        "lead_hip_rotation": (-10, 18),
    },
    "bending": {"spine_flexion": (42, 18), "hip_flexion": (45, 20), "knee": (20, 18), "hip_abduction": (8, 6)},
    "squatting": {
        "hip_flexion": (108, 12),
        "knee": (118, 15),
        "spine_flexion": (25, 12),
        "hip_abduction": (20, 12),
        "ankle": (-12, 8),
    },
    "lunging": {
        "lead_hip_flexion": (75, 18),
        "lead_knee": (75, 20),
        "trail_hip_flexion": (-12, 8),
        "trail_knee": (35, 25),
        "hip_abduction": (10, 12),
        "spine_flexion": (10, 15),
        "spine_twist": (0, 15),
    },
    "kneeling": {
        "lead_hip_flexion": (80, 15),
        "lead_knee": (90, 12),
        "trail_hip_flexion": (0, 12),
        "trail_knee": (95, 15),
        "spine_flexion": (12, 14),
    },
    "kicking": {
        "lead_hip_flexion": (70, 25),
        "lead_hip_abduction": (20, 20),
        "lead_knee": (22, 20),
        "trail_hip_flexion": (0, 8),
        "trail_knee": (15, 12),
        "spine_flexion": (-6, 12),
        "spine_twist": (0, 15),
    },
    "jumping": {
        "lead_hip_flexion": (45, 32),
        "trail_hip_flexion": (15, 25),
        "hip_abduction": (16, 15),
        "knee": (62, 34),
        "spine_flexion": (4, 16),
        "spine_side": (0, 10),
        "ankle": (30, 12),
    },
    "lying": {"hip_flexion": (18, 22), "hip_abduction": (8, 8), "knee": (25, 25), "spine_flexion": (4, 10)},
    "free": {
        "hip_flexion": (40, 40),
        "hip_abduction": (20, 18),
        "hip_rotation": (0, 18),
        "knee": (50, 42),
        "spine_flexion": (18, 26),
        "spine_side": (0, 14),
        "spine_twist": (0, 18),
        "neck_twist": (0, 30),
    },
}

# An arm: shoulder flexion, abduction, rotation and elbow, each with its deviation.
ARMS = {
    "hanging": ((4, 10), (11, 7), (12, 18), (16, 12)),
    "swinging": ((0, 26), (9, 6), (15, 15), (40, 28)),
    "on hip": ((-8, 8), (46, 8), (72, 10), (92, 12)),
    "crossed": ((36, 8), (6, 6), (62, 12), (98, 12)),
    "holding": ((30, 18), (12, 10), (20, 22), (80, 24)),
    "overhead": ((155, 18), (15, 14), (10, 25), (30, 28)),
    "aside": ((10, 18), (80, 20), (0, 35), (22, 22)),
    "waving": ((10, 18), (82, 18), (-75, 14), (75, 30)),
    "to head": ((42, 18), (28, 18), (25, 25), (132, 12)),
    "reaching": ((82, 26), (10, 16), (0, 28), (25, 22)),
    "behind": ((-28, 10), (14, 8), (45, 20), (45, 25)),
    "on lap": ((28, 12), (8, 7), (28, 14), (55, 20)),
}
_CALM = {"hanging": 5, "swinging": 1, "on hip": 1.5, "crossed": 1, "holding": 2.5, "to head": 1, "behind": 0.5}
_LIVELY = {"swinging": 3, "holding": 2, "overhead": 2, "aside": 2, "waving": 1.5, "reaching": 2, "hanging": 1}
GESTURES = {
    "standing": {**_CALM, "overhead": 0.7, "waving": 0.7, "reaching": 1, "aside": 0.7},
    "walking": {"swinging": 5, "hanging": 2, "holding": 2, "to head": 0.7, "reaching": 0.7},
    "sitting": {"on lap": 5, "holding": 3, "reaching": 1, "to head": 1.5, "hanging": 1, "crossed": 0.7},
    "bending": {"reaching": 3, "hanging": 2, "holding": 2, "on hip": 0.5},
    "lying": {"hanging": 2, "overhead": 2, "aside": 1, "to head": 1, "holding": 1},
}


def _choice(rng, weights):
    names = list(weights)
    reached = list(itertools.accumulate(weights.values()))
    return names[bisect.bisect(reached, rng.random() * reached[-1])]


def _clip(name, value):
    low, high = bodies.LIMITS[name]
    return min(max(float(value), low), high)


def _draw_trunk(rng, posture):
    table, lead = TRUNKS[posture], ("right", "left")[rng.integers(2)]
    angles = {}
    for name in bodies.LIMITS:
        spread = 12 if name == "neck_twist" else 7 if name in bodies.UNSIDED else 5
        for side in ("",) if name in bodies.UNSIDED else bodies.SIDES:
            role = "lead" if side == lead else "trail"
            mean, deviation = table.get(f"{role}_{name}", table.get(name, (0, spread)))
            angles[f"{side}_{name}" if side else name] = _clip(name, rng.normal(mean, deviation))
    return angles


def _draw_arm(rng, gesture, side, angles):
    names = ("shoulder_flexion", "shoulder_abduction", "shoulder_rotation", "elbow")
    for name, (mean, deviation) in zip(names, ARMS[gesture], strict=True):
        angles[f"{side}_{name}"] = _clip(name, rng.normal(mean, deviation))
    raised = max(angles[f"{side}_shoulder_flexion"], angles[f"{side}_shoulder_abduction"])
    angles[f"{side}_shrug"] = _clip("shrug", rng.normal(max(0, raised - 60) * 0.16, 3))
    angles[f"{side}_wrist"] = _clip("wrist", rng.normal(0, 15))


def _root(rng, posture, angles):
    """How the whole body leans: upright, lying, or, rarely, thrown about in a jump."""
    if posture == "lying":
        lay = bodies.turn(0, (90, -90)[rng.integers(2)] + rng.normal(0, 8))
        return lay @ bodies.turn(1, rng.normal(0, 35))
    if posture in ("jumping", "free") and rng.random() < 0.3:
        return bodies.turn(2, rng.normal(0, 60)) @ bodies.turn(0, rng.normal(0, 35))
    lean = {"sitting": -8, "squatting": -5}.get(posture, 0)
    if posture == "bending":  # The pelvis tilts with the hips, so that the feet stay below.
        lean = sum(angles[f"{side}_hip_flexion"] - angles[f"{side}_knee"] / 2 for side in bodies.SIDES) / 2
    return bodies.turn(0, rng.normal(lean, 5)) @ bodies.turn(2, rng.normal(0, 3))


def sample(
    rng: np.random.Generator, body: bodies.Body, posture: str | None = None
) -> tuple[str, dict[str, float], np.ndarray]:
    """Draws a posture.

    Args:
        rng: a numpy generator.
        body: from `body.sample`.
        posture: a name in `POSTURES`; None to draw one.

    Returns:
        `(posture, angles, root)`: its name, and what `body.forward` takes. No arm runs through the trunk, save where
        eight draws did not find such an arm.
    """
    posture = posture or _choice(rng, POSTURES)
    angles = _draw_trunk(rng, posture)
    root = _root(rng, posture, angles)
    weights = GESTURES.get(posture, _LIVELY)
    first, pending = _choice(rng, weights), set(bodies.SIDES)
    both = rng.random() < 0.4
    for attempt in range(8):
        for side in sorted(pending):
            gesture = first if both and attempt < 4 else _choice(rng, weights)
            _draw_arm(rng, gesture, side, angles)
        pending = bodies.intrudes(body, *bodies.forward(body, angles, root))
        if not pending:
            break
    return posture, angles, root
