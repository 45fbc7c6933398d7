import numpy as np
import pytest

from keras_apn.people import model, tracking
from keras_apn.people.tracking import Tracker

SIZE = 32
IMAGE = (200, 300)


class Scene(model.Model):
    """A network that sees bright squares: joints on its outline where there is one in the crop, else none."""

    def __init__(self):
        super().__init__(self.outline, SIZE)
        self.looks = 0

    def outline(self, crops):
        self.looks += 1
        joints, scores = np.zeros((len(crops), 16, 2), np.float32), np.zeros((len(crops), 16), np.float32)
        for n, crop in enumerate(crops):
            rows, columns = np.nonzero(crop[..., 0] > 0.5)
            if len(rows):
                low, high = np.array([columns.min(), rows.min()]), np.array([columns.max(), rows.max()])
                joints[n] = low + (high - low) * np.linspace(0, 1, 16)[:, None]
                scores[n] = 0.8
        return {"joints": joints, "scores": scores}


def frame(*places, side=40):
    """A picture with a bright square about each point."""
    image = np.zeros((*IMAGE, 3), np.uint8)
    for x, y in places:
        image[max(0, y - side // 2) : y + side // 2, max(0, x - side // 2) : x + side // 2] = 255
    return image


def around(x, y, side=48):
    return [x - side / 2, y - side / 2, side, side]


def middle(person):
    return person.joints.mean(0)


def test_a_person_is_followed_by_the_joints_alone():
    tracker = Tracker(Scene())
    for n in range(30):
        x = 40 + 6 * n
        (person,) = tracker.update(frame((x, 100)), n / 30, [around(40, 100)] if n == 0 else None)
        assert person.number == 0
        np.testing.assert_allclose(middle(person), [x, 100], atol=3)
        assert max(person.box[2:]) < 70


def test_two_people_keep_their_numbers():
    tracker = Tracker(Scene())
    boxes = [around(60, 50), around(240, 150)]
    for n in range(20):
        found = tracker.update(frame((60 + 4 * n, 50), (240 - 4 * n, 150)), n / 30, boxes if n == 0 else None)
        assert [person.number for person in found] == [0, 1]
        assert [round(float(middle(person)[1]), -1) for person in found] == [50, 150]


def test_who_is_hidden_for_a_while_is_found_again():
    tracker = Tracker(Scene())
    seen = []
    for n in range(20):
        image = frame() if 5 <= n < 10 else frame((100, 100))
        seen.append([person.number for person in tracker.update(image, n / 30, [around(100, 100)] if n == 0 else None)])
    assert seen == [[0]] * 5 + [[]] * 5 + [[0]] * 10


def test_who_is_away_for_long_is_forgotten_but_waited_for_in_a_given_box():
    for wait, expected in ((False, []), (True, [0])):
        network = Scene()
        tracker = Tracker(network, wait=wait)
        tracker.update(frame((100, 100)), 0.0, [around(100, 100)])
        for n in range(40):
            assert tracker.update(frame(), n / 30, []) == []
        assert network.looks < 45
        found = tracker.update(frame((100, 100)), 2.0, [])
        assert [person.number for person in found] == expected


def test_without_a_box_somebody_is_found_in_the_whole_picture():
    tracker = Tracker(Scene())
    assert tracker.update(frame(), 0.0) == []
    found = []
    for n in range(10):
        found += tracker.update(frame((200, 60), side=80), n / 30)
    assert {person.number for person in found} == {0}
    assert 5 <= len(found) <= 10
    np.testing.assert_allclose(middle(found[-1]), [200, 60], atol=3)


def test_a_detectors_boxes_correct_and_add_people():
    tracker = Tracker(Scene())
    image = frame((60, 60), (220, 120))
    assert [person.number for person in tracker.update(image, 0.0, [around(60, 60)])] == [0]
    found = tracker.update(image, 0.1, [around(220, 120), around(64, 62)])
    assert [person.number for person in found] == [0, 1]
    # The correction is where it was looked.
    assert found[0].box == tuple(around(64, 62))
    assert [person.number for person in tracker.update(image, 0.2, [])] == [0, 1]


def test_two_who_follow_one_person_become_one():
    tracker = Tracker(Scene())
    found = tracker.update(frame((100, 100)), 0.0, [around(100, 100), around(120, 100, 90)])
    assert [person.number for person in found] == [0]


def test_smoothing_calms_joints_at_rest():
    moves = {}
    for smooth in (False, True):
        tracker, places, noise = Tracker(Scene(), smooth=smooth), [], np.random.default_rng(0)
        for n in range(40):
            x, y = 100 + noise.integers(-2, 3, 2)
            (person,) = tracker.update(frame((x, y)), n / 30, [around(100, 100)] if n == 0 else None)
            places.append(middle(person))
        moves[smooth] = np.std(np.diff(places, axis=0))
    assert moves[True] < 0.6 * moves[False]


@pytest.mark.parametrize(
    ("a", "b", "share"),
    [([0, 0, 2, 2], [0, 0, 2, 2], 1), ([0, 0, 2, 2], [1, 0, 2, 2], 1 / 3), ([0, 0, 2, 2], [5, 0, 2, 2], 0)],
)
def test_overlap(a, b, share):
    assert tracking.overlap(a, b) == pytest.approx(share)
