import numpy as np
import pytest

from export.verification import agreement

TOLERANCE = 1e-4
# Crop pixels of heatmap pixels: 4 x + 1.5; a quarter is one crop pixel.
PEAK, TWIN, LOWER = (13.5, 17.5), (25.5, 9.5), (9.5, 25.5)


def maps():
    """One [1, 8, 8, 1] map with its peak at x, y = 3, 4, a twin of it at 6, 2 and a lower place at 2, 6.

    The peak's neighbours: right 0.5, left 0.4, above and below 0.3 but for 5e-5.
    """
    pose = np.zeros((1, 8, 8, 1), np.float32)
    pose[0, 4, 3], pose[0, 2, 6], pose[0, 6, 2] = 1.0, 1.0 - 5e-5, 1.0 - 2e-4
    pose[0, 4, 4], pose[0, 4, 2], pose[0, 3, 3], pose[0, 5, 3] = 0.5, 0.4, 0.3, 0.3 + 5e-5
    return pose


@pytest.mark.parametrize(
    ("joint", "expected"),
    [
        ((PEAK[0] + 1, PEAK[1] + 1), True),
        ((PEAK[0] + 1, PEAK[1] - 1), True),
        ((PEAK[0] + 1, PEAK[1]), True),
        ((PEAK[0] - 1, PEAK[1] + 1), False),
        ((PEAK[0], PEAK[1] + 1), False),
        ((PEAK[0] + 1.02, PEAK[1] + 1), False),
        ((PEAK[0] + 1, PEAK[1] + 2), False),
        (TWIN, True),
        ((TWIN[0] - 1, TWIN[1] + 1), True),
        (LOWER, False),
        ((-2.5, 17.5), False),
        ((1e9, 17.5), False),
        ((np.nan, np.nan), False),
        ((np.inf, 17.5), False),
    ],
    ids=[
        "where Keras has it",
        "equal neighbours, the other way",
        "equal neighbours, neither way",
        "toward the lower neighbour",
        "no way where one neighbour is higher",
        "further than still",
        "half a pixel",
        "equal place",
        "equal place whose neighbours are equal",
        "lower place",
        "outside",
        "far outside",
        "no number",
        "infinite",
    ],
)
def test_a_tie_is_what_the_tolerance_explains(joint, expected):
    assert agreement.tied(maps(), np.array([[joint]]), TOLERANCE).tolist() == [[expected]]


@pytest.mark.parametrize(("x", "expected"), [(1.5, True), (2.5, False), (0.5, False)], ids=["stays", "right", "left"])
def test_at_the_border_a_peak_has_no_quarter(x, expected):
    pose = np.zeros((1, 8, 8, 1), np.float32)
    pose[0, 4, 0] = 1.0
    assert agreement.tied(pose, np.array([[[x, 17.5]]]), TOLERANCE).tolist() == [[expected]]


def answers(**changes):
    return {
        "pose": maps(),
        "occlusion": np.zeros((1, 8, 8, 1), np.float32),
        "joints": np.array([[[14.5, 18.5]]], np.float32),
        "scores": np.ones((1, 1), np.float32),
        "occluded": np.zeros((1, 1), np.float32),
        **changes,
    }


def summary(found):
    return agreement.summary(agreement.compare(answers(), found, TOLERANCE))


def test_equal_answers_differ_by_nothing():
    told = summary(answers())
    assert told == {
        "maps": {"max": 0, "mean": 0},
        "joints": {"max": 0, "mean": 0, "moved": 0, "ties": 0, "max_untied": 0},
        "scores": {"max": 0, "mean": 0},
        "occluded": {"max": 0, "mean": 0},
        "plausible": None,
    }


def test_differences_by_hand():
    occlusion = np.zeros((1, 8, 8, 1), np.float32)
    occlusion[0, 0, 0] = 0.64
    told = summary(answers(occlusion=occlusion, joints=np.array([[[12.5, 24.5]]]), scores=np.array([[0.75]])))
    # One of 2 x 64 heights; the joint is 2 to the left and 6 below.
    assert told["maps"] == pytest.approx({"max": 0.64, "mean": 0.005})
    assert told["joints"] == {"max": 6, "mean": 6, "moved": 100, "ties": 0, "max_untied": 6}
    assert told["scores"] == {"max": 0.25, "mean": 0.25}


def test_a_tie_is_counted_and_keeps_the_bound():
    told = summary(answers(joints=np.array([[TWIN]])))
    assert told["joints"] == {"max": 11, "mean": 11, "moved": 100, "ties": 1, "max_untied": 0}


def test_of_joints_alone_maps_are_not_known():
    told = summary({name: answers()[name] for name in ("joints", "scores", "occluded")})
    assert told["maps"] is None
    single_task = {name: answers()[name] for name in ("pose", "joints", "scores")}
    assert summary(single_task)["occluded"] is None


def test_what_is_no_number_has_moved():
    told = summary(answers(joints=np.full((1, 1, 2), np.nan)))
    assert told["joints"]["moved"] == 100
    assert told["joints"]["ties"] == 0
    assert np.isnan(told["joints"]["max_untied"])
