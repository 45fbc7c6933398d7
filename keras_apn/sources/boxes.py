"""Which people to look for in a picture: boxes given alike for all pictures, or by a detector's file.

A box is a list of x, y, width and height in pixels from the picture's corner; None means that there is none, and the
person is to be found.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence

from data_pipeline.common.errors import UserError
from keras_apn.sources import box_file, box_form
from keras_apn.sources.box_form import PLAIN, Form

# Smaller boxes show nobody, and of a box at least this share must be in its picture.
LEAST_SIDE, LEAST_INSIDE = 2.0, 0.5
# What a box may stick out of its picture, of its own side, before its numbers are asked about.
STICKING_OUT = 0.05


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The people of every picture.

    Attributes:
        alike: the boxes of every picture; one None by default.
        listed: a `box_file.Listed`, which takes the place of `alike`, or None.
        path: the file that they come from.
        form: what the numbers meant; the boxes here are all x, y, width and height.
    """

    alike: tuple = (None,)
    listed: box_file.Listed | None = None
    path: str = ""
    form: Form = PLAIN

    def of_pictures(self, paths: Sequence[str]) -> list[tuple[list, int | str | None]]:
        """The boxes of each picture, and the number by which a file knows it or None.

        A file's name means a picture whose path ends in it, with or without the ending; a number is that of COCO's
        names, 785 of 000000000785.jpg. A picture that a file does not name has no boxes.

        Raises:
            UserError: the file names none of the pictures, or one name means several.
        """
        if self.listed is None:
            return [(list(self.alike), None) for _ in paths]
        names = _names_by_end(self.listed.boxes)
        chosen, taken = [], {}
        for path in paths:
            name = _best_name(path, names)
            if name in taken:
                raise UserError(f"{self.path}: {name} may be {taken[name]} or {path}; put folders before the names")
            if name is not None:
                taken[name] = path
            chosen.append((self.listed.boxes.get(name, []), self.listed.ids.get(name)))
        if not taken:
            first = next(iter(self.listed.boxes), "nothing")
            raise UserError(f"{self.path} names none of the pictures; it names {first}, they are as {paths[0]}")
        return chosen

    def of_frames(self, height: int, width: int, video: str = "") -> Callable[[int], list]:
        """The boxes of a video's frames of so many pixels, as a function from a frame's number, the first's being 0.

        Args:
            height, width: of the frames.
            video: its name. A file may number its frames as video_1, video_2 and so on, as YOLO's labels do.

        Raises:
            UserError: the file names something that is no number, or a box of all frames is questionable.
        """
        if self.listed is None:
            for box in self.alike:
                self.placed(box, height, width, "the frames")
            return lambda number: list(self.alike)
        numbered = {}
        for name, boxes in self.listed.boxes.items():
            stem, _, number = name.rpartition("_")
            if name.isdecimal():
                frame = int(name)
            elif number.isdecimal() and int(number) > 0 and stem == os.path.splitext(video)[0]:
                frame = int(number) - 1
            else:
                raise UserError(f"{self.path} names {name}; for a video it names frames by their number, from 0")
            numbered.setdefault(frame, []).extend(boxes)
        return lambda number: numbered.get(number, [])

    def placed(self, box: Sequence[float] | None, height: int, width: int, picture: str) -> Sequence[float] | None:
        """A box in pixels of a picture.

        Raises:
            UserError: it lies outside, is too small to show anybody, lies mostly outside, or only fits as corners.
        """
        if box is None:
            return None
        if self.form.relative:
            box = box_form.in_pixels(box, height, width)
        check_inside(box, height, width, picture)
        said = f"The box {_numbers(box)}"
        if min(box[2:]) < LEAST_SIDE:
            raise UserError(f"{said} of {picture} is smaller than {LEAST_SIDE:g} pixels; nobody is looked for in it")
        if self.form.numbers is None and _only_fits_as_corners(box, height, width):
            raise UserError(
                f"{said} sticks out of {picture} of {width} x {height} pixels and fits in as corners: give "
                "--box_format=xyxy, or --box_format=xywh if it is meant so"
            )
        if _inside(box, height, width) < LEAST_INSIDE:
            raise UserError(
                f"{said} lies mostly outside {picture} of {width} x {height} pixels; nobody is looked for in it"
            )
        return box


def from_flags(words: Sequence[str] | None, path: str | None, form: Form | None = None) -> Boxes:
    """The boxes that `--box` and `--boxes` give.

    Args:
        words: each one or more boxes with a semicolon between them; None or none where people are to be found.
        path: a JSON or CSV file, YOLO's labels, or None.
        form: what the numbers mean.

    Raises:
        UserError: both are given, a box has no size or is no box, or the file cannot be read as boxes.
    """
    form = form or Form()
    if words and path:
        raise UserError("Give either --box or --boxes, not both")
    if path:
        listed = box_file.read(path, form)
        return Boxes(listed=listed, path=path, form=listed.form)
    given = [box for word in words or () for box in word.split(";") if box.strip()]
    if words and not given:
        raise UserError("--box must be four numbers x,y,w,h. Received: nothing")
    found = [form.box(box.split(","), "--box") for box in given]
    form.question_units(found, "--box")
    return Boxes(alike=tuple(found) or (None,), form=form)


def check_inside(box: Sequence[float] | None, height: int, width: int, picture: str) -> None:
    """Raises UserError for a box that shows nothing of a picture of so many pixels."""
    if box and (box[0] >= width or box[1] >= height or box[0] + box[2] <= 0 or box[1] + box[3] <= 0):
        raise UserError(f"The box {_numbers(box)} lies outside {picture} of {width} x {height} pixels")


def _numbers(box):
    return ",".join(f"{value:g}" for value in box)


def _inside(box, height, width):
    """The share of a box that is in a picture."""
    x, y, wide, high = box
    return (min(x + wide, width) - max(x, 0)) * (min(y + high, height) - max(y, 0)) / (wide * high)


def _only_fits_as_corners(box, height, width):
    """Whether a box sticks out to the right or below, and its numbers are those of corners within the picture."""
    x, y, right, bottom = box
    out = x + right > width + STICKING_OUT * right or y + bottom > height + STICKING_OUT * bottom
    return out and 0 <= x < right <= width and 0 <= y < bottom <= height


def _names_by_end(listed):
    """A file's names by their last part, each as `(parts, name)`, the longest first."""
    found = {}
    for name in listed:
        parts = tuple(part for part in name.split(os.sep) if part not in (os.pardir, os.curdir))
        found.setdefault(parts[-1] if parts else "", []).append((parts, name))
    return {end: sorted(names, key=lambda pair: -len(pair[0])) for end, names in found.items()}


def _best_name(path, names):
    """The longest name that a path ends in, as it is, without its ending or as a number; or None."""
    *folders, last = os.path.abspath(path).split(os.sep)
    stem = os.path.splitext(last)[0]
    for end in dict.fromkeys((last, stem, str(int(stem)) if stem.isdecimal() else stem)):
        whole = (*folders, end)
        for parts, name in names.get(end, ()):
            if whole[-len(parts) :] == parts:
                return name
    return None
