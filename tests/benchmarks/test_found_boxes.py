import numpy as np
import pytest

from benchmarks import found_boxes
from data_pipeline.readers.person import Person
from keras_apn.inference import arrays


def person(**changed):
    joints = np.stack([np.arange(16.0), np.zeros(16)], -1).astype(np.float32)
    told = {"image": "a.jpg", "person_index": 0, "split": "train", "joints_image": joints}
    told |= {"annotated": np.ones(16, bool), "visible": np.ones(16, bool), "head_size": 10.0}
    return Person(**told | {"center_image": np.array([100.0, 50.0]), "side_image": 250.0} | changed)


def test_distances_are_in_head_sizes_of_14_joints():
    annotated = np.ones(16, bool)
    annotated[0] = False
    found = found_boxes.errors(person(annotated=annotated), person().joints_image + np.array([0.0, 4.0]))
    assert np.isnan(found[0])
    np.testing.assert_allclose(found[1:], np.full(13, 0.4))


def test_the_summary_is_the_mean_of_the_joints():
    near, far = np.full(14, 0.4), np.full(14, 4.0)
    half = np.where(np.arange(14) < 7, 0.4, np.nan)
    assert found_boxes.summary([near, far, half, half]) == {
        "people": 4,
        "pckh": pytest.approx(100 * (3 / 4 + 1 / 2) / 2),
        "elsewhere": 25.0,
    }


def test_the_annotated_box_makes_the_persons_crop():
    center, side = arrays.square_of_box(found_boxes.annotated_box(person()), 400, 400)
    np.testing.assert_allclose(center, [100, 50])
    assert side == 250
