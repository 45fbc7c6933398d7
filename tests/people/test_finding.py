import numpy as np
import pytest

from keras_apn.people import finding


def test_the_box_of_confident_joints():
    joints = np.zeros((16, 2), np.float32)
    joints[:3] = [[10, 20], [30, 20], [20, 60]]
    scores = np.zeros(16, np.float32)
    scores[:3] = [0.9, 0.5, 0.4]
    # The others are at the corner, and are not believed. A pixel's centre is half a pixel into a box.
    assert finding.box_of_joints(joints, scores, 1.0) == [10.5, 20.5, 20.0, 40.0]
    assert finding.box_of_joints(joints, scores, 1.5) == [5.5, 10.5, 30.0, 60.0]


@pytest.mark.parametrize("scores", [[0.9, 0.9, 0.3], [0.09, 0.09, 0.09]], ids=["beside the highest", "low"])
def test_two_joints_or_doubtful_ones_are_nobody(scores):
    joints, all_scores = np.zeros((16, 2), np.float32), np.zeros(16, np.float32)
    all_scores[:3] = scores
    assert finding.box_of_joints(joints, all_scores) is None


def test_first_the_whole_and_its_overlapping_parts_are_looked_at():
    found = np.array(finding.squares(300, 400))
    assert len(found) == 1 + 2 * 2 + 2 * 3
    # A crop is a quarter wider than its box.
    sides, corners = 1.25 * found[:, 2], found[:, :2] - found[:, 2:] / 8
    np.testing.assert_allclose(sides, [400] + [280] * 4 + [200] * 6)
    np.testing.assert_allclose(corners[0], [0, -50])
    np.testing.assert_allclose(corners[1:5], [[x, y] for y in (0, 20) for x in (0, 120)])
    np.testing.assert_allclose(corners[5:], [[x, y] for y in (0, 100) for x in (0, 100, 200)])


def test_the_crop_follows_what_is_seen_best_in_it():
    """Of a network that is off by a tenth of the side of what it looks at, and surest in one of the parts."""
    truth = np.stack([np.linspace(100, 140, 16), np.linspace(50, 130, 16)], -1).astype(np.float32)
    asked = []

    def look(places):
        asked.append([box for _, box in places])
        sides = [max(box[2:]) for _, box in places]
        sure = [0.9 if n == 7 or len(places) == 1 else 0.5 for n in range(len(places))]
        return np.stack([truth + side / 10 for side in sides]), np.repeat(np.array(sure)[:, None], 16, 1)

    (box,) = finding.find([np.zeros((300, 400, 3), np.uint8)], look)
    assert [len(boxes) for boxes in asked] == [11, 1]
    # At first 16 off, a tenth of a part's box; then by a tenth of 96, the box of joints 80 high and a fifth more.
    np.testing.assert_allclose(asked[1][0], [120.5 + 16 - 24, 90.5 + 16 - 48, 48, 96], atol=1e-3)
    np.testing.assert_allclose(box, [120.5 + 9.6 - 24, 90.5 + 9.6 - 48, 48, 96], atol=1e-3)


def test_nobody_is_the_whole_picture():
    def look(places):
        return np.zeros((len(places), 16, 2)), np.zeros((len(places), 16))

    assert finding.find([np.zeros((9, 9, 3), np.uint8)] * 2, look) == [None, None]


def test_a_speck_is_nobody():
    def look(places):
        joints = np.stack([np.linspace(0, 9, 16)] * 2, -1)
        return np.stack([joints] * len(places)), np.ones((len(places), 16))

    assert finding.find([np.zeros((1000, 1000, 3), np.uint8)], look) == [None]
