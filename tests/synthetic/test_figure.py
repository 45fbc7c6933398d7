"""Drawing: what hides what, in hand-built scenes."""

import numpy as np
import pytest
from test_body import average, upright

from data_pipeline.skeleton import INDEX
from data_pipeline.synthetic.anatomy import body as bodies
from data_pipeline.synthetic.anatomy import visibility
from data_pipeline.synthetic.rendering import canvas, figure, part, sweep, texture, wardrobe

_CAMERA = canvas.Camera(300.0, (160.0, 160.0))
_LIGHT = np.array([0.0, -0.6, -0.8])
_CLOTH = texture.Cloth((200, 30, 30), (200, 30, 30))


def blank():
    return canvas.Canvas(np.full((320, 320, 3), 90, np.uint8))


def standing(yaw, **angles):
    """A figure four metres away."""
    body, rotation = average(), bodies.seen_from(yaw)
    points, frames = bodies.forward(body, upright(**angles))
    points = {name: rotation @ point + (0, 0, 4) for name, point in points.items()}
    frames = {name: rotation @ frame for name, frame in frames.items()}
    return figure.build(points, frames, body, wardrobe.sample(np.random.default_rng(0)))


def seen(drawn, *others):
    """Visibility by joint of a figure, drawn together with other parts."""
    picture, numbers = blank(), drawn.numbers(1)
    parts, owners = [*drawn.parts.values(), *others], [*numbers.values(), *[1000] * len(others)]
    sweep.draw(picture, parts, _CAMERA, _LIGHT, owners)
    return visibility.visible(drawn, picture, _CAMERA, 1)[1]


def ball(place, radius):
    """A part as wide as it is long, at a place in the camera's frame."""
    width, tip = part.profile(radius, radius), np.array([0, 1e-3, 0])
    return part.Part(place - tip, place + tip, width, width, _CLOTH, caps=(radius, radius))


_BEHIND = {"right_shoulder_flexion": -45, "right_shoulder_rotation": 80, "right_elbow": 60}


def test_a_standing_figure_shows_all_joints_from_the_front():
    assert seen(standing(0, left_shoulder_abduction=20, right_shoulder_abduction=20)).all()


@pytest.mark.parametrize(("yaw", "shown"), [(0, False), (180, True)], ids=["from the front", "from behind"])
def test_a_wrist_behind_the_back_shows_only_from_behind(yaw, shown):
    assert seen(standing(yaw, **_BEHIND))[INDEX["right_wrist"]] == shown


@pytest.mark.parametrize(("yaw", "shown"), [(0, True), (180, False)], ids=["from the front", "from behind"])
def test_a_wrist_before_the_belly_shows_only_from_the_front(yaw, shown):
    arm = {"right_shoulder_flexion": 20, "right_shoulder_rotation": 70, "right_elbow": 90}
    assert seen(standing(yaw, **arm))[INDEX["right_wrist"]] == shown


def test_the_far_side_is_hidden_in_profile():
    visible = seen(standing(90))
    # Turned to their left, they show the viewer their right side.
    assert visible[[INDEX["right_shoulder"], INDEX["right_hip"], INDEX["right_elbow"]]].all()
    assert not visible[[INDEX["left_shoulder"], INDEX["left_hip"], INDEX["left_elbow"]]].any()


@pytest.mark.parametrize(("nearer", "shown"), [(0.5, False), (-0.5, True)], ids=["before", "behind"])
def test_a_thing_hides_what_it_stands_before(nearer, shown):
    drawn = standing(0)
    knee = drawn.joints_camera[INDEX["left_knee"]]
    visible = seen(drawn, ball(knee * (1 - nearer / knee[2]), 0.1))
    assert visible[INDEX["left_knee"]] == shown
    assert visible[INDEX["right_knee"]]


def test_a_joint_outside_the_picture_is_not_inside():
    drawn, picture = standing(0), blank()
    inside, _ = visibility.visible(drawn, picture, canvas.Camera(300.0, (160.0, 290.0)), 1)
    assert not inside[INDEX["left_ankle"]]
    assert inside[INDEX["head_top"]]


def test_the_nearer_part_is_drawn_whatever_the_order():
    near, far = ball(np.array([0, 0, 2.0]), 0.1), ball(np.array([0, 0, 3.0]), 0.3)
    owners = []
    for parts, numbers in (((near, far), (1, 2)), ((far, near), (2, 1))):
        picture = blank()
        for one, number in zip(parts, numbers, strict=True):
            sweep.draw(picture, [one], _CAMERA, _LIGHT, [number])
        owners.append(picture.owner)
    np.testing.assert_array_equal(*owners)
    assert owners[0][160, 160] == 1


def test_a_ball_covers_its_disc_and_bulges_to_the_camera():
    picture = blank()
    sweep.draw(picture, [ball(np.array([0, 0, 3.0]), 0.5)], _CAMERA, _LIGHT, [1])
    # 0.5 m at 3 m and 300 pixels of focal length is a radius of 50 pixels.
    np.testing.assert_allclose((picture.owner == 1).sum(), np.pi * 50**2, rtol=0.03)
    np.testing.assert_allclose(picture.depth[160, 160], 2.5, atol=0.01)


def test_a_limb_is_as_wide_as_its_profile():
    picture, width = blank(), part.profile(0.1, 0.1)
    limb = part.Part(np.array([-0.5, 0, 3]), np.array([0.5, 0, 3.0]), width, width, _CLOTH)
    sweep.draw(picture, [limb], _CAMERA, _LIGHT, [1])
    assert (picture.owner[:, 160] == 1).sum() in (19, 20, 21)
    assert (picture.owner[160] == 1).sum() in range(99, 103)


def test_a_part_that_reaches_behind_the_camera_is_left_out():
    picture = blank()
    sweep.draw(picture, [ball(np.array([0, 0, -1.0]), 0.5)], _CAMERA, _LIGHT, [1])
    assert not picture.owner.any()


def test_a_panel_lies_in_its_plane():
    picture = blank()
    corners = np.array([[-0.5, -0.5, 2.0], [0.5, -0.5, 4.0], [0.5, 0.5, 4.0], [-0.5, 0.5, 2.0]])
    picture.panel(corners, _CAMERA, _CLOTH, 7)
    # The ray through the middle column meets x = 0, half way between the edges.
    np.testing.assert_allclose(picture.depth[160, 160], 3.0, atol=0.02)
    assert picture.owner[160, 160] == 7


def test_the_face_is_on_the_front_of_the_head():
    dark = []
    for yaw in (0, 180):
        drawn, picture = standing(yaw), blank()
        names = list(drawn.parts)
        outfit = wardrobe.sample(np.random.default_rng(0))
        sweep.draw(picture, list(drawn.parts.values()), _CAMERA, _LIGHT, list(drawn.numbers(1).values()))
        head = picture.image()[picture.owner == 1 + names.index("head")].astype(float)
        dark.append(np.linalg.norm(head.mean(0) - np.array(outfit.skin.base)))
    # From the front most of the head is skin, from behind hair.
    assert dark[0] < dark[1]
