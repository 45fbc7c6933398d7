import numpy as np
import pytest
import scipy.io

from data_pipeline.common import apart
from data_pipeline.readers import lsp, mat_file, mpii
from data_pipeline.readers.person import BAD_CROP, FAR_JOINT, AnnotationError
from data_pipeline.skeleton import INDEX, JOINTS_14

RIGHT_HIP, LEFT_HIP, PELVIS = INDEX["right_hip"], INDEX["left_hip"], INDEX["pelvis"]
# The files' joints in their order, and MPII's names for them.
FILE_JOINTS = {
    "rank": "right_ankle",
    "rkne": "right_knee",
    "rhip": "right_hip",
    "lhip": "left_hip",
    "lkne": "left_knee",
    "lank": "left_ankle",
    "rwri": "right_wrist",
    "relb": "right_elbow",
    "rsho": "right_shoulder",
    "lsho": "left_shoulder",
    "lelb": "left_elbow",
    "lwri": "left_wrist",
    "neck": "upper_neck",
    "head": "head_top",
}
FILE_ORDER = list(FILE_JOINTS)


def values(flag):
    """(14, 3) of one person who stands upright, 1-based: x is 100 plus the joint's place in the file."""
    joints = np.full((14, 3), float(flag))
    joints[:, 0] = 101 + np.arange(14)
    joints[:, 1] = [401, 301, 201, 201, 301, 401, 181, 131, 81, 81, 131, 181, 61, 21]
    return joints


def changed(joints, *changes):
    """A copy in which joint `name` has become (x, y, flag)."""
    joints = joints.copy()
    for name, numbers in changes:
        joints[FILE_ORDER.index(name)] = numbers
    return joints


@pytest.fixture
def read_lsp(tmp_path):
    """Reads an LSP file in which all people are alike."""

    def read(joints=None, **options):
        joints = values(0) if joints is None else joints
        path = tmp_path / "joints.mat"
        scipy.io.savemat(path, {"joints": np.repeat(joints.T[:, :, None], 2000, axis=2)}, do_compression=True)
        return lsp.read_lsp(path, **options)

    return read


@pytest.fixture
def read_lspet(tmp_path):
    """Reads an LSPET file whose first person is given; all others have no annotated joint."""

    def read(joints=None, **options):
        everybody = np.zeros((14, 3, 10000))
        everybody[:, :, 0] = values(1) if joints is None else joints
        path = tmp_path / "joints.mat"
        scipy.io.savemat(path, {"joints": everybody}, do_compression=True)
        return lsp.read_lspet(path, **options)

    return read


@pytest.mark.parametrize(("short", "name"), FILE_JOINTS.items(), ids=FILE_JOINTS)
def test_joints_go_to_their_place_among_the_sixteen(short, name):
    joints = values(0)[:, :2]
    found, _, _ = lsp.sixteen(joints, np.ones(14, bool), np.ones(14, bool))
    np.testing.assert_array_equal(found[INDEX[name]], joints[FILE_ORDER.index(short)])


def test_pelvis_and_thorax_are_the_midpoints_of_hips_and_shoulders():
    joints, annotated, visible = lsp.sixteen(values(0)[:, :2], np.ones(14, bool), np.ones(14, bool))
    np.testing.assert_array_equal(joints[PELVIS], [103.5, 201])
    np.testing.assert_array_equal(joints[INDEX["thorax"]], [109.5, 81])
    assert annotated.all()
    assert visible.all()


@pytest.mark.parametrize("missing", ["rhip", "lhip"])
def test_pelvis_is_masked_if_a_hip_is_missing(missing):
    annotated14 = np.array([name != missing for name in FILE_ORDER])
    joints, annotated, visible = lsp.sixteen(values(0)[:, :2], annotated14, np.ones(14, bool))
    assert not annotated[PELVIS]
    assert not visible[PELVIS]
    assert not joints[PELVIS].any()
    assert annotated[INDEX["thorax"]]


