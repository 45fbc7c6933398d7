"""People followed from frame to frame: the next crop is around the last joints, until they are lost."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from keras_apn.people import finding
from keras_apn.people.model import Box, Model
from keras_apn.people.one_euro import OneEuro
from keras_apn.people.person import Person

# A person is lost where the joints' mean score is below this share of their own mean so far, or below this.
LOST_SHARE, LOST_SCORE = 0.5, 0.08
# Of a new score in that mean.
MEMORY = 0.1
# How much larger or smaller a person may be in the next frame.
GROWTH = 1.1
# Frames in which who was lost is looked for at the same place, in a box that is so much larger.
PATIENCE, WIDER = 15, 1.3
# Boxes that overlap so much are one person's: of a detector and a follower, and of two followers.
SAME_BOX, SAME_PERSON = 0.3, 0.8
# Frames after which the whole picture is looked at again where nobody is followed.
SEARCH_EVERY = 5


@dataclasses.dataclass
class _Follower:
    """Who is followed: `box` is where to look next, `home` where the person is waited for, or None."""

    number: int
    box: Box
    home: Box | None
    filter: OneEuro | None
    mean: float | None = None
    missed: int = 0


class Tracker:
    """Follows people through the frames of a video or a camera.

    Args:
        model: of `keras_apn.load`.
        smooth: filter joints over time by a `OneEuro`; scores and probabilities are the frame's own.
        wait: who was lost is waited for in their first box, where that was given.
        batch_size: people that the network sees at once.
    """

    def __init__(self, model: Model, smooth: bool = False, wait: bool = False, batch_size: int = 8) -> None:
        self.model, self.smooth, self.wait, self.batch_size = model, smooth, wait, batch_size
        self._followers: list[_Follower] = []
        self._next, self._search_in = 0, 0

    def update(self, image: np.ndarray, seconds: float, boxes: Sequence[Box] | None = None) -> list[Person]:
        """The people of the next frame.

        Args:
            image: [H, W, 3] uint8 RGB.
            seconds: the frame's time.
            boxes: where a detector sees people in this frame, `[x, y, width, height]` in pixels; None where nobody
                looked. A box of somebody who is followed corrects where; another starts somebody new. Without any
                box so far one person is looked for in the whole picture.

        Returns:
            Those who are seen, a `Person` each with their `number`, from 0, and the `box` that was looked at.
        """
        if boxes:
            self._take(boxes)
        elif boxes is None:
            self._search(image)
        if not self._followers:
            return []
        people = self.model.look([(image, follower.box) for follower in self._followers], self.batch_size)
        seen = []
        for follower, person in zip(self._followers, people, strict=True):
            if self._follow(follower, person):
                joints = person.joints
                if follower.filter:
                    joints = follower.filter(joints, seconds, max(follower.box[2:])).astype(np.float32)
                seen.append((follower, dataclasses.replace(person, joints=joints, number=follower.number)))
        self._followers = [follower for follower in self._followers if self._kept(follower)]
        self._part(seen)
        return [person for follower, person in seen if follower in self._followers]

    def _take(self, boxes):
        """Gives a detector's boxes to those who are followed, the best overlap first, and starts the others."""
        overlaps = sorted(
            ((overlap(box, f.box), n, k) for n, box in enumerate(boxes) for k, f in enumerate(self._followers)),
            reverse=True,
        )
        given: dict[int, int] = {}
        for share, n, k in overlaps:
            if share >= SAME_BOX and n not in given and k not in given.values():
                given[n] = k
                self._followers[k].box = list(boxes[n])
        for n, box in enumerate(boxes):
            if n not in given:
                self._start(list(box), list(box) if self.wait else None)

    def _start(self, box, home):
        self._followers.append(_Follower(self._next, box, home, OneEuro() if self.smooth else None))
        self._next += 1

    def _search(self, image):
        """Looks for a person in the whole picture where nobody is known; where nobody is seen, not in every frame."""
        if self._followers:
            return
        if self._search_in > 0:
            self._search_in -= 1
            return
        (box,) = finding.find([image], lambda of: self.model.seen(of, self.batch_size))
        self._search_in = SEARCH_EVERY - 1 if box is None else 0
        if box is not None:
            self._start(box, None)

    def _follow(self, follower, person):
        """Whether the person is seen, and where to look next."""
        score, known = float(person.scores.mean()), follower.mean
        box = finding.box_of_joints(person.joints, person.scores)
        lost = box is None or score < max(LOST_SCORE, LOST_SHARE * (known or 0.0))
        if lost:
            if follower.missed == 0:
                follower.box = _scaled(follower.box, WIDER)
                # What is found again may have jumped.
                follower.filter = OneEuro() if self.smooth else None
            follower.missed += 1
            if follower.missed == PATIENCE and follower.home:
                follower.box = follower.home
            return False
        follower.mean = score if known is None else (1 - MEMORY) * known + MEMORY * score
        limit = GROWTH if follower.missed == 0 else WIDER * GROWTH
        follower.box, follower.missed = _bounded(box, follower.box, limit), 0
        return True

    def _kept(self, follower):
        """Whether somebody is looked for further."""
        return follower.missed < PATIENCE or follower.home is not None

    def _part(self, seen):
        """Of two followers who follow one person the later is lost."""
        for n, (later, person) in enumerate(seen):
            for _, other in seen[:n]:
                if later in self._followers and overlap(_around(person), _around(other)) >= SAME_PERSON:
                    self._followers.remove(later)


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(wide, 0.0) * max(high, 0.0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def _around(person):
    return finding.box_of_joints(person.joints, person.scores) or person.box


def _scaled(box, factor):
    x, y, width, height = box
    return [x + width * (1 - factor) / 2, y + height * (1 - factor) / 2, width * factor, height * factor]


def _bounded(box, last, limit):
    """A box about its own middle, whose longer side is at most so many times that of the last, or as much less."""
    side, before = max(box[2:]), max(last[2:])
    return _scaled(box, min(max(side, before / limit), before * limit) / side)
