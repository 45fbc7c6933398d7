import json
import pathlib

import numpy as np
import pytest

from data_pipeline import skeleton as skeletons
from data_pipeline.common.errors import UserError
from data_pipeline.readers import boxed, coco
from data_pipeline.readers.person import BAD_CROP, FAR_JOINT, NO_JOINTS, AnnotationError

NAMES = ["tip", "left_side", "right_side"]
POINTS = [30.0, 20.0, 2, 10.0, 40.0, 1, 0.0, 0.0, 0]


def person(**changes):
    return {
        "id": 1, "image_id": 7, "category_id": 1, "keypoints": POINTS, "num_keypoints": 2, "bbox": [10, 20, 40, 80],
        "area": 1600.0, "iscrowd": 0, **changes,
    }  # fmt: skip


@pytest.fixture
def read(tmp_path):
    """Reads a file of these people."""

    def call(*people, images=({"id": 7, "file_name": "a.jpg"},), category=None, split=None, skeleton=None):
        category = {"id": 1, "name": "leaf", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3]], **(category or {})}
        told = {"images": images, "annotations": people, "categories": [{"id": 0, "name": "all"}, category]}
        (tmp_path / "a.json").write_text(json.dumps(told))
        return coco.read(tmp_path / "a.json", split, skeleton)

    return call


def test_a_person_has_the_joints_of_the_file(read):
    found = read(person())
    (somebody,) = found.people
    np.testing.assert_array_equal(somebody.joints_image, [[30, 20], [10, 40], [0, 0]])
    assert somebody.annotated.tolist() == [True, True, False]
    assert somebody.visible.tolist() == [True, False, False]
    assert somebody.occlusion_known
    np.testing.assert_array_equal(somebody.center_image, [30, 60])
    assert (somebody.side_image, somebody.head_size) == (100.0, 80.0)
    assert (somebody.image, somebody.person_index, somebody.split) == ("a.jpg", 0, "train")
    assert (found.skeleton.joints, found.skeleton.mirror, found.skeleton.limbs) == (
        tuple(NAMES),
        (0, 2, 1),
        ((0, 1), (0, 2)),
    )


def test_a_file_that_label_studio_wrote():
    """By the converter of label-studio-sdk 2.1.2, of four photographs with a box and key points, the last without."""
    found = coco.read(pathlib.Path(__file__).parent / "label_studio.json")
    assert [p.image for p in found.people] == [f"images/0{n}-leaf.jpg" for n in range(3)]
    assert found.skeleton.joints == ("tip", "left_edge", "right_edge", "base", "stem")
    assert found.skeleton.mirror == (0, 2, 1, 3, 4)
    np.testing.assert_array_equal(found.people[0].joints_image, [[88, 20], [63, 48], [93, 43], [75, 85], [80, 107]])
    assert [p.annotated.sum() for p in found.people] == [5, 4, 5]
    assert found.skipped == {coco.OTHER: 3}


def test_occlusion_is_not_known_where_nobody_labelled_a_hidden_joint(read):
    seen = [30.0, 20.0, 2, 10.0, 40.0, 2, 0.0, 0.0, 0]
    assert [p.occlusion_known for p in read(person(keypoints=seen)).people] == [False]
    assert [p.occlusion_known for p in read(person(keypoints=seen), person()).people] == [True, True]


def test_several_people_of_an_image_are_counted(read):
    assert [p.person_index for p in read(person(), person(iscrowd=1), person(), person()).people] == [0, 1, 2]


def test_a_size_that_the_file_tells_is_taken(read):
    # As `python -m data_pipeline.export_coco` writes it.
    head = {"name": "face", "joints": NAMES, "unit": {"kind": "head"}}
    (somebody,) = read(person(head_size=12.5), skeleton=skeletons.from_json(head)).people
    assert somebody.head_size == 12.5


def test_people_of_a_split_are_asked_for(read):
    assert [p.split for p in read(person(), split="test").people] == ["test"]


@pytest.mark.parametrize(("other", "refused"), [(NAMES[::-1], True), (NAMES, False)], ids=["other joints", "the same"])
def test_categories_with_joints_have_the_same(tmp_path, other, refused):
    kinds = [{"id": n, "name": name, "keypoints": of} for n, (name, of) in enumerate([("leaf", NAMES), ("bud", other)])]
    told = {"images": [{"id": 7, "file_name": "a.jpg"}], "annotations": [person(), person(category_id=0)]}
    (tmp_path / "a.json").write_text(json.dumps(told | {"categories": kinds}))
    if refused:
        message = r"a\.json: categories have different joints \(leaf, bud\); export one category a file"
        with pytest.raises(AnnotationError, match=message):
            coco.read(tmp_path / "a.json")
    else:
        found = coco.read(tmp_path / "a.json")
        assert (found.skeleton.name, len(found.people)) == ("leaf", 2)


