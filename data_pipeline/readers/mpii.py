"""MPII Human Pose as annotated people, from the official MATLAB file, its common JSON export, or HRNet's JSON.

All give 1-based pixels; 1 is subtracted here, once. The JSON holds the same numbers rounded to 0.0005 pixels, has no
head boxes, and writes [0, 0, 0] for a joint without annotation.

`is_visible` means "not occluded". Whether a joint is annotated is told by its `point` being there at all, and a joint
may be annotated outside the image, also at negative coordinates.
"""

import csv
import functools
import pathlib

import numpy as np

from data_pipeline.common.files import StrPath
from data_pipeline.readers import mat_file, mpii_json
from data_pipeline.readers.mpii_json import NO_TRUTH
from data_pipeline.readers.person import NO_JOINTS, AnnotationError, Annotations, Person, collect
from data_pipeline.skeleton import NUM_JOINTS

VALIDATION_SPLIT = pathlib.Path(__file__).with_name("mpii_validation_split.csv")

# The crop of the hourglass networks: `scale` is a person's height in units of 200 pixels, and the given position is
# a little high on the body.
CROP_SIDE_PER_SCALE = 1.25 * 200
CROP_SHIFT_PER_SCALE = 15

# PCKh's unit is 0.6 times the diagonal of the head box.
HEAD_SIZE_PER_DIAGONAL = 0.6

NOT_IN_SPLIT = "another person of a validation image"
NO_PEOPLE = "image without people"
NO_PLACE = "person without position or scale"
NO_HEAD = "person without head box"
BAD_JOINT = f"person with a joint whose number is not 0 to {NUM_JOINTS - 1}, or whose flag is none"


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
    if str(path).endswith((".json", ".json.gz")):
        entries = mpii_json.entries(path, _person, {image for image, _ in validation_people()})
    else:
        entries = _release_entries(path)
    return collect(entries, split)


@functools.cache
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
    images, training = release["annolist"].ravel(), release["img_train"].ravel()
    if len(images) != len(training):
        raise AnnotationError(
            f"{path} must say of each image whether it is for training. Received: annolist of {len(images)}, "
            f"img_train of {len(training)}; use {mat_file.FILES['mpii']}"
        )
    validation = validation_people()
    validation_images = {image for image, _ in validation}
    for number, (entry, in_training) in enumerate(zip(images, training, strict=True), 1):
        try:
            yield from _image_entries(entry, bool(in_training), validation, validation_images)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
            raise AnnotationError(
                f"{path}: entry 'annolist({number})' must be as MPII's are ({error}); download "
                f"{mat_file.FILES['mpii']} again"
            ) from error


def _image_entries(entry, in_training, validation, validation_images):
    """The same of one image."""
    image = _structs(entry, "image")[0]["name"].item()
    if not isinstance(image, str) or not image:
        raise TypeError("its image has no name")
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
    points = _joints([p for a in _structs(rect, "annopoints") for p in _structs(a, "point")])
    if points is None:
        return BAD_JOINT
    joints, annotated, visible = points
    place = [_number(position, axis) for position in _structs(rect, "objpos") for axis in ("x", "y")]
    x1, y1, x2, y2 = (_number(rect, side) for side in ("x1", "y1", "x2", "y2"))
    head_size = None if None in (x1, y1, x2, y2) else HEAD_SIZE_PER_DIAGONAL * np.hypot(x2 - x1, y2 - y1)
    return _person(image, index, split, joints, annotated, visible, head_size, place, _number(rect, "scale"))


def _joints(points):
    """(16, 2) 1-based pixels and the flags `annotated` and `visible` of the `point` structs of one person.

    None where one has a number that no joint has.
    """
    joints = np.zeros((NUM_JOINTS, 2))
    annotated, visible = np.zeros(NUM_JOINTS, bool), np.zeros(NUM_JOINTS, bool)
    for point in points:
        joint, x, y = (_number(point, name) for name in ("id", "x", "y"))
        if None in (joint, x, y):
            continue
        seen = _number(point, "is_visible")
        if joint not in range(NUM_JOINTS) or (seen is not None and np.isnan(seen)):
            return None
        joint = int(joint)
        joints[joint], annotated[joint] = (x, y), True
        visible[joint] = seen != 0  # absent or empty: visible
    return joints, annotated, visible


def _structs(struct, name):
    """The structs in a field; none where the field is absent or empty."""
    if name not in struct.dtype.names or struct[name].dtype.names is None:
        return []
    return struct[name].ravel()


def _number(struct, name):
    """A field as a float; None where it is absent or empty, NaN where it is no number.

    The file mixes uint8, uint16, int16, double and char: left as they are, a difference of two would wrap around.
    """
    if name not in struct.dtype.names or not struct[name].size:
        return None
    try:
        return float(struct[name].item())
    except (TypeError, ValueError):
        return np.nan


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
