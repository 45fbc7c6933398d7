"""Files of boxes, as people detectors write them or a person types them: JSON and CSV."""

import csv
import json
import os
from collections.abc import Sequence

from data_pipeline.common.errors import UserError

# Of an entry of a file: what is taken for the picture's name or the frame's number, and what for the box.
NAME_KEYS, BOX_KEYS = ("image", "file_name", "frame"), ("box", "bbox")
CSV_COLUMNS = ("image", "x", "y", "width", "height")

# No picture has so many pixels in a row; a number beyond is a mistake, and NaN is not below it either.
MOST = 1e6


def read(path: str) -> dict[str, list[list[float]]]:
    """Reads a file of boxes.

    Args:
        path: of a CSV file whose header has `image,x,y,width,height`, or of a JSON file: a dict of names to lists of
            boxes, a list of dicts with `image` (or `file_name`, or `frame`) and `box` (or `bbox`), or COCO's
            annotations, of which the people count that are no crowds.

    Returns:
        A dict of names to lists of boxes, in the file's order.

    Raises:
        UserError: it cannot be read, or a box is not four numbers with a width and a height above 0.
    """
    try:
        # Spreadsheets put a mark before the first column's name.
        with open(path, encoding="utf-8-sig", newline="") as file:
            entries = list(_csv_entries(file, path) if path.lower().endswith(".csv") else _json_entries(file, path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; give --boxes a JSON or CSV file") from error
    except (UnicodeDecodeError, json.JSONDecodeError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as JSON, or as CSV if its name ends so: {error}") from error
    found = {}
    for name, values, place in entries:
        boxes = found.setdefault(os.path.normpath(str(name)), [])
        if values is not None:
            boxes.append(parse(values, place))
    return found


def _csv_entries(file, path):
    """`(name, box, place)` of a CSV file's lines."""
    lines = csv.DictReader(file, skipinitialspace=True)
    if missing := [column for column in CSV_COLUMNS if column not in (lines.fieldnames or ())]:
        raise UserError(f"{path} must begin with a header that has {','.join(CSV_COLUMNS)}; {missing[0]} is missing")
    for line in lines:
        yield line["image"], [line[column] for column in CSV_COLUMNS[1:]], f"{path}, line {lines.line_num}"


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
            yield from ((name, box, place) for box in ([boxes] if one else boxes or [None]))
    elif isinstance(content, list):
        for number, entry in enumerate(content):
            yield *_named_box(entry, f"{path}, entry {number}"), f"{path}, entry {number}"
    else:
        raise UserError(f"{path} must hold a dict or a list. Received: {content}")


def _named_box(entry, place):
    """The name and the box of a list's entry."""
    keys = entry if isinstance(entry, dict) else ()
    name = next((entry[key] for key in NAME_KEYS if key in keys), None)
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
