"""Keypoint files in COCO's form, as COCO, CVAT, Label Studio and Roboflow write them, as annotated people.

Coordinates are taken as they are: 0-based pixels. A joint's third number is 0 where it is not labelled, 1 where it is
labelled and hidden, 2 where it is seen. Names of joints are recognised in the usual spellings (`joint_names`).
"""

import collections
import posixpath
import re
from typing import Any

import msgspec
import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import boxed, joint_names
from data_pipeline.readers.person import NO_JOINTS, AnnotationError, Annotations
from data_pipeline.skeleton import Skeleton

CROWD = "crowd (iscrowd)"
OTHER = "of a category without joints"
NO_IMAGE = "person of an image that is not listed"
BAD_LENGTH = "person with another number of joints than the category"

Id = int | float | str


class Image(msgspec.Struct):
    """An entry of `images`."""

    id: Id
    file_name: str


class Category(msgspec.Struct):
    """An entry of `categories`; `skeleton` holds pairs of joints, counted from 1."""

    id: Id
    name: str = "joints"
    keypoints: list[str] | None = None
    skeleton: list[list[float]] | None = None


class Annotation(msgspec.Struct):
    """An entry of `annotations`; `head_size` is the project's own."""

    image_id: Id
    category_id: Id
    keypoints: list[float] | None = None
    num_keypoints: float | None = None
    bbox: list[float] | None = None
    area: float | None = None
    iscrowd: bool | float | None = None
    head_size: float | None = None


class File(msgspec.Struct):
    """What is read of a file."""

    images: list[Image]
    annotations: list[Annotation]
    categories: list[Category]


def read(path: StrPath, split: str | None = None, skeleton: Skeleton | None = None) -> Annotations:
    """Reads the people of a file.

    Args:
        path: the file.
        split: that the whole file is of, `train` if None.
        skeleton: whose joints are wanted; by default those of the file.

    Returns:
        `Annotations` in the skeleton.

    Raises:
        AnnotationError: it is missing, damaged, or of another form.
        UserError: it has none of the skeleton's joints.
    """
    try:
        told = json_file.read(path, File, way="COCO's form has images, annotations and categories with keypoints")
    except UserError as error:
        raise AnnotationError(str(error)) from error
    categories = _with_joints(told.categories, path)
    first = next(iter(categories.values()))
    names = first.keypoints or []
    limbs = [[int(n) - 1 for n in limb] for limb in first.skeleton or () if len(limb) == 2]
    wanted = skeleton or joint_names.skeleton_of(names, limbs, name=first.name, source=path)
    places = joint_names.places(names, wanted, path)
    return boxed.annotations(list(_entries(told, categories, len(names), split or "train")), places, wanted, split)


def _with_joints(categories: list[Category], path: StrPath) -> dict[str, Category]:
    """The categories that have joints, by id; all must have the same."""
    found = {_key(category.id): category for category in categories if category.keypoints}
    if not found:
        raise AnnotationError(
            f"{path}: no category has `keypoints`, the names of its joints; export keypoints, not boxes alone"
        )
    lists = {tuple(category.keypoints or ()) for category in found.values()}
    if len(lists) > 1:
        named = ", ".join(category.name for category in found.values())
        raise AnnotationError(f"{path}: categories have different joints ({named}); export one category a file")
    return found


def _key(identity: Any) -> str:
    """An id as text: tools write 7, 7.0 and "7"."""
    return str(int(identity)) if isinstance(identity, float) and identity.is_integer() else str(identity)


def _entries(told, categories, joints, split):
    """People as `boxed.annotations` takes them."""
    files = {_key(image.id): file_name(image.file_name) for image in told.images}
    shown = collections.Counter()
    for entry in told.annotations:
        if _key(entry.category_id) not in categories:
            yield OTHER
        elif entry.iscrowd:
            yield CROWD
        elif not entry.keypoints or entry.num_keypoints == 0:
            yield NO_JOINTS
        elif len(entry.keypoints) != 3 * joints:
            yield BAD_LENGTH
        elif (image := files.get(_key(entry.image_id))) is None:
            yield NO_IMAGE
        else:
            box = entry.bbox if entry.bbox and len(entry.bbox) == 4 else None
            values = np.array(entry.keypoints).reshape(joints, 3)
            yield boxed.Entry(image, shown[image], split, values, box, entry.area, entry.head_size)
            shown[image] += 1


def file_name(told: str) -> str:
    """A photograph's path within the folder of images: of one that leads out of it, the name alone."""
    path = posixpath.normpath(told.replace("\\", "/"))
    leaves = path.startswith(("/", "../")) or path in ("..", ".") or re.match("[A-Za-z]:", path)
    return posixpath.basename(path) if leaves else path
