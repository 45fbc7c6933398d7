"""The people that were found in an image."""

import dataclasses
from typing import NamedTuple

import numpy as np

from data_pipeline.skeleton import MPII16, Skeleton

# What a model may say of each joint beside its score, as `Person` and a line of `predict` name it.
PROBABILITIES = ("occluded", "plausible", "confident")


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
        box: x, y, width and height in pixels from the image's corner, as it was given or found; None for the whole
            image.
        joints: [J, 2] float32 image pixels, in the order of the skeleton.
        scores: [J] float32.
        occluded, plausible, confident: [J] float32, or None; the last is how sure C takes G to be.
        number: of a person who is followed through a video; None otherwise.
        skeleton: whose joints they are.
    """

    box: tuple[float, ...] | None
    joints: np.ndarray
    scores: np.ndarray
    occluded: np.ndarray | None = None
    plausible: np.ndarray | None = None
    confident: np.ndarray | None = None
    number: int | None = None
    skeleton: Skeleton = MPII16

    @property
    def named(self) -> dict[str, Joint]:
        """Its joints by name."""
        each = [self.scores, self.occluded, self.plausible]
        rest = zip(*([None] * len(self.joints) if of is None else of.tolist() for of in each), strict=True)
        joints = zip(self.skeleton.joints, self.joints.tolist(), rest, strict=True)
        return {name: Joint(*place, *more) for name, place, more in joints}