def test_what_is_no_json_says_what_is_wanted(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(AnnotationError, match="COCO's form has images, annotations and categories with keypoints"):
        coco.read(tmp_path / "a.json")


def test_joints_that_make_no_skeleton_are_told_with_their_file(read):
    with pytest.raises(UserError, match=r"a\.json: each joint's name must come once"):
        read(person(), category={"keypoints": ["tip", "tip", "stem"]})


def test_a_file_is_of_the_split_that_is_said(read):
    assert [p.split for p in read(person(), split="validation").people] == ["validation"]


@pytest.mark.parametrize("box", [[10, 20, 40, 0], [10, 20, 0, 80], None, [1, 2, 3]], ids=str)
def test_without_a_box_the_crop_is_of_the_joints(read, box):
    (somebody,) = read(person(bbox=box)).people
    np.testing.assert_array_equal(somebody.center_image, [20, 30])
    assert somebody.side_image == pytest.approx(1.25 * 1.2 * 20)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iscrowd": 1}, coco.CROWD),
        ({"iscrowd": True}, coco.CROWD),
        ({"category_id": 0}, coco.OTHER),
        ({"num_keypoints": 0}, NO_JOINTS),
        ({"keypoints": None}, NO_JOINTS),
        ({"keypoints": []}, NO_JOINTS),
        ({"keypoints": [0] * 9}, NO_JOINTS),
        ({"keypoints": [1, 2, 2]}, coco.BAD_LENGTH),
        ({"keypoints": [1, 2, 3] + [0] * 6}, boxed.BAD_FLAG),
        ({"keypoints": [1e30, 2, 2] + [0] * 6}, FAR_JOINT),
        ({"image_id": 8}, coco.NO_IMAGE),
        ({"bbox": [0, 0, 1e6, 1e6]}, BAD_CROP),
    ],
    ids=[
        *("crowd", "crowd true", "other category", "num_keypoints 0", "null", "empty", "all zero", "length"),
        *("flag 3", "1e30", "no image", "huge box"),
    ],
)
def test_what_cannot_be_used_is_counted(read, changes, reason):
    found = read(person(**changes), person())
    assert (len(found.people), found.skipped) == (1, {reason: 1})


@pytest.mark.parametrize(
    ("listed", "asked"),
    [("7", 7), (7, "7"), (7.0, 7), (7, 7.0), ("a7", "a7")],
    ids=["a", "b", "c", "d", "e"],
)
def test_ids_may_be_numbers_or_text(read, listed, asked):
    assert read(person(image_id=asked), images=[{"id": listed, "file_name": "a.jpg"}]).people


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("a.jpg", "a.jpg"),
        ("train/a.jpg", "train/a.jpg"),
        ("images\\a.jpg", "images/a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("../../upload/1/a.jpg", "a.jpg"),
        ("/data/upload/a.jpg", "a.jpg"),
        ("C:\\photos\\a.jpg", "a.jpg"),
        ("d:/a.jpg", "a.jpg"),
        ("train/../../a.jpg", "a.jpg"),
    ],
)
def test_photographs_are_within_their_folder(told, name):
    assert coco.file_name(told) == name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"category": {"keypoints": None}}, "no category has `keypoints`"),
        ({"category": {"keypoints": ["a", 3, "c"]}}, r"entry 'categories\[1\]\.keypoints\[1\]': must be text"),
        ({"images": {}}, "entry 'images': must be a list"),
        ({"images": [{"id": [], "file_name": "a.jpg"}]}, r"entry 'images\[0\]\.id'"),
    ],
    ids=["no joints", "joint 3", "images", "id"],
)
def test_another_form_is_one_line(read, change, message):
    with pytest.raises(AnnotationError, match=message) as caught:
        read(person(), **change)
    assert "\n" not in str(caught.value)


def test_null_coordinates_are_named(read):
    with pytest.raises(AnnotationError, match=r"entry 'annotations\[1\]\.keypoints\[0\]': must be a number"):
        read(person(), person(keypoints=[None] * 9))


def test_another_skeleton_takes_the_joints_that_it_has(read):
    names = ["Nose", "LShoulder", "RHip"]
    (somebody,) = read(person(), category={"keypoints": names}, skeleton=skeletons.load("coco17")).people
    places = [skeletons.load("coco17").index[name] for name in ("nose", "left_shoulder")]
    assert np.flatnonzero(somebody.annotated).tolist() == places
    assert somebody.head_size == 40.0  # The square root of the area.


def test_a_skeleton_of_which_nothing_is_there_is_refused(read):
    with pytest.raises(UserError, match=r"a\.json: none of mpii16's joints is among tip, left_side, right_side"):
        read(person(), skeleton=skeletons.load("mpii16"))


def test_the_real_file(shared_data):
    found = coco.read(shared_data("coco/coco_785.json"))
    (somebody,) = found.people
    assert found.skeleton == skeletons.load("coco17")
    assert somebody.image == "000000000785.jpg"
    assert somebody.annotated.sum() == 14 or somebody.annotated.any()
