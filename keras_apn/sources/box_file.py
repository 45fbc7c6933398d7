"""Files of boxes, as people detectors write them or a person types them: JSON and CSV."""

import collections
import csv
import dataclasses
import os
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from keras_apn.sources import yolo_labels
from keras_apn.sources.box_form import PLAIN, Form

# COCO's number of people, in what detectors write.
PERSON = 1
CSV_COLUMNS = ("image", "x", "y", "width", "height")
WAY = "give --boxes a JSON or CSV file of boxes, or a folder of YOLO's labels"


class Detection(msgspec.Struct):
    """An entry of a detector's list, as far as it is looked at."""

    image: str | None = None
    file_name: str | None = None
    frame: int | str | None = None
    image_id: int | str | None = None
    box: list[float] | None = None
    bbox: list[float] | None = None
    score: float | None = None
    category_id: int | str | None = None


class CocoImage(msgspec.Struct):
    """An image of COCO's annotations."""

    id: int | str
    file_name: str


class CocoCategory(msgspec.Struct):
    """A kind of things of COCO's annotations."""

    id: int
    name: str


class CocoAnnotation(msgspec.Struct):
    """What is annotated in one of COCO's images."""

    image_id: int | str
    bbox: list[float]
    category_id: int | None = None
    iscrowd: int | bool = 0


class Coco(msgspec.Struct):
    """COCO's annotations, as far as they are looked at."""

    images: list[CocoImage]
    annotations: list[CocoAnnotation]
    categories: list[CocoCategory] = []


@dataclasses.dataclass
class Listed:
    """The boxes of a file.

    Attributes:
        boxes: a dict of pictures' names, with or without their ending, or frames' numbers, to lists of x, y, width and
            height, in the file's order.
        form: what their numbers meant; the boxes here are all x, y, width and height.
        ids: a dict of the same names to the numbers by which the file knows the pictures, where it has such.
    """

    boxes: dict[str, list[list[float]]]
    form: Form = PLAIN
    ids: dict[str, int | str] = dataclasses.field(default_factory=dict)


class Entry(msgspec.Struct):
    """One box of a file of any kind; `values` is None for a picture that has nobody."""

    name: str
    values: list | None
    place: str
    score: Any = None
    category: int | str | None = None
    image_id: int | str | None = None
    # Of a file that a person typed: a box without a width is a mistake, not to be left out.
    typed: bool = False


def read(path: str, form: Form | None = None) -> Listed:
    """Reads a file of boxes; how many are left out, and why, is told on standard error.

    Args:
        path: of a CSV file whose header has `image,x,y,width,height`, whatever the four numbers are; of a JSON file: a
            dict of names to lists of boxes, a list of dicts with `image` (or `file_name`, `frame` or `image_id`) and
            `box` (or `bbox`), as detectors write their results, or COCO's annotations, of which the people count that
            are no crowds; or of YOLO's labels, as `yolo_labels.read` takes them.
        form: what the numbers mean, and which boxes count. Those without a width or a height are left out, but for
            those of a dict.

    Raises:
        UserError: it cannot be read, a box is not four finite numbers, one of a dict has no width or height, or it is
            questionable whether boxes are pixels.
    """
    form = form or Form()
    if yolo_labels.is_yolo(path):
        form = dataclasses.replace(form, numbers=form.numbers or "cxcywh", units=form.units or "relative")
        entries = [Entry(*found) for found in yolo_labels.read(path)]
        person = yolo_labels.PERSON
    else:
        entries = list(_csv_entries(path) if path.lower().endswith(".csv") else _json_entries(path))
        person = PERSON
    return _chosen(path, entries, form, person if form.category is None else form.category)


