"""People of one skeleton as those of another: joints by their names, and their size in its unit."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.readers import lsp
from data_pipeline.readers.person import Person
from data_pipeline.skeleton import MPII16, Skeleton

# What a box around a person covers of the person (mmpose's share), and how much wider it is than the joints' extent.
AREA_OF_BOX, BOX_OF_JOINTS = 0.53, 1.2


def in_skeleton(person: Person, names: Sequence[str], wanted: Skeleton, places: np.ndarray | None = None) -> Person:
    """A person with the joints of another skeleton.

    Args:
        person: whose joints are those of `names`.
        names: of the K joints.
        wanted: the skeleton; a joint that is not among the names is not annotated.
        places: (K, 2) image pixels of all joints, annotated or not, by which to measure, where they are known.

    Returns:
        The `Person`, whose `head_size` is 0 where nothing tells it, as `completed` takes it.

    Raises:
        UserError: no joint is among the names, or one of the two whose distance is the unit is not.
    """
    index = {name: n for n, name in enumerate(names)}
    found = np.array([index.get(name, -1) for name in wanted.joints])
    there = found >= 0
    if not there.any():
        raise UserError(f"None of {wanted.name}'s joints is among {', '.join(names)}; their names must be the same")
    if wanted.ends and not there[list(wanted.ends)].all():
        ends = " and ".join(wanted.joints[n] for n in wanted.ends)
        raise UserError(f"{wanted.name} measures in distances of {ends}, which are not both among {', '.join(names)}")
    annotated = there & person.annotated[found]
    joints = np.where(annotated[:, None], person.joints_image[found], 0).astype(np.float32)
    known = person.joints_image if places is None else places
    whole = there if places is not None else annotated
    size = size_of(wanted, joints if places is None else known[found], whole, person.head_size)
    visible = annotated & person.visible[found]
    return dataclasses.replace(person, joints_image=joints, annotated=annotated, visible=visible, head_size=size)


def size_of(
    skeleton: Skeleton,
    joints: np.ndarray,
    annotated: np.ndarray,
    head_size: float | None = None,
    box: Sequence[float] | None = None,
    area: float | None = None,
) -> float:
    """A person's size in a skeleton's unit.

    Args:
        skeleton: whose joints they are.
        joints: (J, 2) image pixels.
        annotated: (J,) bool.
        head_size: MPII's, where it is known; else it is estimated by limbs that MPII's skeleton has.
        box: x, y, width and height around the person, pixels; by default from the joints.
        area: of the person, square pixels; by default `AREA_OF_BOX` of the box.

    Returns:
        Pixels above 0; 0.0 where nothing tells it.
    """
    if skeleton.unit == "head":
        return float(head_size) if head_size else _head_size(skeleton, joints, annotated)
    if skeleton.ends:
        one, other = skeleton.ends
        return float(np.linalg.norm(joints[one] - joints[other])) if annotated[[one, other]].all() else 0.0
    width, height = box[2:] if box is not None else extent(joints, annotated)
    if skeleton.unit == "box":
        return float(max(width, height))
    return float(np.sqrt(area if area else AREA_OF_BOX * width * height))


def completed(people: Sequence[Person]) -> list[Person]:
    """People with a size each: where it is 0, nothing tells it, and it becomes the usual one of people of their extent.

    Args:
        people: `Person`s in one skeleton.

    Returns:
        The people, each with a `head_size` above 0; where nobody's is known, it is a tenth of their extent.
    """
    extents = [max(extent(person.joints_image, person.annotated)) for person in people]
    ratios = [p.head_size / extent for p, extent in zip(people, extents, strict=True) if p.head_size and extent]
    usual = float(np.median(ratios)) if ratios else 0.1
    return [
        person if person.head_size else dataclasses.replace(person, head_size=max(usual * extent, 1.0))
        for person, extent in zip(people, extents, strict=True)
    ]


def extent(joints: np.ndarray, annotated: np.ndarray) -> tuple[float, float]:
    """Width and height of the box around annotated joints, in which even a single one has some room.

    Args:
        joints: (J, 2) image pixels.
        annotated: (J,) bool.

    Returns:
        Pixels, `BOX_OF_JOINTS` times as much as they need; zeros where none is annotated.
    """
    if not annotated.any():
        return 0.0, 0.0
    known = joints[annotated]
    width, height = (known.max(0) - known.min(0)) * BOX_OF_JOINTS
    least = max(width, height, 1.0) / 4
    return float(max(width, least)), float(max(height, least))


def _head_size(skeleton, joints, annotated):
    """By the limbs that MPII's skeleton has."""
    found = MPII16.mapping(skeleton)
    there = found >= 0
    return lsp.head_size(joints[found], there & annotated[found])
