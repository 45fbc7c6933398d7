import gzip
import json
import re

import numpy as np
import pytest
import scipy.io

from data_pipeline.readers import mat_file, mpii
from data_pipeline.readers.person import BAD_CROP, BAD_HEAD_SIZE, FAR_JOINT, AnnotationError
from data_pipeline.skeleton import INDEX

# Person 1 of this image is in the validation split, person 2 is not.
VALIDATION_IMAGE = "005808361.jpg"
EMPTY = np.zeros((0, 0))
NO_BYTES = np.zeros((0, 0), np.uint8)
KNEE = INDEX["right_knee"]


def structs(*items):
    """A (1, N) MATLAB struct array of dicts with the same keys."""
    array = np.empty((1, len(items)), [(name, object) for name in items[0]])
    for i, item in enumerate(items):
        array[0, i] = tuple(item.values())
    return array


def point(joint, x, y, **fields):
    return {"id": np.uint8(joint), "x": np.uint16(x), "y": np.uint16(y), **fields}


def rect(*points, **fields):
    """An annorect: head box 30 x 40, so a diagonal of 50 and a head size of 30."""
    box = {"x1": np.uint16(300), "y1": np.uint16(100), "x2": np.uint16(330), "y2": np.uint16(140)}
    annopoints = {"point": structs(*(points or [point(KNEE, 11, 21)]))}
    return {**box, "annopoints": annopoints, "scale": 3.0, "objpos": {"x": np.uint16(594), "y": 257.0}, **fields}


def without(fields, *names):
    return {name: value for name, value in fields.items() if name not in names}


@pytest.fixture
def release(tmp_path):
    """Writes a RELEASE file of one image for each (name, in_training, annorect) and returns its path."""

    def write(*images):
        annolist = structs(*({"image": {"name": name}, "annorect": annorect} for name, _, annorect in images))
        training = np.array([[in_training for _, in_training, _ in images]], np.uint8)
        path = tmp_path / "mpii.mat"
        scipy.io.savemat(path, {"RELEASE": {"annolist": annolist, "img_train": training, "version": "12"}})
        return path

    return write


@pytest.fixture
def one(release):
    """Reads the only person of a training image with this annorect."""

    def read(annorect):
        (person,) = mpii.read(release(("a.jpg", 1, structs(annorect)))).people
        return person

    return read


@pytest.mark.parametrize("order", [("id", "x", "y", "is_visible"), ("x", "y", "id", "is_visible")], ids=str)
def test_joints_are_placed_by_id_whatever_the_order_of_fields_and_points(one, order):
    points = [point(9, 50, 60, is_visible=1), point(0, 11, 21, is_visible=1), point(4, 7, 8, is_visible=1)]
    person = one(rect(*({name: p[name] for name in order} for p in points)))
    np.testing.assert_array_equal(person.joints_image[[9, 0, 4]], [[49, 59], [10, 20], [6, 7]])
    assert np.flatnonzero(person.annotated).tolist() == [0, 4, 9]


def test_joints_without_a_point_are_zero_and_neither_annotated_nor_visible(one):
    person = one(rect(point(KNEE, 11, 21)))
    others = np.arange(16) != KNEE
    assert not person.joints_image[others].any()
    assert not person.annotated[others].any()
    assert not person.visible[others].any()


@pytest.mark.parametrize(
    ("is_visible", "visible"),
    [
        (np.uint8(1), True),
        (np.uint8(0), False),
        ("1", True),
        ("0", False),
        (NO_BYTES, True),
        (EMPTY, True),
    ],
    ids=["uint8 1", "uint8 0", "char 1", "char 0", "empty uint8", "empty double"],
)
def test_is_visible_tells_occlusion_and_empty_means_visible(one, is_visible, visible):
    person = one(rect(point(KNEE, 11, 21, is_visible=is_visible)))
    assert person.annotated[KNEE]
    assert person.visible[KNEE] == visible
    assert person.occluded[KNEE] == (not visible)


def test_a_point_without_the_field_is_visible_is_visible(one):
    assert one(rect(point(KNEE, 11, 21))).visible[KNEE]


