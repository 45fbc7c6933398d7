"""MPII Human Pose as annotated people, from the official MATLAB file or from its common JSON export.

Both give 1-based pixels; 1 is subtracted here, once. The JSON holds the same numbers rounded to 0.0005 pixels, has no
head boxes, and writes [0, 0, 0] for a joint without annotation.

`is_visible` means "not occluded". Whether a joint is annotated is told by its `point` being there at all, and a joint
may be annotated outside the image, also at negative coordinates.
"""

import collections
import csv
import gzip
import json
import pathlib
import zlib

import numpy as np

from data_pipeline.common.files import StrPath
from data_pipeline.readers import mat_file
from data_pipeline.readers.person import AnnotationError, Annotations, Person
from data_pipeline.skeleton import NUM_JOINTS

VALIDATION_SPLIT = pathlib.Path(__file__).with_name("mpii_validation_split.csv")

# The crop of the hourglass networks: `scale` is a person's height in units of 200 pixels, and the given position is
# a little high on the body.
CROP_SIDE_PER_SCALE = 1.25 * 200
CROP_SHIFT_PER_SCALE = 15

# PCKh's unit is 0.6 times the diagonal of the head box, and MPII's `scale` was made from that box: on all 2958
# validation people 0.6 x diagonal = 25.000 x scale, a tenth of the crop's side. So the JSON needs no box.
HEAD_SIZE_PER_DIAGONAL = 0.6
HEAD_SIZE_PER_SCALE = 25.0

NOT_IN_SPLIT = "another person of a validation image"
NO_PEOPLE = "image without people"
NO_TRUTH = "test person, joints not published"
NO_JOINTS = "person without joints"
NO_PLACE = "person without position or scale"
NO_HEAD = "person without head box"

_JSON_KEYS = ("img_paths", "people_index", "isValidation", "joint_self", "objpos", "scale_provided")


def read(path: StrPath, split: str | None = None) -> Annotations:
    """Reads the people of MPII whose joints are published.

    Args:
        path: `mpii_human_pose_v1_u12_1.mat`, or the JSON export if the name ends in `.json` or `.json.gz`.
        split: "train" or "validation" (Tompson et al. 2015); None for both.

    Returns:
        `Annotations`; crop centre and side are given for each person. `skipped` counts what belongs to no split or
        lacks joints, place or head box, whichever split is asked for.

    Raises:
        AnnotationError: the file is missing, damaged or of another dataset, or MPII has no such split.
    """
    if split not in (None, "train", "validation"):
        raise AnnotationError(f"MPII gives the joints of `train` and `validation` only. Received: split={split}")
    entries = _json_entries(path) if str(path).endswith((".json", ".json.gz")) else _release_entries(path)
    people, skipped = [], collections.Counter()
    for entry in entries:
        if isinstance(entry, str):
            skipped[entry] += 1
        elif split in (None, entry.split):
            people.append(entry)
    return Annotations(people, skipped)


def validation_people() -> set[tuple[str, int]]:
    """The validation split: a set of (image name, 0-based person index), 2958 in all."""
    with VALIDATION_SPLIT.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return {(row["image_name"], int(row["person_index"]) - 1) for row in rows}


def _release_entries(path):
    """Yields a Person, or the reason for leaving one out, for each annotation of the MATLAB file."""
    release = mat_file.load(path, "mpii")[0, 0]
    if not {"annolist", "img_train"} <= set(release.dtype.names or ()):
        raise AnnotationError(f"{path} must hold RELEASE.annolist and RELEASE.img_train; use {mat_file.FILES['mpii']}")
    validation = validation_people()
    validation_images = {image for image, _ in validation}
    for entry, in_training in zip(release["annolist"].ravel(), release["img_train"].ravel(), strict=True):
        image = str(_structs(entry, "image")[0]["name"].item())
        rects = _structs(entry, "annorect")
        if not len(rects):
            yield NO_PEOPLE
        for index, rect in enumerate(rects):
            if not in_training:
                yield NO_TRUTH
            elif image not in validation_images:
                yield _release_person(image, index, "train", rect)
            elif (image, index) in validation:
                yield _release_person(image, index, "validation", rect)
            else:
                yield NOT_IN_SPLIT


