import gzip
import json
import re

import numpy as np
import pytest
import scipy.io

from data_pipeline.common.errors import UserError
from data_pipeline.readers import lsp as reader
from data_pipeline.skeleton import INDEX
from keras_apn.evaluation import truth_file

PEOPLE = 3


def detections(**changes):
    """The arrays of a small `detections_our_format.mat`, whose head boxes have diagonals of 50."""
    places = np.random.default_rng(0).uniform(10, 300, (16, 2, PEOPLE))
    boxes = np.full((2, 2, PEOPLE), 7.0)
    boxes[1] += np.array([[30], [40]])
    missing = np.zeros((16, PEOPLE), np.uint8)
    missing[INDEX["left_knee"], 1] = 1
    return {"pos_gt_src": places, "headboxes_src": boxes, "jnt_missing": missing, **changes}


def lsp(people, occluded=()):
    """LSP's (3, 14, people), in which one person's x is its number, and the joints named are occluded."""
    values = np.zeros((3, 14, people))
    values[0] = np.arange(people)
    values[1] = np.arange(14)[:, None]
    values[2, list(occluded)] = 1
    return values


@pytest.fixture
def written(tmp_path):
    """A function from arrays to the path of a MATLAB file that holds them."""

    def write(**arrays):
        scipy.io.savemat(tmp_path / "truth.mat", arrays)
        return str(tmp_path / "truth.mat")

    return write


def export(truth, shift=0.0):
    """MPII's JSON of the same people, of whom the right wrist is occluded."""
    entries = []
    for n in range(PEOPLE):
        flags = np.ones((16, 1))
        flags[INDEX["right_wrist"]] = 0
        joints = np.concatenate([truth["pos_gt_src"][..., n] + shift, flags], axis=1)
        joints[truth["jnt_missing"][:, n] == 1] = 0
        entries.append(
            {
                "img_paths": f"{n}.jpg",
                "people_index": 1,
                "isValidation": 1,
                "joint_self": joints.tolist(),
                "objpos": [100, 100],
                "scale_provided": 1.2,
            }
        )
    return entries


def test_mpii(written):
    arrays = detections()
    truth = truth_file.read(written(**arrays))
    assert (truth.metric, truth.people(), truth.visible) == ("pckh", (PEOPLE,), None)
    np.testing.assert_allclose(truth.head_size, 30)
    assert np.argwhere(~truth.annotated).tolist() == [[1, INDEX["left_knee"]]]
    assert not truth.true[1, INDEX["left_knee"]].any()
    np.testing.assert_array_equal(truth.true[2], arrays["pos_gt_src"][..., 2])


def test_lsp(written):
    truth = truth_file.read(written(joints=lsp(4, occluded=[6])))
    assert (truth.metric, truth.people()) == ("pck", (4,))
    assert np.flatnonzero(~truth.visible[0]).tolist() == [INDEX["right_wrist"]]
    assert truth.annotated.all()
    assert truth.true[3, INDEX["right_ankle"]].tolist() == [3, 0]
    assert truth.head_size.tolist() == [reader.head_size(person, np.ones(16, bool)) for person in truth.true]
    assert (truth.head_size > 0).all()
    assert (truth.true.dtype, truth.last(2).head_size.tolist()) == (np.float64, truth.head_size[2:].tolist())


def test_lsps_test_people_are_the_last_thousand(written):
    truth = truth_file.read(written(joints=lsp(2000)))
    assert truth.people() == (2000, 1000)
    assert truth.last(1000).true[0, 0, 0] == 1000
    assert truth.last(2000).true[0, 0, 0] == 0


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"joints": np.zeros((14, 3, 10))}, r"must be detections_our_format.mat .* Received: joints \(14, 3, 10\)"),
        ({"nothing": np.zeros(0), "more": np.zeros((2, 3))}, r"Received: nothing \([0, ]+\), more \(2, 3\)$"),
        ({"text": "no numbers"}, "Received: no array of numbers$"),
        (detections(jnt_missing=np.zeros((16, 2))), r"`jnt_missing` must be \(16, 3\). Received: \(16, 2\)"),
        (detections(headboxes_src=np.full((2, 2, PEOPLE), np.nan)), "must be finite"),
        ({"pos_gt_src": np.zeros((16, 2, 3))}, "must hold `jnt_missing`"),
        ({"joints": np.full((3, 14, 5), np.nan)}, "`joints` must be finite"),
    ],
    ids=["lspet", "others", "nothing", "shape", "nan", "half of it", "nan in lsp"],
)
def test_another_file_is_the_users_mistake(written, arrays, message):
    path = written(**arrays)
    with pytest.raises(UserError, match=message) as caught:
        truth_file.read(path)
    assert str(caught.value).startswith(path)


def test_visibility_comes_from_annotations(written, tmp_path):
    arrays = detections()
    path = written(**arrays)
    trained = [{**export(arrays)[0], "img_paths": "t.jpg", "isValidation": 0}]  # Who is no part of the truth.
    (tmp_path / "other.json").write_text(json.dumps(trained + export(arrays)))
    truth, used = truth_file.with_visibility(truth_file.read(path), path, str(tmp_path / "other.json"))
    assert used == str(tmp_path / "other.json")
    assert set(np.argwhere(~truth.visible)[:, 1]) == {INDEX["right_wrist"], INDEX["left_knee"]}


def test_annotations_beside_the_truth_are_found(written, tmp_path):
    arrays = detections()
    path = written(**arrays)
    assert truth_file.with_visibility(truth_file.read(path), path)[1] is None
    with gzip.open(tmp_path / "mpii_annotations.json.gz", "wt") as file:
        json.dump(export(arrays), file)
    truth, used = truth_file.with_visibility(truth_file.read(path), path)
    assert used == str(tmp_path / "mpii_annotations.json.gz")
    assert truth.visible is not None


def test_a_pixel_of_difference_is_the_same_place(written, tmp_path):
    arrays = detections(pos_gt_src=np.random.default_rng(0).integers(10, 300, (16, 2, PEOPLE)).astype(float))
    path = written(**arrays)
    (tmp_path / "mpii_annotations.json").write_text(json.dumps(export(arrays, 1.0)))
    assert truth_file.with_visibility(truth_file.read(path), path)[0].visible is not None


@pytest.mark.parametrize(("people", "shift"), [(PEOPLE, 5.0), (2, 0.0)], ids=["other places", "fewer"])
def test_annotations_of_other_people_are_refused_or_left_alone(written, tmp_path, people, shift):
    arrays = detections()
    path = written(**arrays)
    (tmp_path / "mpii_annotations.json").write_text(json.dumps(export(arrays, shift)[:people]))
    truth, used = truth_file.with_visibility(truth_file.read(path), path)
    assert (truth.visible, used) == (None, None)
    of = re.escape(f"{tmp_path / 'mpii_annotations.json'} must hold the {'' if shift else '3 '}people of {path}")
    with pytest.raises(UserError, match=f"^{of}"):
        truth_file.with_visibility(truth, path, str(tmp_path / "mpii_annotations.json"))


def test_lsp_tells_visibility_itself(written):
    path = written(joints=lsp(4, occluded=[6]))
    truth = truth_file.read(path)
    assert truth_file.with_visibility(truth, path) == (truth, None)
    with pytest.raises(UserError, match="leave --annotations out"):
        truth_file.with_visibility(truth, path, "annotations.json")