def _chosen(path: str, entries: list[Entry], form: Form, person: int) -> Listed:
    """The boxes of the people."""
    found = Listed({}, form)
    left_out: collections.Counter[str] = collections.Counter()
    for entry in entries:
        name = os.path.normpath(entry.name.replace("\\", "/"))
        boxes = found.boxes.setdefault(name, [])
        if entry.image_id is not None:
            found.ids[name] = entry.image_id
        if reason := _unwanted(entry, form, person):
            left_out[reason] += 1
        elif entry.values is not None:
            boxes.append(form.box(entry.values, entry.place))
    if left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        print(f"{path}: of {len(entries)} boxes {left_out.total()} are left out: {reasons}", file=sys.stderr)
    form.question_units([box for boxes in found.boxes.values() for box in boxes], path)
    return found


def _unwanted(entry: Entry, form: Form, person: int) -> str | None:
    """Why an entry is no person's box, None where it may be one."""
    if entry.category is not None and entry.category not in (person, str(person), "person"):
        return f"of a kind other than --category={person}, people's"
    if entry.score not in (None, ""):
        try:
            if not float(entry.score) >= form.min_score:
                return f"with a score below --min_score={form.min_score:g}"
        except (TypeError, ValueError) as error:
            raise UserError(f"{entry.place}: score must be a number. Received: {entry.score}") from error
    if entry.values is None or entry.typed:
        return None
    flat = min(form.corner_and_size(entry.values, entry.place)[2:]) <= 0
    return "without a width or a height" if flat else None


def _csv_entries(path: str) -> Iterator[Entry]:
    try:
        # Spreadsheets put a mark before the first column's name.
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file, skipinitialspace=True)
            if missing := [column for column in CSV_COLUMNS if column not in (lines.fieldnames or ())]:
                raise UserError(
                    f"{path} must begin with a header that has {','.join(CSV_COLUMNS)}; {missing[0]} is missing"
                )
            for line in lines:
                values = [line[column] for column in CSV_COLUMNS[1:]]
                yield Entry(line["image"] or "", values, f"{path}, line {lines.line_num}", line.get("score"))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); {WAY}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as CSV: {error}") from error


def _json_entries(path: str) -> Iterator[Entry]:
    # Python's detectors write NaN, which `Form.box` answers with the entry's name.
    content = json_file.read(path, dict[str, Any] | list[Detection], way=WAY, not_finite=True)
    if isinstance(content, list):
        return _detections(content, path)
    if isinstance(content.get("annotations"), list):
        return _coco(json_file.convert(content, Coco, path), path)
    several = {}
    for name, boxes in json_file.convert(content, dict[str, list[Any]], path, way=WAY).items():
        several[name] = boxes if not boxes or isinstance(boxes[0], list) else [boxes]
    return _typed(json_file.convert(several, dict[str, list[list[float]]], path), path)


def _typed(content, path):
    for name, boxes in content.items():
        for box in boxes or [None]:
            yield Entry(name, box, f"{path}, {name}", typed=True)


def _detections(content, path):
    for number, entry in enumerate(content):
        names = (entry.image, entry.file_name, entry.frame, entry.image_id)
        name = next((name for name in names if name is not None), None)
        box, place = entry.bbox if entry.box is None else entry.box, f"{path}, entry {number}"
        if name is None or box is None:
            raise UserError(
                f"{place}: it must be a dict with one of image, file_name, frame, image_id and one of box, bbox"
            )
        yield Entry(str(name), box, place, entry.score, entry.category_id, entry.image_id)


def _coco(content, path):
    """COCO's annotations of people; images without any are there, without boxes."""
    images = {image.id: image for image in content.images}
    people = {kind.id for kind in content.categories if kind.name == "person"}
    for number, entry in enumerate(content.annotations):
        place = f"{path}, annotation {number}"
        if entry.image_id not in images:
            raise UserError(f"{place}: image_id must be that of one of the images. Received: {entry.image_id}")
        if not entry.iscrowd and (not people or entry.category_id in people):
            yield Entry(images[entry.image_id].file_name, entry.bbox, place, image_id=entry.image_id)
