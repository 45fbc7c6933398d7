"""Ultralytics' pose data sets as annotated people: `data.yaml`, folders of photographs, and a text file for each.

A line of a text file is `class x y width height`, the box's centre and size, then the joints, all in shares of the
photograph's sides: two numbers a joint, or a third as COCO has it (`kpt_shape`). Without it a joint at 0, 0 or before
is not labelled.
"""

import os
import pathlib
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import numpy as np
import yaml

from data_pipeline.common import images, json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import boxed, joint_names
from data_pipeline.readers.person import AnnotationError, Annotations
from data_pipeline.skeleton import Skeleton, load

MOST_BYTES = 2**20
# By the names that `data.yaml` has for the splits.
SPLITS = {"train": "train", "val": "validation", "test": "test"}
PICTURES = (".jpg", ".jpeg", ".png")
NOBODY = "image without people"
UNREADABLE = "photograph that cannot be read"
BAD_LINE = "line of a label file that is none"

Positive = Annotated[int, msgspec.Meta(ge=1, le=512)]


class File(msgspec.Struct):
    """What is read of a `data.yaml`."""

    kpt_shape: tuple[Positive, Annotated[int, msgspec.Meta(ge=2, le=3)]]
    path: str | None = None
    train: str | list[str] | None = None
    val: str | list[str] | None = None
    test: str | list[str] | None = None
    flip_idx: list[int] | None = None
    kpt_names: dict[int | str, list[str]] | list[str] | None = None


def read(path: StrPath, split: str | None = None, skeleton: Skeleton | None = None) -> Annotations:
    """Reads the people of a data set.

    Args:
        path: of `data.yaml`.
        split: one of `person.SPLITS`, whose people are wanted; None for all.
        skeleton: whose joints are wanted. Where the file does not name its joints, they are taken for this skeleton's
            in its order; by default for COCO's where they are as many and mirrored alike, else they get numbers.

    Returns:
        `Annotations` in the skeleton.

    Raises:
        AnnotationError: the file is missing, damaged, or of another form.
        UserError: it has none of the skeleton's joints.
    """
    told = _load(path)
    count, pairs = told.kpt_shape[0], _pairs(told, path)
    names = _names(told, skeleton, path)
    wanted = skeleton or joint_names.skeleton_of(names, pairs=pairs, name=pathlib.Path(path).stem, source=path)
    places = joint_names.places(names, wanted, path)
    folder, entries = root(path, told), []
    for key, name in SPLITS.items():
        given = getattr(told, key)
        for one in [given] if isinstance(given, str) else given or []:
            for photograph in _photographs(folder, one, path):
                entries += _of_photograph(folder, photograph, count, told.kpt_shape[1], name)
    return boxed.annotations(entries, places, wanted, split)


def root(path: StrPath, told: File | None = None) -> str:
    """The folder that a `data.yaml`'s photographs are in: its `path`, from its own folder on, or that folder."""
    told = told or _load(path)
    return os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(told.path or "")))


def _load(path) -> File:
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise AnnotationError(f"{path} has more than {MOST_BYTES} bytes, too many for a data.yaml")
        # One that repeats itself by references grows without end when it is looked through.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(content, Loader=yaml.SafeLoader)):
            raise AnnotationError(f"{path}: references (*name) are not read; write the values out")
        value = yaml.safe_load(content)
        return json_file.convert(value, File, path, way="Ultralytics' pose data sets have a data.yaml with kpt_shape")
    except OSError as error:
        raise AnnotationError(f"{path} cannot be read ({error.strerror}); give --annotations a data.yaml") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, UserError):
            raise AnnotationError(str(error)) from error
        raise AnnotationError(f"{path} is no YAML ({' '.join(str(error).split())[:200]})") from error