def test_unsigned_coordinates_do_not_wrap_around(one):
    person = one(rect({"id": np.uint8(KNEE), "x": np.uint8(0), "y": np.uint16(0)}))
    np.testing.assert_array_equal(person.joints_image[KNEE], [-1, -1])


def test_a_point_without_a_place_is_passed_over_alone(one):
    nowhere = {**point(0, 0, 0), "x": EMPTY}
    person = one(rect(nowhere, point(KNEE, 11, 21)))
    assert np.flatnonzero(person.annotated).tolist() == [KNEE]


def test_an_unsigned_head_box_does_not_wrap_around(one):
    box = {"x1": np.uint8(200), "x2": np.uint8(170), "y1": np.uint8(50), "y2": np.uint16(10)}
    assert one(rect(**box)).head_size == pytest.approx(30)


def test_joints_outside_the_image_stay_where_they_are(one):
    person = one(rect({"id": np.uint8(KNEE), "x": -26.5, "y": np.int16(-3)}))
    np.testing.assert_array_equal(person.joints_image[KNEE], [-27.5, -4])
    assert person.annotated[KNEE]


def test_a_bare_point_struct_is_one_joint(one):
    person = one(rect(annopoints={"point": point(KNEE, 11, 21)}))
    assert person.annotated.sum() == 1
    np.testing.assert_array_equal(person.joints_image[KNEE], [10, 20])


def test_head_size_is_six_tenths_of_the_diagonal_of_the_head_box(one):
    assert one(rect()).head_size == pytest.approx(30)


def test_crop_is_lowered_by_15_and_250_wide_for_each_unit_of_scale(one):
    person = one(rect())
    np.testing.assert_array_equal(person.center_image, [593, 256 + 45])
    assert person.side_image == 750


def test_images_may_have_different_sets_of_fields(release):
    plain = rect()
    more = {"part_occ1": NO_BYTES, "head_r11": "0.98", "torso_r11": EMPTY, **rect()}
    path = release(("a.jpg", 1, structs(plain)), ("b.jpg", 1, structs(more)), ("c.jpg", 1, structs(plain, plain)))
    people = mpii.read(path).people
    assert [(p.image, p.person_index) for p in people] == [("a.jpg", 0), ("b.jpg", 0), ("c.jpg", 0), ("c.jpg", 1)]


@pytest.mark.parametrize(
    ("annorect", "reason"),
    [
        (EMPTY, mpii.NO_PEOPLE),
        (structs(without(rect(), "annopoints")), mpii.NO_JOINTS),
        (structs(rect(annopoints=EMPTY)), mpii.NO_JOINTS),
        (structs(rect(annopoints={"point": EMPTY})), mpii.NO_JOINTS),
        (structs(without(rect(), "objpos")), mpii.NO_PLACE),
        (structs(rect(objpos=EMPTY)), mpii.NO_PLACE),
        (structs(rect(scale=EMPTY)), mpii.NO_PLACE),
        (structs(without(rect(), "scale", "objpos")), mpii.NO_PLACE),
        (structs(without(rect(), "x1", "y1", "x2", "y2")), mpii.NO_HEAD),
        (structs(rect(x2=EMPTY)), mpii.NO_HEAD),
    ],
    ids=[
        "empty annorect",
        "no annopoints",
        "empty annopoints",
        "empty point",
        "no objpos",
        "empty objpos",
        "empty scale",
        "no scale and objpos",
        "no head box",
        "empty x2",
    ],
)
def test_what_cannot_be_used_is_left_out_and_counted(release, annorect, reason):
    found = mpii.read(release(("a.jpg", 1, annorect), ("b.jpg", 1, structs(rect()))))
    assert [p.image for p in found.people] == ["b.jpg"]
    assert found.skipped == {reason: 1}


def test_people_of_test_images_are_left_out(release):
    found = mpii.read(release(("a.jpg", 0, structs({"scale": 2.0, "objpos": {"x": 10, "y": 20}}))))
    assert found.people == []
    assert found.skipped == {mpii.NO_TRUTH: 1}


