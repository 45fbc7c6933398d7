"""MPII's people in JSON: the common export, and the form of HRNet and mmpose, told apart by what an entry holds."""

import collections
import dataclasses
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import mat_file
from data_pipeline.readers.person import AnnotationError, Person
from data_pipeline.skeleton import NUM_JOINTS

# MPII's `scale` was made from the head box: on all 2958 validation people 0.6 x its diagonal = 25.000 x scale, a tenth
# of the crop's side. So the JSON needs no box.
HEAD_SIZE_PER_SCALE = 25.0
NO_TRUTH = "test person, joints not published"

SIXTEEN = msgspec.Meta(min_length=NUM_JOINTS, max_length=NUM_JOINTS)
Triple = tuple[float, float, Annotated[float, msgspec.Meta(ge=0, le=1)]]


class JsonPerson(msgspec.Struct):
    """What is read of an entry of the JSON export; whole numbers may be written as 1.0."""

    img_paths: Annotated[str, msgspec.Meta(min_length=1)]
    people_index: Annotated[float, msgspec.Meta(ge=1, le=10**6)]
    isValidation: bool | Annotated[float, msgspec.Meta(ge=0, le=1)]
    joint_self: Annotated[list[Triple], SIXTEEN]
    objpos: tuple[float | None, float | None] | None
    scale_provided: float | None


class HrnetPerson(msgspec.Struct):
    """What is read of an entry of HRNet's and mmpose's JSON; the joints of test people are not there."""

    image: Annotated[str, msgspec.Meta(min_length=1)]
    center: tuple[float, float]
    scale: float
    joints: Annotated[list[tuple[float, float]], SIXTEEN] | None = None
    joints_vis: Annotated[list[bool | Annotated[float, msgspec.Meta(ge=0, le=1)]], SIXTEEN] | None = None


class Keys(msgspec.Struct):
    """What tells the two forms of JSON apart."""

    img_paths: Any = None
    image: Any = None


def entries(path: StrPath, person: Callable, validation: set[str]) -> Iterator[Person | str]:
    """The people of a JSON file, or reasons for leaving one out.

    Args:
        path: the file.
        person: makes a `Person` of 1-based numbers, or gives the reason for leaving it out.
        validation: the names of the validation split's photographs.

    Raises:
        AnnotationError: the file cannot be read as one of the two forms.
    """
    way = f"MPII's export is a list of people, each with {', '.join(JsonPerson.__struct_fields__)}"
    mat_file.require_file(path, "MPII's annotations")
    try:
        content = json_file.text(path, way=way)
        keys = json_file.decode(content, list[Keys], path, way=way)
        hrnet = bool(keys) and all(one.image is not None and one.img_paths is None for one in keys)
        kind: Any = list[HrnetPerson] if hrnet else list[JsonPerson]
        found: list[Any] = json_file.decode(content, kind, path, way=way)
    except UserError as error:
        raise AnnotationError(str(error)) from error
    yield from _hrnet_people(found, person, validation) if hrnet else _json_people(found, person)


def _hrnet_people(entries, person, validation):
    """The same of HRNet's form, whose `joints_vis` says which joints are annotated, and nothing of occlusion.

    It does not say which split an entry is of: that of its photograph.
    """
    shown = collections.Counter()
    for entry in entries:
        index = shown[entry.image]
        shown[entry.image] += 1
        if entry.joints is None or entry.joints_vis is None:
            yield NO_TRUTH
            continue
        annotated = np.array(entry.joints_vis, float) > 0
        split, size = "validation" if entry.image in validation else "train", HEAD_SIZE_PER_SCALE * entry.scale
        joints, place = np.array(entry.joints), entry.center if entry.center[0] != -1 else ()
        made = person(entry.image, index, split, joints, annotated, annotated, size, place, entry.scale)
        yield made if isinstance(made, str) else dataclasses.replace(made, occlusion_known=False)


def _json_people(entries, person):
    """The same of the common export, whose third number of a joint says what is visible."""
    for entry in entries:
        values = np.array(entry.joint_self)
        annotated, scale = (values != 0).any(1), entry.scale_provided
        visible, head_size = annotated & (values[:, 2] != 0), None if scale is None else HEAD_SIZE_PER_SCALE * scale
        split, index = "validation" if entry.isValidation else "train", int(entry.people_index) - 1
        place, joints = entry.objpos or (), values[:, :2]
        yield person(entry.img_paths, index, split, joints, annotated, visible, head_size, place, scale)
