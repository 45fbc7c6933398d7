import re

import cv2
import numpy as np
import pytest

from data_pipeline import skeleton as skeletons
from data_pipeline.common.errors import UserError
from data_pipeline.readers import yolo
from data_pipeline.readers.person import NO_JOINTS, AnnotationError

COCO = skeletons.load("coco17")
LINE = "0 0.5 0.5 0.4 0.8 0.25 0.5 2 0.75 0.5 1 0 0 0"


def write(folder, lines=LINE, shape="[3, 3]", more="", split="train", name="a"):
    """An Ultralytics folder with one photograph of 100 x 200 pixels; the path of its data.yaml."""
    (folder / "images" / split).mkdir(parents=True, exist_ok=True)
    (folder / "labels" / split).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / "images" / split / f"{name}.jpg"), np.zeros((200, 100, 3), np.uint8))
    if lines is not None:
        (folder / "labels" / split / f"{name}.txt").write_text(lines)
    told = f"train: images/train\nval: images/val\nkpt_shape: {shape}\nnames: {{0: leaf}}\n{more}\n"
    (folder / "images" / "val").mkdir(exist_ok=True)
    (folder / "data.yaml").write_text(told)
    return folder / "data.yaml"


def test_a_person_is_in_pixels(tmp_path):
    found = yolo.read(write(tmp_path, more="flip_idx: [1, 0, 2]"))
    (somebody,) = found.people
    np.testing.assert_array_equal(somebody.joints_image, [[25, 100], [75, 100], [0, 0]])
    assert (somebody.annotated.tolist(), somebody.visible.tolist()) == ([True, True, False], [True, False, False])
    np.testing.assert_array_equal(somebody.center_image, [50, 100])
    assert (somebody.side_image, somebody.image, somebody.split) == (200.0, "images/train/a.jpg", "train")
    assert somebody.occlusion_known
    assert (found.skeleton.joints, found.skeleton.mirror) == (("joint 1", "joint 2", "joint 3"), (1, 0, 2))


def test_without_a_visibility_a_joint_at_zero_is_not_labelled(tmp_path):
    found = yolo.read(write(tmp_path, "0 .5 .5 .4 .8 .25 .5 0 0 -1 .5", "[3, 2]"))
    (somebody,) = found.people
    assert somebody.annotated.tolist() == [True, False, False]
    assert not somebody.occlusion_known


def test_without_a_visibility_a_joint_on_the_edge_is_labelled(tmp_path):
    (somebody,) = yolo.read(write(tmp_path, "0 .5 .5 .4 .8 0 .5 .25 0 .5 -.1", "[3, 2]")).people
    np.testing.assert_array_equal(somebody.joints_image, [[0, 100], [25, 0], [0, 0]])
    assert somebody.annotated.tolist() == [True, True, False]


def test_people_of_a_photograph_are_counted_without_lines_that_are_none(tmp_path):
    found = yolo.read(write(tmp_path, f"{LINE}\n\n0 0.5\n{LINE}\n"))
    assert [somebody.person_index for somebody in found.people] == [0, 1]
    assert found.skipped == {yolo.BAD_LINE: 1}


def test_bytes_that_are_no_text_are_a_line_that_is_none(tmp_path):
    path = write(tmp_path)
    (tmp_path / "labels" / "train" / "a.txt").write_bytes(b"\xff\xfe\n" + LINE.encode())
    found = yolo.read(path)
    assert (len(found.people), found.skipped) == (1, {yolo.BAD_LINE: 1})


@pytest.mark.parametrize(
    ("photograph", "label"),
    [
        ("/set/images/train/a.jpg", "/set/labels/train/a.txt"),
        ("/images/set/images/a.b.jpg", "/images/set/labels/a.b.txt"),
        ("/set/pictures/a.jpg", "/set/pictures/a.txt"),
        ("images/a.jpg", "images/a.txt"),
    ],
)
def test_labels_lie_beside_the_last_images(photograph, label):
    assert yolo.label_path(photograph) == label