def test_other_people_of_a_validation_image_belong_to_no_split(release):
    found = mpii.read(release((VALIDATION_IMAGE, 1, structs(rect(), rect()))))
    assert [(p.person_index, p.split) for p in found.people] == [(0, "validation")]
    assert found.skipped == {mpii.NOT_IN_SPLIT: 1}


@pytest.mark.parametrize(
    ("split", "images"),
    [("train", ["a.jpg"]), ("validation", [VALIDATION_IMAGE]), (None, ["a.jpg", VALIDATION_IMAGE])],
    ids=["train", "validation", "both"],
)
def test_split_chooses_people(release, split, images):
    path = release(("a.jpg", 1, structs(rect())), (VALIDATION_IMAGE, 1, structs(rect())))
    people = mpii.read(path, split=split).people
    assert [p.image for p in people] == images


def test_a_split_without_published_joints_is_refused(release):
    with pytest.raises(AnnotationError, match=r"`train` and `validation` only\. Received: split=test"):
        mpii.read(release(("a.jpg", 1, structs(rect()))), split="test")


def test_the_validation_split_has_2958_people():
    people = mpii.validation_people()
    assert len(people) == 2958
    assert (VALIDATION_IMAGE, 0) in people


def json_person(**fields):
    joints = [[0.0, 0.0, 0.0] for _ in range(16)]
    joints[KNEE] = [11.0, 21.0, 1.0]
    person = {"img_paths": "a.jpg", "people_index": 2.0, "isValidation": 0.0, "joint_self": joints}
    return {**person, "objpos": [594.0, 257.0], "scale_provided": 3.0, **fields}


def write_json(path, content):
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt") as file:
        json.dump(content, file)
    return path


@pytest.mark.parametrize("name", ["mpii.json", "mpii.json.gz"])
def test_json_gives_the_same_person_as_the_release(tmp_path, release, name):
    (expected,) = mpii.read(release(("a.jpg", 1, structs(rect())))).people
    (person,) = mpii.read(write_json(tmp_path / name, [json_person(people_index=1.0)])).people
    np.testing.assert_array_equal(person.joints_image, expected.joints_image)
    np.testing.assert_array_equal(person.visible, expected.visible)
    np.testing.assert_array_equal(person.center_image, expected.center_image)
    assert (person.image, person.person_index, person.split) == ("a.jpg", 0, "train")
    assert person.side_image == expected.side_image


def test_json_head_size_is_25_times_the_scale(tmp_path):
    (person,) = mpii.read(write_json(tmp_path / "mpii.json", [json_person()])).people
    assert person.head_size == pytest.approx(75)


def test_json_joints_are_annotated_unless_all_three_numbers_are_zero(tmp_path):
    joints = [[0.0, 0.0, 0.0] for _ in range(16)]
    joints[0], joints[1], joints[2] = [0.0, 5.0, 0.0], [0.0, 0.0, 1.0], [-4.0, 8.0, 0.0]
    (person,) = mpii.read(write_json(tmp_path / "mpii.json", [json_person(joint_self=joints)])).people
    assert np.flatnonzero(person.annotated).tolist() == [0, 1, 2]
    assert np.flatnonzero(person.visible).tolist() == [1]
    np.testing.assert_array_equal(person.joints_image[:4], [[-1, 4], [-1, -1], [-5, 7], [0, 0]])


def test_json_split_is_its_own_mark(tmp_path):
    path = write_json(tmp_path / "mpii.json", [json_person(), json_person(img_paths="b.jpg", isValidation=1.0)])
    assert [p.image for p in mpii.read(path, split="validation").people] == ["b.jpg"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"joint_self": [[0.0] * 3] * 16}, mpii.NO_JOINTS), ({"scale_provided": 0.0}, mpii.NO_PLACE)],
    ids=["no joints", "no scale"],
)
def test_json_people_that_cannot_be_used_are_counted(tmp_path, fields, reason):
    assert mpii.read(write_json(tmp_path / "mpii.json", [json_person(**fields)])).skipped == {reason: 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"annotations": []}, "must be a list. .* is a list of people, each with img_paths"),
        ([{"people": "a.jpg", "joints": []}], r"entry '\[0\]': lacks the .* is a list of people, each with img_paths"),
        ([json_person(joint_self=[[1.0, 2.0, 1.0]] * 14)], r"'\[0\].joint_self': must be a list of length >= 16"),
    ],
    ids=["a dict", "other keys", "14 joints"],
)
def test_other_json_is_refused(tmp_path, content, message):
    with pytest.raises(AnnotationError, match=message):
        mpii.read(write_json(tmp_path / "other.json", content))