def test_pelvis_is_occluded_if_a_hip_is_occluded():
    visible14 = np.array([name != "lhip" for name in FILE_ORDER])
    _, annotated, visible = lsp.sixteen(values(0)[:, :2], np.ones(14, bool), visible14)
    assert annotated[PELVIS]
    assert not visible[PELVIS]


def test_coordinates_become_0_based(read_lsp):
    person = read_lsp().people[0]
    np.testing.assert_array_equal(person.joints_image[INDEX["right_ankle"]], [100, 400])
    assert person.joints_image.dtype == np.float32


def test_lsp_third_number_1_is_occluded_and_all_joints_are_annotated(read_lsp):
    person = read_lsp(changed(values(0), ("lkne", (5, 6, 1)))).people[0]
    assert person.annotated.all()
    assert np.flatnonzero(person.occluded).tolist() == [INDEX["left_knee"]]


def test_lsp_splits_after_the_thousandth_image(read_lsp):
    people = read_lsp().people
    assert [(people[i].image, people[i].split) for i in (0, 999, 1000, 1999)] == [
        ("im0001.jpg", "train"),
        ("im1000.jpg", "train"),
        ("im1001.jpg", "test"),
        ("im2000.jpg", "test"),
    ]


@pytest.mark.parametrize(("split", "first"), [("train", "im0001.jpg"), ("test", "im1001.jpg")], ids=["train", "test"])
def test_lsp_split_chooses_people(read_lsp, split, first):
    people = read_lsp(split=split).people
    assert (len(people), people[0].image) == (1000, first)


def test_lsp_train_crop_is_around_the_joints(read_lsp):
    person = read_lsp(split="train").people[0]
    # Joints span x 100 to 113 and y 20 to 400. Ten head sizes, by shins and thighs of 100, are 473: less than 475.
    np.testing.assert_array_equal(person.center_image, [106.5, 210])
    assert 10 * person.head_size == pytest.approx(473, abs=0.5)
    assert person.side_image == pytest.approx(1.25 * 380)


def test_a_crouched_body_gets_a_crop_of_ten_head_sizes(read_lspet):
    crouched = changed(values(1), ("rank", (104, 201, 1)), ("lank", (104, 201, 1)))
    person = read_lspet(crouched).people[0]
    # 280 pixels high, so 1.25 of it is less; thighs and shins are as long as before.
    assert person.side_image == pytest.approx(10 * person.head_size)
    assert person.side_image == pytest.approx(473, abs=0.5)


def test_lsp_test_people_have_no_crop_from_the_truth(read_lsp):
    person = read_lsp(split="test").people[0]
    assert person.center_image is None
    assert person.side_image is None


def test_lspet_third_number_1_is_annotated_and_visible(read_lspet):
    person = read_lspet(changed(values(1), ("lkne", (-250, 700, 0)))).people[0]
    assert np.flatnonzero(~person.annotated).tolist() == [INDEX["left_knee"]]
    assert not person.occluded.any()
    assert not person.joints_image[INDEX["left_knee"]].any()


def test_lsp_knows_occlusion_and_lspet_does_not(read_lsp, read_lspet):
    assert all(person.occlusion_known for person in read_lsp().people)
    found = read_lspet()
    assert not found.people[0].occlusion_known
    summary = found.summary()
    assert (summary["people"], summary["people_occlusion_unknown"], summary["joints_occluded"]) == (1, 1, 0)


def test_lspet_garbage_coordinates_do_not_move_the_crop(read_lspet):
    expected = read_lspet().people[0]
    person = read_lspet(changed(values(1), ("lkne", (-250, 700, 0)))).people[0]
    np.testing.assert_array_equal(person.center_image, expected.center_image)


