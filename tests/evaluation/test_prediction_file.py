import re

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import INDEX
from keras_apn.evaluation import prediction_file


def write(path, values):
    np.savez(path, preds=values)
    return str(path)


@pytest.fixture
def joints():
    return np.random.default_rng(0).uniform(1, 500, (5, 16, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_joints_are_read_as_they_are(joints, tmp_path, dtype):
    found = prediction_file.read(write(tmp_path / "p.npz", joints.astype(dtype)), (5,))
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, joints.astype(dtype))


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0), (0, 2, 1), (1, 0, 2), (2, 0, 1)], ids=str)
def test_axes_in_another_order_are_recognised(joints, order):
    np.testing.assert_array_equal(prediction_file.arrange(joints.transpose(order), (5,), "p"), joints)


@pytest.mark.parametrize("people", [2, 14, 16])
def test_the_documented_order_is_never_in_doubt(people):
    values = np.random.default_rng(0).uniform(size=(people, 16, 2))
    assert prediction_file.arrange(values, (people,), "p") is not None
    np.testing.assert_array_equal(prediction_file.arrange(values, (people,), "p"), values)


@pytest.mark.parametrize(("shape", "people"), [((2, 2, 16), 2), ((16, 2, 16), 16), ((16, 2, 14), (14, 16))], ids=str)
def test_doubt_is_the_users_to_settle(shape, people):
    people = people if isinstance(people, tuple) else (people,)
    with pytest.raises(UserError, match=r"which axis of `preds` .* is which is not clear"):
        prediction_file.arrange(np.zeros(shape), people, "p")


def test_one_person_may_lack_the_axis_of_people():
    assert prediction_file.arrange(np.zeros((16, 2)), (1,), "p").shape == (1, 16, 2)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 32), "must be \\(N,16,2\\) or \\(N,14,2\\). Received: \\(5, 32\\)"),
        ((5, 17, 2), "Received: \\(5, 17, 2\\)"),
        ((5, 16, 3), "Received: \\(5, 16, 3\\)"),
        ((0, 16, 2), "must be of 5 people, as the truth is. Received: 0"),
        ((4, 16, 2), "must be of 5 people, as the truth is. Received: 4"),
        ((16, 2, 4), "must be of 5 people, as the truth is. Received: 4"),
    ],
    ids=["flat", "17 joints", "3 numbers", "nobody", "too few", "too few, transposed"],
)
def test_shapes_that_do_not_match_are_the_users_mistake(shape, message, tmp_path):
    with pytest.raises(UserError, match=message):
        prediction_file.read(write(tmp_path / "p.npz", np.zeros(shape)), (5,))


def test_both_numbers_of_people_are_named():
    with pytest.raises(UserError, match="must be of 2000 or 1000 people"):
        prediction_file.arrange(np.zeros((7, 14, 2)), (2000, 1000), "p")


@pytest.mark.parametrize(("value", "joints14"), [(np.nan, False), (np.inf, True)], ids=["nan of 16", "infinity of 14"])
def test_what_is_not_finite_is_the_users_mistake(tmp_path, value, joints14):
    values = np.zeros((5, 14 if joints14 else 16, 2))
    values[2:, 11 if joints14 else 15, 1] = value
    path = write(tmp_path / "p.npz", values)
    message = "predictions must be finite. .* for 3 joints of 3 people, first the left_wrist of person 3$"
    with pytest.raises(UserError, match=f"^{re.escape(path)}: {message}"):
        prediction_file.read(path, (5,))


def test_14_joints_are_in_lsps_order(tmp_path):
    values = np.zeros((5, 14, 2))
    values[..., 0] = np.arange(14)
    found = prediction_file.read(write(tmp_path / "p.npz", values), (5,))[0, :, 0]
    assert (found[INDEX["right_ankle"]], found[INDEX["right_wrist"]], found[INDEX["head_top"]]) == (0, 6, 13)
    # The middle of right and left hip, and of right and left shoulder.
    assert (found[INDEX["pelvis"]], found[INDEX["thorax"]]) == (2.5, 8.5)


def test_a_file_without_preds_is_the_users_mistake(tmp_path):
    np.savez(tmp_path / "p.npz", joints=np.zeros((5, 16, 2)), others=np.zeros((5, 14, 2)))
    path = str(tmp_path / "p.npz")
    with pytest.raises(
        UserError, match=rf"^{re.escape(path)} must hold `preds`. Received: joints \(5, 16, 2\), others"
    ):
        prediction_file.read(path, (5,))


@pytest.mark.parametrize("name", ["preds", "pred"])
def test_the_one_array_of_poses_is_taken_among_others(joints, tmp_path, name):
    others = {"scores": np.zeros((5, 16)), "maps": np.zeros((5, 4, 4, 2)), "boxes": np.zeros((5, 3, 2))}
    np.savez(tmp_path / "p.npz", **others, **{name: joints.transpose(2, 1, 0)})
    np.testing.assert_array_equal(prediction_file.read(str(tmp_path / "p.npz"), (5,)), joints)