def _release_person(image, index, split, rect):
    """A Person, or the reason for leaving out this `annorect`."""
    joints, annotated, visible = _joints([p for a in _structs(rect, "annopoints") for p in _structs(a, "point")])
    place = [_number(position, axis) for position in _structs(rect, "objpos") for axis in ("x", "y")]
    x1, y1, x2, y2 = (_number(rect, side) for side in ("x1", "y1", "x2", "y2"))
    head_size = None if None in (x1, y1, x2, y2) else HEAD_SIZE_PER_DIAGONAL * np.hypot(x2 - x1, y2 - y1)
    return _person(image, index, split, joints, annotated, visible, head_size, place, _number(rect, "scale"))


def _joints(points):
    """(16, 2) 1-based pixels and the flags `annotated` and `visible` of the `point` structs of one person."""
    joints = np.zeros((NUM_JOINTS, 2))
    annotated, visible = np.zeros(NUM_JOINTS, bool), np.zeros(NUM_JOINTS, bool)
    for point in points:
        joint, x, y = (_number(point, name) for name in ("id", "x", "y"))
        if None in (joint, x, y):
            continue
        joint = int(joint)
        joints[joint], annotated[joint] = (x, y), True
        visible[joint] = _number(point, "is_visible") != 0  # absent or empty: visible
    return joints, annotated, visible


def _structs(struct, name):
    """The structs in a field; none where the field is absent or empty."""
    if name not in struct.dtype.names or struct[name].dtype.names is None:
        return []
    return struct[name].ravel()


def _number(struct, name):
    """A field as a float; None where it is absent or empty.

    The file mixes uint8, uint16, int16, double and char: left as they are, a difference of two would wrap around.
    """
    if name not in struct.dtype.names or not struct[name].size:
        return None
    return float(struct[name].item())


def _json_entries(path):
    """Yields a Person, or the reason for leaving one out, for each annotation of the JSON export."""
    entries = _load_json(mat_file.require_file(path, "MPII's annotations"))
    if not isinstance(entries, list) or not all(isinstance(e, dict) and set(_JSON_KEYS) <= set(e) for e in entries):
        raise AnnotationError(f"{path} must be a list of people, each with {', '.join(_JSON_KEYS)}; use MPII's export")
    for entry in entries:
        values = np.array(entry["joint_self"], np.float64)
        if values.shape != (NUM_JOINTS, 3):
            raise AnnotationError(f"{path}: `joint_self` must hold 16 of (x, y, visible). Received: {values.shape}")
        annotated, scale = (values != 0).any(1), entry["scale_provided"]
        visible, head_size = annotated & (values[:, 2] != 0), HEAD_SIZE_PER_SCALE * scale
        split, index = "validation" if entry["isValidation"] else "train", int(entry["people_index"]) - 1
        image, place, joints = entry["img_paths"], entry["objpos"], values[:, :2]
        yield _person(image, index, split, joints, annotated, visible, head_size, place, scale)


def _load_json(path):
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            return json.load(file)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise AnnotationError(f"{path} is not a whole JSON file; get it again. Received: {error}") from error


def _person(image, index, split, joints, annotated, visible, head_size, place, scale):
    """A Person from 1-based joints and position, or the reason for leaving it out."""
    if not annotated.any():
        return NO_JOINTS
    if len(place) != 2 or None in place or not scale:
        return NO_PLACE
    if not head_size:
        return NO_HEAD
    center = np.array(place, np.float64) - 1 + (0, CROP_SHIFT_PER_SCALE * scale)
    return Person(
        image=image,
        person_index=index,
        split=split,
        joints_image=np.where(annotated[:, None], joints - 1, 0).astype(np.float32),
        annotated=annotated,
        visible=visible,
        head_size=float(head_size),
        center_image=center.astype(np.float32),
        side_image=CROP_SIDE_PER_SCALE * scale,
    )