def _pairs(told, path):
    """Mirrored pairs of joints by `flip_idx`, or None where it is not given."""
    flip, count = told.flip_idx, told.kpt_shape[0]
    if flip is None:
        return None
    if sorted(flip) != list(range(count)) or any(flip[flip[n]] != n for n in range(count)):
        raise AnnotationError(
            f"{path}: `flip_idx` must name each of the {count} joints' mirror image. Received: {flip}"
        )
    return [[n, other] for n, other in enumerate(flip) if n < other]


def _names(told, skeleton, path) -> list[str]:
    """The joints' names: the file's, else the skeleton's where they are as many, else numbers."""
    given: Any = told.kpt_names
    names = next(iter(given.values()), None) if isinstance(given, dict) else given
    count = told.kpt_shape[0]
    if names is not None and len(names) != count:
        raise AnnotationError(
            f"{path}: `kpt_names` must name {count} joints, as `kpt_shape` says. Received: {len(names)}"
        )
    if names:
        return names
    coco = load("coco17")
    if skeleton is None and count == len(coco) and told.flip_idx in (None, list(coco.mirror)):
        skeleton = coco
    if skeleton is not None:
        if len(skeleton) != count:
            raise UserError(
                f"{path} has {count} joints without names, and {skeleton.name} {len(skeleton)}; name them (`kpt_names`)"
            )
        return list(skeleton.joints)
    return [f"joint {n + 1}" for n in range(count)]


def _photographs(folder, told, path) -> Iterator[str]:
    """Paths of a split's photographs: of a folder, or of a text file that lists them."""
    place = os.path.join(folder, os.path.expanduser(told))
    if os.path.isdir(place):
        for where, folders, names in os.walk(place):
            folders.sort()
            yield from (os.path.join(where, name) for name in sorted(names) if name.lower().endswith(PICTURES))
    elif os.path.isfile(place) and place.endswith(".txt"):
        with open(place, encoding="utf-8", errors="replace") as file:
            yield from (
                os.path.normpath(os.path.join(os.path.dirname(place), line.strip())) for line in file if line.strip()
            )
    else:
        raise AnnotationError(f"{path}: {place} is neither a folder of photographs nor a .txt that lists them")


def label_path(photograph: str) -> str:
    """The text file of a photograph: in `labels` beside the last `images` of its path."""
    head, found, tail = photograph.rpartition(f"{os.sep}images{os.sep}")
    place = f"{head}{os.sep}labels{os.sep}{tail}" if found else photograph
    return os.path.splitext(place)[0] + ".txt"


def _of_photograph(folder, photograph, count, numbers, split):
    """The people of one photograph, or reasons for leaving some out."""
    label, image = label_path(photograph), os.path.relpath(photograph, folder).replace(os.sep, "/")
    if not os.path.isfile(label):
        return [NOBODY]
    with open(label, encoding="utf-8", errors="replace") as file:
        lines = [line.split() for line in file.read(MOST_BYTES).splitlines() if line.strip()]
    if not lines:
        return [NOBODY]
    try:
        width, height = images.size(photograph)
    except UserError:
        return [UNREADABLE] * len(lines)
    found = []
    for line in lines:
        entry = _person(line, count, numbers, width, height)
        index = sum(isinstance(one, boxed.Entry) for one in found)
        found.append(BAD_LINE if entry is None else boxed.Entry(image, index, split, *entry))
    return found


def _person(line, count, numbers, width, height):
    """`(joints, box)` of a line, or None where it is no line of a label file."""
    try:
        values = np.array(line, np.float64)
    except ValueError:
        return None
    if len(values) != 5 + numbers * count:
        return None
    x, y, w, h = values[1:5] * (width, height, width, height)
    joints = np.full((count, 3), boxed.SEEN, np.float64)
    joints[:, :numbers] = values[5:].reshape(count, numbers)
    if numbers == 2:
        nowhere = (joints[:, :2] < 0).any(1) | (joints[:, :2] == 0).all(1)
        joints[nowhere, 2] = boxed.NOT_LABELLED
    joints[:, :2] *= (width, height)
    return joints, (x - w / 2, y - h / 2, w, h)