@pytest.mark.parametrize("name", ["mpii.mat", "mpii.json", "mpii.json.gz"])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(AnnotationError, match=f"No readable file .*{name}; give the path of MPII's"):
        mpii.read(tmp_path / name)


@pytest.mark.parametrize("name", ["mpii.mat", "mpii.json", "mpii.json.gz"])
@pytest.mark.parametrize(
    "content", [b"", b"<html>Not found</html>", b"\x00\x01\xff" * 100], ids=["empty", "html", "junk"]
)
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AnnotationError, match="is not a whole") as caught:
        mpii.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_cut_release_is_refused(release, kept):
    path = release(*((f"{i}.jpg", 1, structs(rect())) for i in range(20)))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(AnnotationError, match=r"is not a whole MATLAB 5 file"):
        mpii.read(path)


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_cut_json_is_refused(tmp_path, kept):
    path = write_json(tmp_path / "mpii.json.gz", [json_person()] * 50)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(AnnotationError, match="is not a whole gzip file"):
        mpii.read(path)


@pytest.mark.parametrize(
    ("dataset", "shape"), [("lsp", (3, 14, 2000)), ("lspet", (14, 3, 10000))], ids=["LSP", "LSPET"]
)
def test_joints_of_another_dataset_are_named(tmp_path, dataset, shape):
    path = tmp_path / "joints.mat"
    scipy.io.savemat(path, {"joints": np.zeros(shape)})
    told = f"{path} looks like {dataset.upper()}'s joints {shape}, not MPII's RELEASE (1, 1); use --dataset={dataset}"
    with pytest.raises(AnnotationError, match=f"^{re.escape(told)}$"):
        mpii.read(path)


@pytest.mark.parametrize(
    ("content", "holds"),
    [({"a": np.zeros((2, 3)), "b": np.zeros((1, 4))}, "a (2, 3), b (1, 4)"), ({}, "nothing")],
    ids=["two", "none"],
)
def test_what_another_file_holds_is_told(tmp_path, content, holds):
    path = tmp_path / "other.mat"
    scipy.io.savemat(path, content)
    told = f"{path} must hold MPII's RELEASE (1, 1); use its mpii_human_pose_v1_u12_1.mat. Received: {holds}"
    with pytest.raises(AnnotationError, match=f"^{re.escape(told)}$"):
        mpii.read(path)
    told = f"{path} is not the annotation file of mpii, lsp, lspet. Received: {holds}"
    with pytest.raises(AnnotationError, match=f"^{re.escape(told)}$"):
        mat_file.recognise(path)


@pytest.mark.parametrize(
    ("name", "value", "dataset"),
    [
        ("RELEASE", {"version": "12"}, "mpii"),
        ("joints", np.zeros((3, 14, 2000)), "lsp"),
        ("joints", np.zeros((14, 3, 10000)), "lspet"),
    ],
)
def test_a_file_is_recognised_by_what_it_holds(tmp_path, name, value, dataset):
    scipy.io.savemat(tmp_path / "a.mat", {"before": np.zeros(1), name: value})
    assert mat_file.recognise(tmp_path / "a.mat") == dataset


