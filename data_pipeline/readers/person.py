"""One annotated person, as every reader gives it: joints and flags, no pixels."""

import collections
import dataclasses
from typing import Any

import numpy as np

from data_pipeline.common.errors import UserError

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Person:
    """An annotated person, before any pixel is read.

    Attributes:
        image: file name of the photograph, relative to the folder of images.
        person_index: 0-based place among the annotations of its image.
        split: one of `SPLITS`.
        joints_image: (16, 2) float32, 0-based image pixels in the order of `skeleton.JOINTS`; zeros where not
            annotated. Joints may lie outside the image.
        annotated: (16,) bool, whether the joint's place is known.
        visible: (16,) bool, whether it is annotated and not occluded.
        head_size: the unit of PCKh in image pixels: 0.6 times the diagonal of the head box.
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
        """(16,) bool, annotated as hidden by something; none where occlusion is not known."""
        return self.annotated & ~self.visible & self.occlusion_known


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What a reader found: the people, and how many entries it left out for which reason."""

    people: list
    skipped: collections.Counter

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


class AnnotationError(UserError):
    """The annotation file cannot be read as what it was said to be."""