def test_lspet_joints_outside_the_image_stay_where_they_are(read_lspet):
    person = read_lspet(changed(values(1), ("lwri", (-0.5, 90, 1)))).people[0]
    np.testing.assert_array_equal(person.joints_image[INDEX["left_wrist"]], [-1.5, 89])


def test_lspet_is_all_for_training(read_lspet):
    person = read_lspet(split="train").people[0]
    assert (person.image, person.split) == ("im00001.jpg", "train")


def test_people_without_a_measurable_limb_are_left_out_and_counted(read_lspet):
    found = read_lspet()
    assert len(found.people) == 1
    assert found.skipped == {lsp.NO_LIMB: 9999}


def upright(**lengths):
    """A person (16, 2) and flags with limbs of given lengths from the right hip on, one below the other."""
    joints, annotated = np.zeros((16, 2)), np.zeros(16, bool)
    annotated[RIGHT_HIP], y = True, 0
    for name, length in lengths.items():
        y += length
        joints[INDEX[name]], annotated[INDEX[name]] = (0, y), True
    return joints, annotated


def test_head_size_of_one_limb_is_its_length_over_its_share():
    assert lsp.head_size(*upright(right_knee=21.7)) == pytest.approx(10)


def test_head_size_is_the_mean_of_the_three_largest_estimates():
    # Thigh 10, shin 20, torso side 30, and an upper arm of 1, seen end-on.
    joints, annotated = upright(right_knee=21.7, right_ankle=41.8)
    joints[INDEX["right_shoulder"]], annotated[INDEX["right_shoulder"]] = (0, -80.4), True
    joints[INDEX["right_elbow"]], annotated[INDEX["right_elbow"]] = (1.5, -80.4), True
    assert lsp.head_size(joints, annotated) == pytest.approx(20)


@pytest.mark.parametrize(
    "lengths",
    [{}, {"right_knee": 0}, {"head_top": 50}],
    ids=["one joint", "a limb of no length", "no limb"],
)
def test_head_size_is_zero_without_a_limb(lengths):
    assert lsp.head_size(*upright(**lengths)) == 0


@pytest.mark.parametrize(
    ("read", "split", "message"),
    [
        (lsp.read_lsp, "validation", "LSP has train and test people only"),
        (lsp.read_lspet, "test", "LSPET has train people only"),
    ],
    ids=["LSP", "LSPET"],
)
def test_a_split_that_the_dataset_lacks_is_refused(read, split, message):
    with pytest.raises(AnnotationError, match=f"{message}. Received: split={split}"):
        read("joints.mat", split=split)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"No readable file .*; give the path of LSP's joints\.mat"):
        lsp.read_lsp(tmp_path / "joints.mat")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="No readable file"):
        lsp.read_lsp(tmp_path)


@pytest.mark.parametrize(
    ("read", "content", "message"),
    [
        (lsp.read_lsp, {"joints": np.zeros((14, 3, 10000))}, "looks like LSPET's joints .*; use --dataset=lspet$"),
        (lsp.read_lspet, {"joints": np.zeros((3, 14, 2000))}, "looks like LSP's joints .*; use --dataset=lsp$"),
        (lsp.read_lsp, {"RELEASE": {"annolist": 1}}, "looks like MPII's RELEASE .*; use --dataset=mpii$"),
        (
            lsp.read_lspet,
            {"joints": np.zeros((14, 3, 9428))},
            r"must hold LSPET's .* Received: joints \(14, 3, 9428\)$",
        ),
    ],
    ids=["LSPET as LSP", "LSP as LSPET", "MPII as LSP", "another LSPET"],
)
def test_another_dataset_is_named(tmp_path, read, content, message):
    path = tmp_path / "joints.mat"
    scipy.io.savemat(path, content)
    with pytest.raises(AnnotationError, match=message):
        read(path)