def test_a_file_to_recognise_that_is_not_there_is_asked_for(tmp_path):
    with pytest.raises(AnnotationError, match=r"^No readable file .*none\.mat; give the path of an annotation file$"):
        mat_file.recognise(tmp_path / "none.mat")
    (tmp_path / "text.mat").write_text("no MATLAB file")
    with pytest.raises(AnnotationError, match=r"is not a whole MATLAB 5 file .*; download MPII's mpii_human_pose"):
        mat_file.recognise(tmp_path / "text.mat")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"preds": np.zeros((5, 16, 2))}, r"must hold MPII's RELEASE .* Received: preds \(5, 16, 2\)"),
        ({"RELEASE": {"version": "12"}}, "must hold RELEASE.annolist and RELEASE.img_train"),
    ],
    ids=["no RELEASE", "no annolist"],
)
def test_other_matlab_files_are_refused(tmp_path, content, message):
    path = tmp_path / "other.mat"
    scipy.io.savemat(path, content)
    with pytest.raises(AnnotationError, match=message):
        mpii.read(path)


@pytest.fixture(scope="module")
def real_release(shared_data):
    return mpii.read(shared_data("mpii/release_validation.mat"))


@pytest.fixture(scope="module")
def real_json(shared_data):
    return mpii.read(shared_data("mpii/mpii_annotations.json.gz"))


def by_key(people):
    return {(p.image, p.person_index): p for p in people}


def test_real_release_holds_the_validation_people(shared_data):
    summary = mpii.read(shared_data("mpii/release_validation.mat"), split="validation").summary()
    assert (summary["people"], summary["joints_annotated"], summary["joints_occluded"]) == (2958, 44240, 10243)


def test_real_release_leaves_out_its_irregular_entries(real_release):
    assert real_release.skipped == {mpii.NOT_IN_SPLIT: 1988, mpii.NO_PEOPLE: 1, mpii.NO_PLACE: 1, mpii.NO_TRUTH: 2}


def test_real_head_sizes_are_a_tenth_of_the_crop(real_release):
    head_sizes, sides = np.array([(p.head_size, p.side_image) for p in real_release.people]).T
    np.testing.assert_allclose(head_sizes, sides / 10, rtol=1e-12)


def test_real_json_has_both_splits(real_json):
    splits = [p.split for p in real_json.people]
    assert (splits.count("train"), splits.count("validation")) == (22246, 2958)
    assert not real_json.skipped


def test_real_json_and_release_agree(real_release, real_json):
    expected = by_key(real_release.people)
    found = by_key(p for p in real_json.people if p.split == "validation")
    assert found.keys() == expected.keys()
    assert found.keys() == mpii.validation_people()
    for key, person in found.items():
        np.testing.assert_allclose(person.joints_image, expected[key].joints_image, atol=6e-4)
        np.testing.assert_array_equal(person.annotated, expected[key].annotated)
        np.testing.assert_array_equal(person.visible, expected[key].visible)
        np.testing.assert_allclose(person.center_image, expected[key].center_image, atol=0.01)
        assert person.head_size == pytest.approx(expected[key].head_size, abs=0.0126)


def test_real_json_agrees_with_the_evaluators_truth(shared_data, real_json):
    truth = scipy.io.loadmat(shared_data("mpii/detections_our_format.mat"))
    people = [p for p in real_json.people if p.split == "validation"]
    annotated = np.stack([p.annotated for p in people])
    np.testing.assert_array_equal(annotated, truth["jnt_missing"].T == 0)
    joints = np.stack([p.joints_image for p in people])[annotated]
    expected = truth["pos_gt_src"].transpose(2, 0, 1)[annotated]
    lost = expected == 0  # the evaluators' file has 0 for a coordinate far from the crop
    assert lost.any(1).sum() == 13
    np.testing.assert_allclose(joints[~lost], expected[~lost] - 1, atol=6e-4)


def test_real_people_are_within_the_bounds_of_sense(real_release, real_json):
    assert not set(real_json.skipped) & {FAR_JOINT, BAD_CROP, BAD_HEAD_SIZE, mpii.BAD_JOINT}
    assert not set(real_release.skipped) & {FAR_JOINT, BAD_CROP, BAD_HEAD_SIZE, mpii.BAD_JOINT}


def knee(*numbers):
    """The joints of a person of the JSON whose knee alone is annotated."""
    return [[0.0, 0.0, 0.0] if i != KNEE else list(numbers) for i in range(16)]


