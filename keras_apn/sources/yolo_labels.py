"""YOLO's labels: a text file a picture, a line a thing, `class cx cy width height` as shares of the picture."""

import os
from collections.abc import Iterator

from data_pipeline.common.errors import UserError

ENDING = ".txt"
# The class of people in COCO's order, which is what detectors are trained on.
PERSON = 0
# A line's numbers: class and box; with one more, a score; with more, joints.
BOX, WITH_SCORE = 5, 6
# Lists of names that stand beside labels.
OTHERS = ("classes.txt", "obj.names.txt", "notes.txt", "train.txt", "val.txt", "test.txt")


def is_yolo(path: str) -> bool:
    """Whether `--boxes` are YOLO's labels: a folder, or a file of text."""
    return os.path.isdir(path) or path.lower().endswith(ENDING)


def read(path: str) -> Iterator[tuple[str, list[str] | None, str, str | None, int | str]]:
    """Reads the labels of one picture, or of all in a folder and below.

    Args:
        path: a file, which is named as its picture but for the ending, or a folder of such. A video's frames are
            NAME_1.txt, NAME_2.txt and so on, as detectors name them.

    Yields:
        `(name, numbers, place, score, class)` a line: the picture's name without an ending, the four numbers, where
        they stand, and a score where the line has one. A file without lines is a picture with numbers of None.

    Raises:
        UserError: there is no label file, one cannot be read, or a line has fewer than five numbers.
    """
    files = [(os.path.splitext(os.path.basename(path))[0], path)]
    if os.path.isdir(path):
        files = sorted(_below(path))
        if not files:
            raise UserError(f"{path} holds no {ENDING} files; give --boxes a folder of YOLO's labels")
    for name, file in files:
        lines = _lines(file)
        if not lines:
            yield name, None, file, None, PERSON
        for number, words in lines:
            place = f"{file}, line {number}"
            if len(words) < BOX:
                raise UserError(f"{place} must be a class and four numbers. Received: {' '.join(words)[:80]}")
            kind = int(words[0]) if words[0].isdecimal() else words[0]
            yield name, words[1:BOX], place, words[BOX] if len(words) == WITH_SCORE else None, kind


def _below(folder):
    """`(name without ending, path)` of the label files in a folder and below."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(ENDING) and name not in OTHERS and not name.startswith("."):
                path = os.path.join(place, name)
                yield os.path.splitext(os.path.relpath(path, folder))[0], path


def _lines(path):
    """`(number from 1, words)` of the lines that are not empty."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            return [(number, line.split()) for number, line in enumerate(file, 1) if line.strip()]
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give --boxes YOLO's labels") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8; give --boxes YOLO's labels") from error
