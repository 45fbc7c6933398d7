"""Files of boxes, as people detectors write them or a person types them: JSON and CSV."""

import collections
import csv
import json
import os
import sys
from collections.abc import Sequence

from data_pipeline.common.errors import UserError

# Of an entry of a file: what is taken for the picture's name or the frame's number, and what for the box.
NAME_KEYS, BOX_KEYS = ("image", "file_name", "frame", "image_id"), ("box", "bbox")
# COCO's number of people, in what detectors write.
PERSON = 1
# What a detector is less sure of is taken for nobody.
MIN_SCORE = 0.3
CSV_COLUMNS = ("image", "x", "y", "width", "height")

# No picture has so many pixels in a row; a number beyond is a mistake, and NaN is not below it either.
MOST = 1e6


def read(path: str, min_score: float = MIN_SCORE) -> dict[str, list[list[float]]]:
    """Reads a file of boxes; how many are left out, and why, is told on standard error.

    Args:
        path: of a CSV file whose header has `image,x,y,width,height`, or of a JSON file: a dict of names to lists of
            boxes, a list of dicts with `image` (or `file_name`, `frame`, or `image_id`, whose number is that of COCO's
            names, 785 of 000000000785.jpg) and `box` (or `bbox`), as detectors write their results, or COCO's
            annotations, of which the people count that are no crowds.
        min_score: boxes with a `score` below it are left out, and so are those whose `category_id` is not COCO's of
            people, and those of a list, of annotations or of CSV without a width or a height.

    Returns:
        A dict of names to lists of boxes, in the file's order.

    Raises:
        UserError: it cannot be read, a box is not four finite numbers, or one of a dict has no width or height.
    """
    try:
        # Spreadsheets put a mark before the first column's name.
        with open(path, encoding="utf-8-sig", newline="") as file:
            entries = list(_csv_entries(file, path) if path.lower().endswith(".csv") else _json_entries(file, path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give --boxes a JSON or CSV file") from error
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as JSON, or as CSV if its name ends so: {error}") from error
    found: dict[str, list[list[float]]] = {}
    left_out: collections.Counter[str] = collections.Counter()
    for name, values, place, told in entries:
        boxes = found.setdefault(os.path.normpath(str(name)), [])
        if reason := _unwanted(values, told, min_score, place):
            left_out[reason] += 1
        elif values is not None:
            boxes.append(parse(values, place))
    if left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
        print(f"{path}: of {len(entries)} boxes {left_out.total()} are left out: {reasons}", file=sys.stderr)
    return found


def _unwanted(values, told, min_score, place):
    """Why an entry is no person's box, None where it may be one; `told` are its other fields, None of a dict's."""
    if told is None:
        return None
    if told.get("category_id", PERSON) != PERSON:
        return f"of a category_id other than {PERSON}, a person's"
    score = told.get("score")
    if score not in (None, ""):
        try:
            if not float(score) >= min_score:
                return f"with a score below --min_score={min_score:g}"
        except (TypeError, ValueError) as error:
            raise UserError(f"{place}: score must be a number. Received: {score}") from error
    return "without a width or a height" if values is not None and _is_flat(values) else None


def _is_flat(values):
    """Whether a width or a height is 0 or below; what are no four numbers is for `parse` to say."""
    try:
        return len(values) == 4 and min(float(value) for value in values[2:]) <= 0
    except (TypeError, ValueError):
        return False


def _csv_entries(file, path):
    """`(name, box, place, fields)` of a CSV file's lines."""
    lines = csv.DictReader(file, skipinitialspace=True)
    if missing := [column for column in CSV_COLUMNS if column not in (lines.fieldnames or ())]:
        raise UserError(f"{path} must begin with a header that has {','.join(CSV_COLUMNS)}; {missing[0]} is missing")
    for line in lines:
        values, place = [line[column] for column in CSV_COLUMNS[1:]], f"{path}, line {lines.line_num}"
        yield line["image"], values, place, {"score": line.get("score")}


def _json_entries(file, path):
    """The same of a JSON file; a box of None tells of a picture without people."""
    content = json.load(file)
    if isinstance(content, dict) and isinstance(content.get("annotations"), list):
        content = list(_coco_entries(content, path))
    if isinstance(content, dict):
        for name, boxes in content.items():
            place = f"{path}, {name}"
            if not isinstance(boxes, list):
                raise UserError(f"{place}: it must be a list of boxes [x, y, width, height]. Received: {boxes}")
            one = bool(boxes) and not isinstance(boxes[0], list)
            yield from ((name, box, place, None) for box in ([boxes] if one else boxes or [None]))
    elif isinstance(content, list):
        for number, entry in enumerate(content):
            yield *_named_box(entry, f"{path}, entry {number}"), f"{path}, entry {number}", entry
    else:
        raise UserError(f"{path} must hold a dict or a list. Received: {content}")


def _named_box(entry, place):
    """The name and the box of a list's entry."""
    keys = entry if isinstance(entry, dict) else ()
    key, name = next(((key, entry[key]) for key in NAME_KEYS if key in keys), (None, None))
    if key == "image_id" and isinstance(name, int):
        name = f"{name:012d}.jpg"
    box = next((entry[key] for key in BOX_KEYS if key in keys), None)
    if name is None or box is None:
        raise UserError(
            f"{place}: it must be a dict with one of {', '.join(NAME_KEYS)} and one of {', '.join(BOX_KEYS)}"
        )
    return name, box


def _coco_entries(content, path):
    """COCO's annotations of people, as the entries of a list."""
    try:
        names = {image["id"]: image["file_name"] for image in content["images"]}
        kinds = {kind["id"] for kind in content.get("categories", ()) if kind["name"] == "person"}
        for entry in content["annotations"]:
            if not entry.get("iscrowd") and (not kinds or entry.get("category_id") in kinds):
                yield {"image": names[entry["image_id"]], "box": entry["bbox"]}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} has annotations but is not as COCO's files are: {error!r}") from error


def parse(values: Sequence, place: str) -> list[float]:
    """Four numbers, or words for them, as a box.

    Raises:
        UserError: they are none, or have no width or height; `place` says where they stand.
    """
    try:
        x, y, width, height = box = [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise UserError(f"{place} must be four numbers x,y,w,h. Received: {_shown(values)}") from error
    if not (all(abs(value) < MOST for value in box) and width > 0 and height > 0):
        raise UserError(f"{place} must have finite numbers, a width and a height above 0. Received: {_shown(values)}")
    return [x, y, width, height]


def _shown(values):
    return ",".join(map(str, values)) if isinstance(values, list) else values
