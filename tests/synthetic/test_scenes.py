"""Synthetic people: determinism, labels that hold, and statistics like MPII's."""

import functools

import numpy as np
import pytest

from data_pipeline.skeleton import INDEX
from data_pipeline.synthetic import scenes


@functools.cache
def people(count=200):
    return [scenes.sample(1, index)[0] for index in range(count)]


def same(first, second):
    (a, image), (b, other) = first, second
    np.testing.assert_array_equal(image, other)
    for name in ("joints_image", "annotated", "visible", "center_image"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert (a.image, a.head_size, a.side_image) == (b.image, b.head_size, b.side_image)


def test_a_sample_depends_on_seed_and_index_alone():
    first = scenes.sample(3, 7)
    scenes.sample(4, 2)
    same(first, scenes.sample(3, 7))


@pytest.mark.parametrize("other", [(3, 8), (4, 7)], ids=["index", "seed"])
def test_another_seed_or_index_draws_another_person(other):
    assert not np.array_equal(scenes.sample(3, 7)[0].joints_image, scenes.sample(*other)[0].joints_image)


def test_the_split_does_not_change_the_picture():
    train, validation = scenes.sample(3, 7), scenes.sample(3, 7, split="validation")
    same(train, validation)
    assert (train[0].split, validation[0].split) == ("train", "validation")


def test_names_tell_seed_and_index():
    person, _ = scenes.sample(3, 7)
    assert (person.image, person.person_index) == ("synthetic-3-0000007", 0)


@pytest.mark.parametrize("index", range(20))
def test_a_picture_is_rgb_of_the_stated_size_and_holds_all_annotated_joints(index):
    person, image = scenes.sample(2, index)
    height, width, channels = image.shape
    assert (image.dtype, channels) == (np.uint8, 3)
    assert 300 <= width <= 480
    assert 320 <= height <= 360
    joints = person.joints_image[person.annotated]
    assert (joints > -0.5).all()
    assert (joints < (width - 0.5, height - 0.5)).all()


def test_only_annotated_joints_have_places_and_can_be_visible():
    for person in people():
        assert not person.joints_image[~person.annotated].any()
        assert not (person.visible & ~person.annotated).any()


def test_the_head_is_about_a_tenth_of_the_crop():
    shares = np.array([person.head_size / person.side_image for person in people()])
    assert ((shares > 0.09) & (shares < 0.112)).all()
    np.testing.assert_allclose(shares.mean(), 0.1, atol=0.003)


def test_about_as_many_joints_are_occluded_as_on_mpii():
    annotated = sum(person.annotated.sum() for person in people())
    assert 0.18 < sum(person.occluded.sum() for person in people()) / annotated < 0.28


def test_most_joints_are_annotated_and_legs_are_missing_more_often_than_arms():
    annotated = np.array([person.annotated for person in people()])
    assert annotated.mean() > 0.9
    assert annotated[:, INDEX["left_ankle"]].mean() < 0.9 < annotated[:, INDEX["left_wrist"]].mean()


def test_most_people_face_the_camera():
    # MPII: the left shoulder is on the right for 71 of 100 people.
    across = [p.joints_image[INDEX["left_shoulder"]] - p.joints_image[INDEX["right_shoulder"]] for p in people()]
    assert 0.6 < (np.array(across)[:, 0] > 0).mean() < 0.85


def test_the_mean_pose_is_no_answer():
    # MPII: 18 of 100 joints lie within half a head size of their mean place in the crop.
    inside = np.array([person.annotated for person in people()])
    places = np.array([(p.joints_image - p.center_image) / p.side_image for p in people()])
    places[~inside] = np.nan
    distance = np.linalg.norm(places[100:] - np.nanmean(places[:100], 0), axis=-1)
    assert (distance[inside[100:]] <= 0.05).mean() < 0.25
