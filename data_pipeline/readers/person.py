"""One annotated person, as every reader gives it: joints and flags, no pixels."""

import collections
import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import MPII16, Skeleton

SPLITS = ("train", "validation", "test")

# Bounds of a person's numbers, in pixels, whoever gives them. Photographs have at most 16,384 a side, and people reach
# beyond them; MPII's and LSPET's smallest head sizes are 11.5 and 7.5, their smallest crops 115 and 75.
MOST_COORDINATE = 65536.0
HEAD_SIZES = (1.0, 16384.0)
CROP_SIDES = (4.0, 32768.0)
FAR_JOINT = f"person with a joint over {MOST_COORDINATE:.0f} pixels away, or nowhere"
BAD_HEAD_SIZE = f"person whose head size is not {HEAD_SIZES[0]:.0f} to {HEAD_SIZES[1]:.0f} pixels"
BAD_CROP = f"person whose place or size is none: a crop of {CROP_SIDES[0]:.0f} to {CROP_SIDES[1]:.0f} pixels"
NO_JOINTS = "person without joints"
BAD_FLAGS = "person with joints that are visible and not annotated"


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """An annotated person, before any pixel is read.

    Attributes:
        image: file name of the photograph, relative to the folder of images.
        person_index: 0-based place among the annotations of its image.
        split: one of `SPLITS`.
        joints_image: (J, 2) float32, 0-based image pixels in the order of the skeleton, MPII's 16 by default; zeros
            where not annotated. Joints may lie outside the image.
        annotated: (J,) bool, whether the joint's place is known.
        visible: (J,) bool, whether it is annotated and not occluded.
        head_size: the person's size in image pixels, in the skeleton's unit: of MPII's the unit of PCKh, 0.6 times the
            diagonal of the head box.
        center_image: (2,) float32, the centre of the crop; None for the middle of the image.
        side_image: the crop's side in image pixels; None for the image's longer side.
        occlusion_known: whether somebody looked at what is occluded; if not, `visible` is `annotated` and says nothing.
    """

    image: str
    person_index: int
    split: str
    joints_image: np.ndarray
    annotated: np.ndarray
    visible: np.ndarray
    head_size: float
    center_image: np.ndarray | None
    side_image: float | None
    occlusion_known: bool = True

    @property
    def occluded(self) -> np.ndarray:
        """(J,) bool, annotated as hidden by something; none where occlusion is not known."""
        return self.annotated & ~self.visible & self.occlusion_known


def nonsense(person: Person) -> str | None:
    """Why a person cannot be one: a number that is not finite or out of bounds; None where nothing is wrong."""
    joints, annotated = np.asarray(person.joints_image), np.asarray(person.annotated)
    # Written so that a value that is no number breaks its rule too.
    if not (np.abs(joints[annotated]) <= MOST_COORDINATE).all():
        return FAR_JOINT
    if (person.visible & ~annotated).any():
        return BAD_FLAGS
    if person.side_image is not None and not CROP_SIDES[0] <= person.side_image <= CROP_SIDES[1]:
        return BAD_CROP
    if person.center_image is not None and not (np.abs(person.center_image) <= MOST_COORDINATE).all():
        return BAD_CROP
    if not HEAD_SIZES[0] <= person.head_size <= HEAD_SIZES[1]:
        return BAD_HEAD_SIZE
    return None


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What a reader found.

    Attributes:
        people: the `Person`s.
        skipped: how many entries it left out for which reason.
        skeleton: whose joints the people have.
    """

    people: list
    skipped: collections.Counter
    skeleton: Skeleton = MPII16

    def summary(self) -> dict[str, Any]:
        """Counts as a dict that goes into JSON.

        Returns:
            `people`, `people_occlusion_unknown`, `joints_annotated`, `joints_occluded` and `skipped`. The occluded
            joints are those of people whose occlusion is known.
        """
        return {
            "people": len(self.people),
            "people_occlusion_unknown": sum(not p.occlusion_known for p in self.people),
            "joints_annotated": int(sum(p.annotated.sum() for p in self.people)),
            "joints_occluded": int(sum(p.occluded.sum() for p in self.people)),
            "skipped": dict(sorted(self.skipped.items())),
        }


def collect(entries: Iterable[Person | str], split: str | None) -> Annotations:
    """`Annotations` of a reader's entries: people, or reasons for leaving one out.

    Args:
        entries: of the whole file. People who make no sense (`nonsense`) are left out too, whichever split is theirs.
        split: one of `SPLITS`, whose people are wanted; None for all.
    """
    people, skipped = [], collections.Counter()
    with np.errstate(all="ignore"):  # Of numbers that make no sense, which are counted.
        for entry in entries:
            reason = entry if isinstance(entry, str) else nonsense(entry)
            if reason:
                skipped[reason] += 1
            elif split in (None, entry.split):
                people.append(entry)
    return Annotations(people, skipped)


class AnnotationError(UserError):
    """The annotation file cannot be read as what it was said to be."""
