import numpy as np
import pytest

from data_pipeline.skeleton import COLUMNS, INDEX, JOINTS
from keras_apn.metrics import average_precision


@pytest.mark.parametrize(
    ("scores", "positives", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 0], 1),
        # Found at the first and third place: half of them at precision 1, the other half at 2/3.
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], 0.5 * 1 + 0.5 * 2 / 3),
        ([0.6, 0.9, 0.7, 0.8], [0, 1, 1, 0], 0.5 * 1 + 0.5 * 2 / 3),
        ([0.9, 0.8, 0.7, 0.6], [0, 0, 0, 1], 0.25),
        ([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0], 0.25),
        # The second and third share a threshold: 2 of 3 are found there, at precision 2/3.
        ([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 1], 1 / 3 * 1 + 1 / 3 * 2 / 3 + 1 / 3 * 3 / 4),
        ([0.5, 0.4], [0, 0], None),
        ([], [], None),
    ],
    ids=["perfect", "one wrong", "any order", "last", "no knowledge", "tie", "no positive", "empty"],
)
def test_average_precision(scores, positives, expected):
    found = average_precision.average_precision(scores, positives)
    assert found is None if expected is None else found == pytest.approx(expected)


def people():
    """Four people, all annotated and visible but what the tests change, with no suspicion of anything."""
    return np.zeros((4, 16)), np.ones((4, 16), bool), np.ones((4, 16), bool)


def test_columns_are_the_mean_of_left_and_right():
    occluded, visible, annotated = people()
    left, right = INDEX["left_wrist"], INDEX["right_wrist"]
    visible[0, [left, right]] = False
    occluded[0, left] = 1.0  # Known on the left, guessed on the right.
    found = average_precision.occlusion(occluded, visible, annotated)
    assert (found["joints"]["left_wrist"], found["joints"]["right_wrist"]) == (100, 25)
    assert found["wrist"] == found["mean_14"] == 62.5
    assert found["share"]["wrist"] == 25
    assert found["elbow"] is None


def test_what_is_not_annotated_counts_nowhere():
    occluded, visible, annotated = people()
    knee = INDEX["left_knee"]
    visible[:2, knee], occluded[1:, knee] = False, 0.9
    assert average_precision.occlusion(occluded, visible, annotated)["knee"] < 100
    annotated[0, knee], annotated[2:, knee] = False, False
    assert average_precision.occlusion(occluded, visible, annotated)["knee"] == 100


def test_without_probabilities_or_visibility_there_is_no_answer():
    occluded, visible, annotated = people()
    assert average_precision.occlusion(None, visible, annotated) is None
    assert average_precision.occlusion(occluded, None, annotated) is None


def test_people_whose_occlusion_is_not_known_count_nowhere():
    occluded, visible, annotated = people()
    knee = INDEX["left_knee"]
    # The third is hidden and suspected of it; that the first is suspected too costs precision only where that counts.
    visible[2, knee], occluded[2, knee], occluded[0, knee] = False, 0.5, 0.9
    found = average_precision.occlusion(occluded, visible, annotated, np.array([True, True, True, False]))
    assert found["joints"]["left_knee"] == 50
    # Of six left and right knees one is hidden.
    assert found["share"]["knee"] == pytest.approx(100 / 6)
    found = average_precision.occlusion(occluded, visible, annotated, np.array([False, True, True, False]))
    assert found["joints"]["left_knee"] == 100


def test_a_joint_that_is_annotated_nowhere_has_no_share():
    occluded, visible, annotated = people()
    annotated[:, [INDEX["left_knee"], INDEX["right_knee"]]] = False
    assert average_precision.occlusion(occluded, visible, annotated)["share"]["knee"] is None


def test_of_nobody_whose_occlusion_is_known_there_is_no_answer():
    assert average_precision.occlusion(*people(), np.zeros(4, bool)) is None


def test_keys_are_stable():
    found = average_precision.occlusion(*people())
    assert list(found) == [*COLUMNS, "mean_14", "joints", "share"]
    assert tuple(found["joints"]) == JOINTS