@pytest.mark.parametrize(
    ("fields", "entry"),
    [
        ({"joint_self": knee(11.0, None, 1.0)}, r"'\[1\].joint_self\[1\]\[1\]': must be a number. Received: null"),
        ({"joint_self": knee("11", 21.0, 1.0)}, r"'\[1\].joint_self\[1\]\[0\]': must be a number. Received: \"11\""),
        ({"joint_self": knee(11.0, 21.0)}, r"'\[1\].joint_self\[1\]': must be a list of length 3"),
        ({"joint_self": knee(11.0, 21.0, 7.0)}, r"'\[1\].joint_self\[1\]\[2\]': must be a number <= 1"),
        ({"isValidation": "false"}, r"'\[1\].isValidation': must be true or false or a number. Received: \"false\""),
        ({"img_paths": ["a.jpg"]}, r"'\[1\].img_paths': must be text"),
        ({"img_paths": ""}, r"'\[1\].img_paths'"),
        ({"people_index": 0}, r"'\[1\].people_index': must be a number >= 1"),
        ({"objpos": [1.0]}, r"'\[1\].objpos': must be a list of length 2"),
        ({"scale_provided": "big"}, r"'\[1\].scale_provided': must be a number or null"),
    ],
    ids=["null", "text", "ragged", "flag", "isValidation", "image list", "no image", "index", "objpos", "scale"],
)
def test_an_entry_of_another_form_is_named(tmp_path, fields, entry):
    with pytest.raises(AnnotationError, match=f"entry {entry}") as caught:
        mpii.read(write_json(tmp_path / "mpii.json", [json_person(), json_person(**fields)]))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"joint_self": knee(1e30, 21.0, 1.0)}, FAR_JOINT),
        ({"scale_provided": -1.0}, BAD_CROP),
        ({"scale_provided": 200}, BAD_CROP),
        ({"scale_provided": 1e300}, BAD_CROP),
        ({"scale_provided": 0.02}, BAD_HEAD_SIZE),
        ({"scale_provided": None}, mpii.NO_PLACE),
        ({"objpos": None}, mpii.NO_PLACE),
        ({"objpos": [None, 1.0]}, mpii.NO_PLACE),
        ({"objpos": [1e300, 1.0]}, BAD_CROP),
    ],
    ids=["1e30", "scale -1", "scale 200", "scale 1e300", "small", "no scale", "no place", "half a place", "far place"],
)
def test_json_people_that_make_no_sense_are_counted(tmp_path, fields, reason):
    found = mpii.read(write_json(tmp_path / "mpii.json", [json_person(), json_person(**fields)]))
    assert (len(found.people), found.skipped) == (1, {reason: 1})


@pytest.mark.parametrize(
    ("annorect", "reason"),
    [
        (rect({"id": np.int16(-1), "x": 1.0, "y": 2.0}), mpii.BAD_JOINT),
        (rect({"id": np.uint8(16), "x": 1.0, "y": 2.0}), mpii.BAD_JOINT),
        (rect({"id": 1.5, "x": 1.0, "y": 2.0}), mpii.BAD_JOINT),
        (rect({"id": 1.0, "x": 1.0, "y": 2.0, "is_visible": "x"}), mpii.BAD_JOINT),
        (rect({"id": 1.0, "x": np.nan, "y": 2.0}), FAR_JOINT),
        (rect({"id": 1.0, "x": "left", "y": 2.0}), FAR_JOINT),
        (rect({"id": 1.0, "x": np.array([1.0, 2.0]), "y": 2.0}), FAR_JOINT),
        (rect({"id": 1.0, "x": 1e30, "y": 2.0}), FAR_JOINT),
        (rect(x1=np.inf), BAD_HEAD_SIZE),
        (rect(x1=1.0, x2=1.0 + 1e-8, y1=1.0, y2=1.0), BAD_HEAD_SIZE),
        (rect(scale=-1.0), BAD_CROP),
        (rect(scale=1e6), BAD_CROP),
        (rect(scale=np.nan), BAD_CROP),
        (rect(objpos={"x": np.nan, "y": 1.0}), BAD_CROP),
    ],
    ids=[
        *("id -1", "id 16", "id 1.5", "flag x", "NaN", "text", "two numbers", "1e30"),
        *("infinite head", "tiny head", "scale -1", "scale 1e6", "scale NaN", "place NaN"),
    ],
)
def test_people_of_the_release_that_make_no_sense_are_counted(release, annorect, reason):
    found = mpii.read(release(("a.jpg", 1, structs(annorect)), ("b.jpg", 1, structs(rect()))))
    assert ([p.image for p in found.people], found.skipped) == (["b.jpg"], {reason: 1})


