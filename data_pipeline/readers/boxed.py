"""People annotated by a box and joints, as most tools write them: from a file's numbers to a `Person`."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from data_pipeline.readers import conversion
from data_pipeline.readers.person import FAR_JOINT, MOST_COORDINATE, NO_JOINTS, Annotations, Person, collect
from data_pipeline.skeleton import Skeleton

# A crop's side over the box's longer side, as in prediction (BUILD_NOTES 17).
MARGIN = 1.25
# What is written of a joint: not labelled, labelled and hidden, labelled and seen.
NOT_LABELLED, HIDDEN, SEEN = 0, 1, 2
BAD_FLAG = "person with a joint whose visibility is not 0, 1 or 2"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A person as a file has them.

    Attributes:
        image: the photograph's path, relative to the folder of images.
        person_index: 0-based place among the people of the photograph.
        split: one of `person.SPLITS`.
        joints: (K, 3) float64: x, y in pixels, and `NOT_LABELLED`, `HIDDEN` or `SEEN`.
        box: x, y, width and height in pixels, or None.
        area: of the person in square pixels, or None.
        size: the person's size in the skeleton's unit where the file says it, or None.
    """

    image: str
    person_index: int
    split: str
    joints: np.ndarray
    box: Sequence[float] | None = None
    area: float | None = None
    size: float | None = None


def annotations(
    entries: Sequence[Entry | str], places: Sequence[int], skeleton: Skeleton, split: str | None
) -> Annotations:
    """`Annotations` of a file's entries.

    Whether occlusion is known is asked of the whole file: it is where somebody labelled one joint as hidden, and not
    where none of all joints is (`Person.occlusion_known`).

    Args:
        entries: people, or reasons for leaving one out.
        places: where the file has each of the skeleton's J joints, -1 where it lacks it (`joint_names.places`).
        skeleton: of the people.
        split: one of `person.SPLITS`, whose people are wanted; None for all.
    """
    known = any((entry.joints[:, 2] == HIDDEN).any() for entry in entries if isinstance(entry, Entry))
    with np.errstate(all="ignore"):
        found = [entry if isinstance(entry, str) else _person(entry, places, skeleton, known) for entry in entries]
    people = iter(conversion.completed([one for one in found if isinstance(one, Person)]))
    sized = [one if isinstance(one, str) else next(people) for one in found]
    return dataclasses.replace(collect(sized, split), skeleton=skeleton)


def _person(entry, places, skeleton, known):
    """A `Person`, or the reason for leaving one out."""
    if not np.isin(entry.joints[:, 2], (NOT_LABELLED, HIDDEN, SEEN)).all():
        return BAD_FLAG
    there = np.array(places) >= 0
    joints = entry.joints[places]
    annotated = there & (joints[:, 2] != NOT_LABELLED)
    if not annotated.any():
        return NO_JOINTS
    if not (np.abs(joints[annotated, :2]) <= MOST_COORDINATE).all():  # NaN breaks the rule too.
        return FAR_JOINT
    points = np.where(annotated[:, None], joints[:, :2], 0.0)
    box = entry.box if entry.box is not None and entry.box[2] > 0 and entry.box[3] > 0 else _box(points, annotated)
    center = np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
    area = entry.area if entry.area and entry.area > 0 else None
    size = entry.size or conversion.size_of(skeleton, points, annotated, box=box, area=area)
    return Person(
        image=entry.image,
        person_index=entry.person_index,
        split=entry.split,
        joints_image=points.astype(np.float32),
        annotated=annotated,
        visible=annotated & (joints[:, 2] == SEEN) if known else annotated,
        head_size=size,
        center_image=center.astype(np.float32),
        side_image=float(MARGIN * max(box[2], box[3])),
        occlusion_known=known,
    )


def _box(joints, annotated):
    """A box around the annotated joints."""
    middle = (joints[annotated].min(0) + joints[annotated].max(0)) / 2
    width, height = conversion.extent(joints, annotated)
    return middle[0] - width / 2, middle[1] - height / 2, width, height