def test_lines_that_label_studio_wrote(tmp_path):
    """By the converter of label-studio-sdk 2.1.2: key points that belong to a box, and `images` beside `labels`."""
    line = "0 0.5 0.475 0.4 0.85 0.4875 0.16666666666666669 2 0.4 0.41666666666666674 2 0.65 0.4 2 0.0 0.0 0"
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for name, text in (("a", line), ("b", "")):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), np.zeros((120, 160, 3), np.uint8))
        (tmp_path / "labels" / f"{name}.txt").write_text(text)
    (tmp_path / "data.yaml").write_text("train: images\nkpt_shape: [4, 3]\nkpt_names: [tip, left, right, stem]\n")
    found = yolo.read(tmp_path / "data.yaml")
    (somebody,) = found.people
    np.testing.assert_allclose(somebody.joints_image, [[78, 20], [64, 50], [104, 48], [0, 0]], atol=1e-9)
    assert (somebody.image, somebody.annotated.tolist()) == ("images/a.jpg", [True, True, True, False])
    assert (found.skeleton.joints, found.skeleton.mirror) == (("tip", "left", "right", "stem"), (0, 2, 1, 3))


def test_splits_are_the_files(tmp_path):
    write(tmp_path)
    path = write(tmp_path, split="val", name="b")
    assert [(p.image, p.split) for p in yolo.read(path).people] == [
        ("images/train/a.jpg", "train"),
        ("images/val/b.jpg", "validation"),
    ]
    assert [p.split for p in yolo.read(path, "validation").people] == ["validation"]


def test_photographs_may_be_listed(tmp_path):
    path = write(tmp_path)
    (tmp_path / "list.txt").write_text("images/train/a.jpg\n\n")
    path.write_text("train: list.txt\nkpt_shape: [3, 3]\n")
    assert [p.image for p in yolo.read(path).people] == ["images/train/a.jpg"]


def test_a_list_with_bytes_that_are_no_text_has_a_photograph_that_is_not_there(tmp_path):
    path = write(tmp_path)
    (tmp_path / "list.txt").write_bytes(b"images/train/\xff.jpg\nimages/train/a.jpg\n")
    path.write_text("train: [list.txt]\nkpt_shape: [3, 3]\n")
    found = yolo.read(path)
    assert ([p.image for p in found.people], found.skipped) == (["images/train/a.jpg"], {yolo.NOBODY: 1})


def test_the_root_is_where_the_file_says(tmp_path):
    write(tmp_path / "set")
    path = tmp_path / "data.yaml"
    path.write_text("path: set\ntrain: images/train\nkpt_shape: [3, 3]\n")
    assert yolo.root(path) == str(tmp_path / "set")
    assert len(yolo.read(path).people) == 1


def test_names_of_joints_are_taken(tmp_path):
    found = yolo.read(write(tmp_path, more="kpt_names: {0: [tip, LSide, RSide]}"))
    assert (found.skeleton.name, found.skeleton.joints) == ("data", ("tip", "LSide", "RSide"))
    assert found.skeleton.mirror == (0, 2, 1)


def test_seventeen_joints_mirrored_as_cocos_are_cocos(tmp_path):
    line = "0 .5 .5 .4 .8 " + " ".join([".5 .5 2"] * 17)
    flip = f"flip_idx: {list(COCO.mirror)}"
    assert yolo.read(write(tmp_path, line, "[17, 3]", flip)).skeleton == COCO
    other = yolo.read(write(tmp_path, line, "[17, 3]", f"flip_idx: {list(range(17))}")).skeleton
    assert other.joints[0] == "joint 1"


def test_joints_without_names_are_those_of_the_skeleton_that_is_stated(tmp_path):
    told = skeletons.from_json({"name": "leaf", "joints": ["a", "b", "c"]})
    assert yolo.read(write(tmp_path), skeleton=told).skeleton == told
    path = write(tmp_path)
    message = f"{path} has 3 joints without names, and coco17 17; name them (`kpt_names`)"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        yolo.read(path, skeleton=COCO)


def test_joints_of_another_skeleton_are_told_with_their_file(tmp_path):
    path = write(tmp_path, more="kpt_names: [tip, side, root]")
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: none of coco17's joints is among tip, side, root;"):
        yolo.read(path, skeleton=COCO)
    path = write(tmp_path, more="kpt_names: [tip, tip, root]")
    with pytest.raises(UserError, match=f"^{re.escape(str(path))}: each joint's name must come once"):
        yolo.read(path)


