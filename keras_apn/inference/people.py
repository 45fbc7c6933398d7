"""The people that were found in an image."""

import dataclasses
from typing import NamedTuple

import numpy as np

from data_pipeline.skeleton import JOINTS


class Joint(NamedTuple):
    """One joint of a person.

    Attributes:
        x, y: image pixels, 0-based, pixel centres at integers.
        score: the height of its peak, 0 to 1.
        occluded: how probably it is hidden; None of a model that does not say.
        plausible: how probably P takes its place for right; None of a model without P.
    """

    x: float
    y: float
    score: float
    occluded: float | None
    plausible: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """A person in an image, as `Joint` has each number.

    Attributes:
        box: x, y, width and height in pixels from the image's corner; None for the whole image.
        joints: [16, 2] float32 image pixels, in the order of `data_pipeline.skeleton.JOINTS`.
        scores: [16] float32.
        occluded, plausible: [16] float32, or None.
    """

    box: tuple[float, float, float, float] | None
    joints: np.ndarray
    scores: np.ndarray
    occluded: np.ndarray | None = None
    plausible: np.ndarray | None = None

    @property
    def named(self) -> dict[str, Joint]:
        """Its joints by name."""
        each = [self.scores, self.occluded, self.plausible]
        rest = zip(*([None] * len(JOINTS) if of is None else of.tolist() for of in each), strict=True)
        return {
            name: Joint(*place, *more) for name, place, more in zip(JOINTS, self.joints.tolist(), rest, strict=True)
        }