@pytest.mark.parametrize(
    ("image", "reason"),
    [(7.0, "list index out of range"), ({"name": 7.0}, "its image has no name")],
    ids=["no struct", "no name"],
)
def test_an_image_of_another_form_is_named(tmp_path, image, reason):
    annolist = structs({"image": image, "annorect": structs(rect())})
    release = {"annolist": annolist, "img_train": np.ones((1, 1), np.uint8)}
    scipy.io.savemat(tmp_path / "mpii.mat", {"RELEASE": release})
    told = f"entry 'annolist(1)' must be as MPII's are ({reason}); download mpii_human_pose_v1_u12_1.mat again"
    with pytest.raises(AnnotationError, match=f"{re.escape(told)}$"):
        mpii.read(tmp_path / "mpii.mat")


def test_images_and_their_marks_must_be_as_many(tmp_path):
    annolist = structs({"image": {"name": "a.jpg"}, "annorect": structs(rect())})
    scipy.io.savemat(tmp_path / "mpii.mat", {"RELEASE": {"annolist": annolist, "img_train": np.ones((1, 2))}})
    with pytest.raises(AnnotationError, match="annolist of 1, img_train of 2"):
        mpii.read(tmp_path / "mpii.mat")


def hrnet_person(**fields):
    joints, seen = [[-1.0, -1.0] for _ in range(16)], [0] * 16
    joints[KNEE], seen[KNEE] = [11.0, 21.0], 1
    return {"image": "a.jpg", "center": [594.0, 257.0], "scale": 3.0, "joints": joints, "joints_vis": seen, **fields}


def test_hrnets_json_is_known_by_what_it_holds(tmp_path):
    (expected,) = mpii.read(write_json(tmp_path / "mpii.json", [json_person()])).people
    (person,) = mpii.read(write_json(tmp_path / "train.json", [hrnet_person()])).people
    np.testing.assert_array_equal(person.joints_image, expected.joints_image)
    np.testing.assert_array_equal(person.annotated, expected.annotated)
    np.testing.assert_array_equal(person.center_image, expected.center_image)
    assert (person.side_image, person.head_size) == (expected.side_image, expected.head_size)
    assert expected.occlusion_known
    assert not person.occlusion_known


def test_hrnets_people_are_of_their_photographs_split(tmp_path):
    test_person = hrnet_person(joints=None)
    people = [hrnet_person(), test_person, *(hrnet_person(image=VALIDATION_IMAGE) for _ in range(3))]
    found = mpii.read(write_json(tmp_path / "trainval.json", people)).people
    assert [(p.image, p.split, p.person_index) for p in found] == [
        ("a.jpg", "train", 0),
        *((VALIDATION_IMAGE, "validation", n) for n in range(3)),
    ]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"joints": None, "joints_vis": None}, mpii.NO_TRUTH),
        ({"joints_vis": None}, mpii.NO_TRUTH),
        ({"center": [-1.0, -1.0]}, mpii.NO_PLACE),
        ({"scale": -1.0}, BAD_CROP),
        ({"joints_vis": [0] * 16}, mpii.NO_JOINTS),
    ],
    ids=["test", "no flags", "no place", "scale -1", "no joints"],
)
def test_hrnets_people_that_cannot_be_used_are_counted(tmp_path, fields, reason):
    assert mpii.read(write_json(tmp_path / "a.json", [hrnet_person(**fields)])).skipped == {reason: 1}


def test_the_two_forms_in_one_file_are_refused(tmp_path):
    with pytest.raises(AnnotationError, match=r"entry '\[1\]': lacks the field `img_paths`"):
        mpii.read(write_json(tmp_path / "a.json", [json_person(), hrnet_person()]))