@pytest.mark.parametrize("kept", [0, 4, 150, 5000, -4], ids=["nothing", "4 bytes", "header", "part", "all but 4 bytes"])
def test_a_cut_file_is_refused(tmp_path, kept):
    path = tmp_path / "joints.mat"
    random = np.random.default_rng(0).normal(size=(3, 14, 2000))
    scipy.io.savemat(path, {"joints": random}, do_compression=True)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(AnnotationError, match="is not a whole MATLAB 5 file"):
        lsp.read_lsp(path)


def count14(people, flag):
    return sum(int(getattr(p, flag)[list(JOINTS_14)].sum()) for p in people)


def test_real_lsp_has_28000_joints_of_which_2044_are_occluded(shared_data):
    people = lsp.read_lsp(shared_data("lsp/joints.mat")).people
    assert len(people) == 2000
    assert (count14(people, "annotated"), count14(people, "occluded")) == (28000, 2044)


@pytest.fixture(scope="module")
def real_lspet(shared_data):
    return lsp.read_lspet(shared_data("lspet/joints.mat"))


def test_real_lspet_has_123213_joints_and_leaves_nobody_out(real_lspet):
    assert (len(real_lspet.people), count14(real_lspet.people, "annotated")) == (10000, 123213)
    assert not real_lspet.skipped


def test_real_lspet_lacks_pelvis_or_thorax_in_3976_images(real_lspet):
    assert sum(not p.annotated[[PELVIS, INDEX["thorax"]]].all() for p in real_lspet.people) == 3976


def test_head_size_agrees_with_real_head_boxes(shared_data):
    people = mpii.read(shared_data("mpii/release_validation.mat")).people
    ratios = [lsp.head_size(p.joints_image, p.annotated) / p.head_size for p in people]
    np.testing.assert_allclose(np.percentile(ratios, [16, 50, 84]), [0.86, 1.00, 1.16], atol=0.01)


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((np.nan, 5.0, 0), FAR_JOINT),
        ((np.inf, 5.0, 0), FAR_JOINT),
        ((1e30, 5.0, 0), FAR_JOINT),
        ((5.0, 5.0, np.nan), lsp.BAD_FLAG),
        ((5.0, 5.0, 2), lsp.BAD_FLAG),
    ],
    ids=["NaN", "infinite", "1e30", "flag NaN", "flag 2"],
)
def test_people_that_make_no_sense_are_counted(read_lsp, numbers, reason):
    found = read_lsp(changed(values(0), ("rank", numbers)))
    assert (found.people, found.skipped) == ([], {reason: 2000})


def test_a_training_crop_is_within_bounds(read_lsp):
    found = read_lsp(changed(values(0), ("rank", (40_000.0, 5.0, 0))))
    assert found.skipped == {BAD_CROP: 1000}


def test_what_lspet_has_at_joints_that_are_not_annotated_is_garbage(read_lspet):
    found = read_lspet(changed(values(1), ("rank", (np.nan, 1e30, 0))))
    assert len(found.people) == 1


def test_joints_that_are_no_numbers_are_refused(tmp_path):
    scipy.io.savemat(tmp_path / "joints.mat", {"joints": np.ones((3, 14, 2000), complex)})
    with pytest.raises(AnnotationError, match="`joints` must hold numbers"):
        lsp.read_lsp(tmp_path / "joints.mat")


def test_a_file_at_which_scipy_crashes_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(mat_file.apart, "call", lambda *_: (_ for _ in ()).throw(apart.Failed("ended by SIGSEGV")))
    (tmp_path / "joints.mat").write_bytes(b"")
    with pytest.raises(AnnotationError, match=r"is not a whole MATLAB 5 file \(ended by SIGSEGV\); download LSP's"):
        lsp.read_lsp(tmp_path / "joints.mat")


def test_files_are_read_in_a_process_of_their_own(read_lsp, apart_as_ever):
    assert len(read_lsp().people) == 2000
    with pytest.raises(AnnotationError, match="must hold LSP's joints"):
        read_lsp(values(0)[:13])
