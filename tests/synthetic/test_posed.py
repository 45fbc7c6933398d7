"""Annotated poses as drawn people: the annotation stays, and the picture agrees with it."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from test_lifting import profile, standing

from data_pipeline.readers import lsp, mpii
from data_pipeline.readers.person import Person
from data_pipeline.skeleton import INDEX, JOINTS, MIRROR
from data_pipeline.synthetic import posed, scenes
from data_pipeline.synthetic.anatomy import visibility


def person(occluded=(), missing=(), mirrored=False, **changes):
    """One who stands before the camera in a large photograph, a head size being 50 pixels."""
    joints, annotated = 50 * standing() + (600, 500), np.array([name not in missing for name in JOINTS])
    joints = joints[list(MIRROR)] if mirrored else joints
    values = {
        "image": "a.jpg",
        "person_index": 0,
        "split": "train",
        "joints_image": np.where(annotated[:, None], joints, 0).astype(np.float32),
        "annotated": annotated,
        "visible": annotated & [name not in occluded for name in JOINTS],
        "head_size": 50.0,
        "center_image": np.array([600, 510], np.float32),
        "side_image": 500.0,
    }
    return Person(**values | changes)


def drawn(source, seed=0):
    """What `posed.draw` gives, and (16,) which joints are in the picture and seen there."""
    framed, picture, figure, camera = posed.draw(np.random.default_rng(seed), source)
    return framed, picture, figure, camera, *visibility.visible(figure, picture, camera, 1)


def sources(count):
    """Synthetic people as poses."""
    return [scenes.sample(1, index)[0] for index in range(count)]


@pytest.mark.parametrize("source", [person(), person(missing=("left_wrist",)), *sources(3)])
def test_joints_and_crop_are_moved_and_scaled_together(source):
    framed, _ = posed.sample(source, 0)
    scale = framed.side_image / source.side_image
    known = source.annotated
    offsets, wanted = (p.joints_image[known] - p.center_image for p in (framed, source))
    np.testing.assert_allclose(offsets, scale * wanted, atol=1e-3)
    np.testing.assert_allclose(framed.head_size, scale * source.head_size)


@pytest.mark.parametrize("source", sources(3))
def test_flags_and_names_stay(source):
    framed, _ = posed.sample(dataclasses.replace(source, split="validation", person_index=3), 0)
    np.testing.assert_array_equal(framed.annotated, source.annotated)
    np.testing.assert_array_equal(framed.visible, source.visible)
    assert (framed.image, framed.person_index, framed.split) == (source.image, 3, "validation")


def test_joints_without_annotation_stay_so():
    framed, _ = posed.sample(person(missing=("left_wrist", "head_top")), 0)
    lost = [INDEX["left_wrist"], INDEX["head_top"]]
    assert not framed.annotated[lost].any()
    assert not framed.joints_image[lost].any()


def test_a_sample_depends_on_the_person_and_the_seed_alone():
    first, image = posed.sample(person(), 3)
    posed.sample(person(image="b.jpg"), 3)
    again, same = posed.sample(person(), 3)
    np.testing.assert_array_equal(image, same)
    np.testing.assert_array_equal(first.joints_image, again.joints_image)


@pytest.mark.parametrize(
    ("other", "seed"),
    [(person(), 4), (person(image="b.jpg"), 3), (person(person_index=1), 3)],
    ids=["seed", "image", "index"],
)
def test_another_seed_image_or_index_draws_another_picture(other, seed):
    (_, first), (_, second) = posed.sample(person(), 3), posed.sample(other, seed)
    assert first.shape != second.shape or (first != second).any()


def test_the_split_does_not_change_the_picture():
    np.testing.assert_array_equal(posed.sample(person(), 0)[1], posed.sample(person(split="test"), 0)[1])


def test_the_picture_is_rgb_and_as_large_as_a_patch():
    framed, image = posed.sample(person(), 0)
    assert (image.dtype, image.shape[2]) == (np.uint8, 3)
    assert 200 <= framed.side_image <= 240
    np.testing.assert_allclose(image.shape[:2], 1.75 * framed.side_image, atol=1)


@pytest.mark.parametrize("source", [person(), *sources(5)])
def test_the_figure_has_its_joints_where_they_were_marked(source):
    framed, _, figure, camera, *_ = drawn(source)
    places = camera.project(figure.joints_camera)
    np.testing.assert_allclose(places[source.annotated], framed.joints_image[source.annotated], atol=1e-3)


def test_left_is_left():
    framed, picture, figure, *_ = drawn(person())
    numbers = figure.numbers(1)
    for side in ("left", "right"):
        x, y = np.round(framed.joints_image[[INDEX[f"{side}_elbow"], INDEX[f"{side}_wrist"]]].mean(0)).astype(int)
        assert picture.owner[y, x] == numbers[f"{side}_forearm"]


@pytest.mark.parametrize("mirrored", [False, True], ids=["front", "back"])
def test_the_nose_shows_only_from_the_front(mirrored):
    _, picture, figure, *_ = drawn(person(mirrored=mirrored))
    assert (picture.owner == figure.numbers(1)["nose"]).any() != mirrored


@pytest.mark.parametrize("joint", ["left_wrist", "right_ankle", "left_shoulder", "right_hip"])
def test_an_occluded_joint_is_hidden_and_the_others_are_seen(joint):
    source = person(occluded=(joint,))
    *_, inside, seen = drawn(source)
    assert inside.all()
    np.testing.assert_array_equal(seen, source.visible)


def test_all_is_seen_of_whom_nothing_is_occluded():
    assert drawn(person())[-1].all()


@pytest.mark.parametrize("seed", range(3))
def test_where_occlusion_is_not_known_the_picture_tells_it(seed):
    # In profile, the left arm before the trunk or behind it: a flag puts it before, where one says nothing it may be
    # behind, and the sample says so.
    joints = (50 * profile(left_elbow=(0.05, -1.3), left_wrist=(0.1, -0.3)) + (600, 500)).astype(np.float32)
    arm = [INDEX["left_elbow"], INDEX["left_wrist"]]
    assert drawn(person(joints_image=joints), seed)[-1][arm].all()
    framed, picture, _, _, inside, seen = drawn(person(joints_image=joints, occlusion_known=False), seed)
    assert not seen[arm].any()
    assert inside.all()
    assert framed.occlusion_known
    np.testing.assert_array_equal(framed.visible, seen)
    # Nothing but the body hides anything.
    assert not (picture.owner >= posed._THING).any()


def test_of_unknown_occlusion_what_is_not_annotated_stays_so_and_what_is_outside_is_not_hidden():
    # The left wrist lies above the photograph's upper edge.
    joints = person().joints_image.copy()
    joints[INDEX["left_wrist"]] = 600, -60
    source = person(missing=("head_top",), joints_image=joints, occlusion_known=False)
    framed, *_, inside, seen = drawn(source)
    assert not inside[INDEX["left_wrist"]]
    assert framed.visible[INDEX["left_wrist"]]
    assert not framed.visible[INDEX["head_top"]]
    np.testing.assert_array_equal(framed.visible[inside], (seen & source.annotated)[inside])


def test_a_midpoint_must_be_hidden_only_where_both_its_ends_are():
    one = person(occluded=("left_hip", "pelvis"))
    both = person(occluded=("left_hip", "right_hip", "pelvis"))
    assert [JOINTS[i] for i in np.flatnonzero(posed.hidden(one))] == ["left_hip"]
    assert [JOINTS[i] for i in np.flatnonzero(posed.hidden(both))] == ["right_hip", "left_hip", "pelvis"]


def shares(people):
    """Of joints in the picture: share of the visible that are seen, and of those to hide that are not."""
    seen = [(*drawn(source, seed)[-2:], source) for seed, source in enumerate(people)]
    shown = np.concatenate([s[inside & p.visible] for inside, s, p in seen])
    hidden = np.concatenate([~s[inside & posed.hidden(p)] for inside, s, p in seen])
    return shown.mean(), hidden.mean() if hidden.size else 1.0


def test_pictures_agree_with_synthetic_annotations():
    assert min(shares(sources(40))) >= 0.95


def test_pictures_agree_with_mpii(shared_data):
    people = mpii.read(shared_data("mpii/mpii_annotations.json.gz"), "validation").people
    assert min(shares(people[::50])) >= 0.95


def test_pictures_agree_with_lsp(shared_data):
    assert min(shares(lsp.read_lsp(shared_data("lsp/joints.mat")).people[::40])) >= 0.95


def test_lspet_has_joints_without_annotation(shared_data):
    people = [p for p in lsp.read_lspet(shared_data("lspet/joints.mat")).people if not p.annotated.all()]
    assert shares(people[::200])[0] >= 0.9


@pytest.mark.parametrize("missing", [("left_ankle", "right_ankle"), ("left_ankle", "right_ankle", "right_knee")])
def test_a_picture_ends_above_legs_without_annotation(missing):
    framed, image = posed.sample(person(missing=missing), 0)
    lowest = framed.joints_image[framed.annotated, 1].max()
    assert lowest < len(image) < lowest + 1.9 * framed.head_size


def test_the_photograph_ends_at_its_upper_left_corner():
    # The crop's corner is at (-130, -130): the picture starts at the photograph's, the pixel (-0.5, -0.5).
    source = person(center_image=np.array([120, 120], np.float32))
    framed, image = posed.sample(source, 0)
    scale = framed.side_image / source.side_image
    np.testing.assert_allclose(framed.center_image, 120.5 * scale - 0.5, atol=1e-3)
    np.testing.assert_allclose(image.shape[:2], (120.5 + 1.75 * 250) * scale, atol=1)


def test_without_a_crop_the_picture_lies_around_the_joints():
    source = person(center_image=None, side_image=None)
    framed, image = posed.sample(source, 0)
    height, width = image.shape[:2]
    assert framed.center_image is None
    assert framed.side_image is None
    assert 200 <= max(height, width) <= 240
    assert (framed.joints_image > -0.5).all()
    assert (framed.joints_image < (width - 0.5, height - 0.5)).all()


@pytest.mark.parametrize("known", JOINTS)
def test_one_annotated_joint_is_enough(known):
    source = person(missing=[name for name in JOINTS if name != known])
    assert posed.sample(source, 0)[0].annotated.sum() == 1


def test_joints_in_one_place_are_drawn():
    posed.sample(person(joints_image=np.full((16, 2), 300, np.float32)), 0)


def test_tensorflow_is_not_needed():
    code = "import sys, data_pipeline.synthetic.posed; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
