import numpy as np
import pytest

from data_pipeline import skeleton
from data_pipeline.synthetic import scenes
from data_pipeline.synthetic.anatomy import face

COCO = skeleton.load("coco17")


def test_a_face_looks_to_the_front_of_its_head():
    found = face.points(np.zeros(3), np.array([0.0, 0.3, 0.0]), np.eye(3))
    assert found["nose"][2] > found["left_eye"][2] > found["left_ear"][2] > 0
    assert found["left_eye"][0] == -found["right_eye"][0] > 0
    assert found["left_ear"][0] > found["left_eye"][0]
    assert 0 < found["nose"][1] < found["left_eye"][1] < 0.3


def test_drawn_people_have_cocos_joints_where_mpiis_are_and_a_face():
    person, image = scenes.sample(0, 3, skeleton=COCO)
    plain, same = scenes.sample(0, 3)
    np.testing.assert_array_equal(image, same)
    for name in ("left_wrist", "right_hip", "left_ankle"):
        n, other = COCO.index[name], skeleton.INDEX[name]
        np.testing.assert_array_equal(person.joints_image[n], plain.joints_image[other])
        assert person.visible[n] == plain.visible[other]
    assert person.joints_image.shape == (17, 2)


def test_eyes_are_seen_from_the_front_and_not_from_behind():
    seen, hidden = [], []
    for index in range(40):
        person, _ = scenes.sample(5, index, skeleton=COCO)
        eyes = person.joints_image[[COCO.index["left_eye"], COCO.index["right_eye"]]]
        if not person.annotated[[COCO.index["left_eye"], COCO.index["right_eye"]]].all():
            continue
        # Who faces the camera has the left eye at the right of the picture.
        facing = (eyes[0, 0] - eyes[1, 0]) / person.head_size
        both = person.visible[[COCO.index["left_eye"], COCO.index["right_eye"]]]
        (seen if facing > 0.07 else hidden if facing < -0.07 else []).append(both.mean())
    assert len(seen) > 3
    assert len(hidden) > 1
    assert np.mean(seen) > 0.7
    assert np.mean(hidden) < 0.1


@pytest.mark.parametrize("name", ["lsp14", "coco17"])
def test_sizes_are_in_the_unit_of_the_skeleton(name):
    wanted = skeleton.load(name)
    person, _ = scenes.sample(1, 2, skeleton=wanted)
    plain, _ = scenes.sample(1, 2)
    # A torso, as the square root of a person's area, is a few head sizes.
    assert 1.5 < person.head_size / plain.head_size < 5
