"""The kinematic body: lengths, limits, and which side is which."""

import numpy as np
import pytest

from data_pipeline.skeleton import INDEX
from data_pipeline.synthetic.anatomy import body as bodies
from data_pipeline.synthetic.anatomy import posture

# Pairs of points and the name of the length between them.
_BONES = [
    ("pelvis", "thorax", "trunk"),
    ("thorax", "upper_neck", "neck"),
    ("upper_neck", "head_top", "head"),
    *(
        (f"{side}_{a}" if a != "pelvis" else a, f"{side}_{b}", length)
        for side in ("right", "left")
        for a, b, length in (
            ("shoulder", "elbow", "upper_arm"),
            ("elbow", "wrist", "forearm"),
            ("pelvis", "hip", "hip"),
            ("hip", "knee", "thigh"),
            ("knee", "ankle", "shin"),
        )
    ),
]


def upright(**changed):
    """Angles of the zero posture, some of them changed."""
    names = list(bodies.UNSIDED)
    names += [f"{side}_{name}" for side in bodies.SIDES for name in bodies.LIMITS if name not in bodies.UNSIDED]
    return {**dict.fromkeys(names, 0.0), **changed}


def average():
    """A body of 1.72 m with the plain proportions."""
    return bodies.Body(1.72, {name: share * 1.72 for name, share in bodies.SHARES.items()}, 1.0)


def drawn(seed):
    rng = np.random.default_rng(seed)
    body = bodies.sample(rng)
    return body, *posture.sample(rng, body)


def angle(points, a, b, c):
    """Degrees that the line from a over b to c is bent at b."""
    first, second = points[b] - points[a], points[c] - points[b]
    return np.degrees(np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second)))


@pytest.mark.parametrize("seed", range(10))
def test_bones_keep_their_lengths(seed):
    body, _, angles, root = drawn(seed)
    points, _ = bodies.forward(body, angles, root)
    for a, b, length in _BONES:
        np.testing.assert_allclose(np.linalg.norm(points[a] - points[b]), body.lengths[length], rtol=1e-9)


@pytest.mark.parametrize("name", posture.POSTURES)
def test_angles_stay_within_their_limits(name):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        _, angles, _ = posture.sample(rng, bodies.sample(rng), name)
        for joint, value in angles.items():
            low, high = bodies.LIMITS[joint.removeprefix("right_").removeprefix("left_")]
            assert low <= value <= high, joint


@pytest.mark.parametrize("seed", range(10))
def test_knees_and_elbows_bend_as_far_as_their_angle_says(seed):
    body, _, angles, root = drawn(seed)
    points, _ = bodies.forward(body, angles, root)
    for side in bodies.SIDES:
        knee = angle(points, f"{side}_hip", f"{side}_knee", f"{side}_ankle")
        elbow = angle(points, f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist")
        np.testing.assert_allclose((knee, elbow), (angles[f"{side}_knee"], angles[f"{side}_elbow"]), atol=1e-4)


def test_frames_are_rotations_and_none_is_mirrored():
    body, _, angles, root = drawn(3)
    _, frames = bodies.forward(body, angles, root)
    for frame in frames.values():
        np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
        assert np.linalg.det(frame) > 0


def test_the_right_is_where_negative_x_is_and_the_head_is_up():
    joints = bodies.joints(bodies.forward(average(), upright())[0])
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        assert joints[INDEX[f"right_{name}"], 0] < 0 < joints[INDEX[f"left_{name}"], 0]
    assert joints[INDEX["head_top"], 1] > joints[INDEX["thorax"], 1] > 0 > joints[INDEX["left_ankle"], 1]


@pytest.mark.parametrize(
    ("angles", "point", "axis", "sign"),
    [
        ({"spine_flexion": 40}, "head_top", 2, 1),
        ({"spine_side": 30}, "head_top", 0, 1),
        ({"right_shoulder_flexion": 90}, "right_wrist", 2, 1),
        ({"left_shoulder_abduction": 90}, "left_wrist", 0, 1),
        ({"right_shoulder_abduction": 90}, "right_wrist", 0, -1),
        ({"left_elbow": 90}, "left_wrist", 2, 1),
        ({"right_hip_flexion": 90}, "right_knee", 2, 1),
        ({"right_knee": 90}, "right_ankle", 2, -1),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_joint_turns_the_way_its_name_says(angles, point, axis, sign):
    before, after = (bodies.forward(average(), a)[0][point] for a in (upright(), upright(**angles)))
    assert sign * (after - before)[axis] > 0.2


def test_turning_the_forearm_inwards_brings_it_before_the_belly():
    angles = upright(left_elbow=90, left_shoulder_rotation=80)
    points, _ = bodies.forward(average(), angles)
    assert points["left_wrist"][0] < points["left_elbow"][0] - 0.1


def test_facing_the_camera_puts_the_right_shoulder_left_of_the_left_one():
    points, _ = bodies.forward(average(), upright())
    x = {yaw: (bodies.seen_from(yaw) @ (points["left_shoulder"] - points["right_shoulder"]))[0] for yaw in (0, 180)}
    assert x[0] > 0.3
    assert x[180] < -0.3


def test_a_camera_above_sees_the_head_nearer_than_the_feet():
    points, _ = bodies.forward(average(), upright())
    depth = {name: (bodies.seen_from(0, pitch=30) @ points[name])[2] for name in ("head_top", "left_ankle")}
    assert depth["head_top"] < depth["left_ankle"]


def test_an_arm_through_the_trunk_is_found():
    angles = upright(right_shoulder_rotation=90, right_elbow=120)
    body = average()
    points, frames = bodies.forward(body, angles)
    points["right_wrist"] = points["pelvis"] + (0, 0.2, 0)
    assert bodies.intrudes(body, points, frames) == {"right"}


def test_an_adult_stands_about_eight_head_sizes_tall():
    body = average()
    points, _ = bodies.forward(body, upright())
    tall = points["head_top"][1] - points["left_heel"][1]
    assert 7.5 < tall / body.head_size < 9


def test_the_same_generator_draws_the_same_body():
    first, second = drawn(5), drawn(5)
    assert first[0] == second[0]
    assert first[2] == second[2]