def test_no_names_of_any_kind_of_thing_are_no_names(tmp_path):
    found = yolo.read(write(tmp_path, more="kpt_names: {}"))
    assert found.skeleton.joints == ("joint 1", "joint 2", "joint 3")


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_file_has_a_most_of_bytes(tmp_path, monkeypatch, more):
    path = write(tmp_path)
    monkeypatch.setattr(yolo, "MOST_BYTES", path.stat().st_size - more)
    if more > 0:
        message = f"{path} has more than {yolo.MOST_BYTES} bytes, too many for a data.yaml"
        with pytest.raises(AnnotationError, match=f"^{re.escape(message)}$"):
            yolo.read(path)
    else:
        assert len(yolo.read(path).people) == 1


@pytest.mark.parametrize(
    ("lines", "skipped"),
    [
        (None, {yolo.NOBODY: 1}),
        ("", {yolo.NOBODY: 1}),
        ("0 0.5 0.5 0.4", {yolo.BAD_LINE: 1}),
        (LINE.replace("0.25", "x"), {yolo.BAD_LINE: 1}),
        ("0 .5 .5 .4 .8 0 0 0 0 0 0 0 0 0", {NO_JOINTS: 1}),
        (LINE.replace("0.25", "nan"), {yolo.boxed.FAR_JOINT: 1}),
    ],
    ids=["no file", "empty", "short", "text", "no joint", "NaN"],
)
def test_what_cannot_be_used_is_counted(tmp_path, lines, skipped):
    found = yolo.read(write(tmp_path, lines))
    assert (found.people, found.skipped) == ([], skipped)


def test_a_photograph_that_cannot_be_read_is_counted(tmp_path):
    path = write(tmp_path)
    (tmp_path / "images" / "train" / "a.jpg").write_bytes(b"no picture")
    assert yolo.read(path).skipped == {yolo.UNREADABLE: 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("train: [", r"is no YAML \(while parsing a flow node expected the node content"),
        ("- a", "the whole: must be an object"),
        (
            "train: images/train",
            r"lacks the field `kpt_shape`.*; Ultralytics' pose data sets have a data\.yaml with kpt_shape$",
        ),
        ("kpt_shape: [3, 4]\ntrain: x", r"entry 'kpt_shape\[1\]'"),
        ("kpt_shape: [3, 3]\nflip_idx: [0, 0, 1]\ntrain: x", "`flip_idx` must name"),
        ("kpt_shape: [3, 3]\nflip_idx: [0, 1]\ntrain: x", "`flip_idx` must name each of the 3 joints' mirror image"),
        ("kpt_shape: [3, 3]\nflip_idx: [1, 2, 0]\ntrain: x", r"Received: \[1, 2, 0\]$"),
        ("kpt_shape: [3, 3]\nkpt_names: [a]\ntrain: x", "`kpt_names` must name 3 joints"),
        ("kpt_shape: [3, 3]\ntrain: nowhere", "is neither a folder of photographs nor"),
        ("kpt_shape: [3, 3]\ntrain: nowhere.txt", "is neither a folder of photographs nor"),
        ("kpt_shape: [3, 3]\ntrain: data.yaml", "is neither a folder of photographs nor"),
        ("a: &a [1]\nb: [*a, *a]\nkpt_shape: [3, 3]", r"references \(\*name\) are not read"),
        ("kpt_shape: !!python/object/apply:os.system [ls]", "is no YAML"),
        (b"\xff\xfe\x00", "is no YAML"),
    ],
    ids=[
        "cut",
        "list",
        "no shape",
        "shape 4",
        "flip",
        "few",
        "round",
        "names",
        "nowhere",
        "no list",
        "no .txt",
        "alias",
        "python",
        "bytes",
    ],
)
def test_another_form_is_one_line(tmp_path, content, message):
    path = tmp_path / "data.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(AnnotationError, match=message) as caught:
        yolo.read(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < len(str(path)) + 250


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(AnnotationError, match=r"cannot be read .*; give --annotations a data\.yaml"):
        yolo.read(tmp_path / "data.yaml")
