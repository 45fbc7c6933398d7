"""Which people to look for in a picture: boxes given alike for all pictures, or by a detector's file.

A box is a list of x, y, width and height in pixels from the picture's corner; None means the whole picture.
"""

import dataclasses
import os
from collections.abc import Callable, Sequence

from data_pipeline.common.errors import UserError
from keras_apn.sources import box_file


@dataclasses.dataclass(frozen=True)
class Boxes:
    """The people of every picture.

    Attributes:
        alike: the boxes of every picture; the whole picture by default.
        listed: a dict of pictures' names or frames' numbers to boxes, which takes the place of `alike`, or None.
        path: the file that they come from.
    """

    alike: tuple = (None,)
    listed: dict | None = None
    path: str = ""

    def of_pictures(self, paths: Sequence[str]) -> list[list]:
        """The boxes of each picture, a list of lists; a picture that a file does not name has none.

        A file's name means a picture whose path ends in it.

        Raises:
            UserError: the file names none of the pictures, or one name means several.
        """
        if self.listed is None:
            return [list(self.alike) for _ in paths]
        names = _names_by_end(self.listed)
        chosen, taken = [], {}
        for path in paths:
            name = _best_name(path, names)
            if name in taken:
                raise UserError(f"{self.path}: {name} may be {taken[name]} or {path}; put folders before the names")
            if name is not None:
                taken[name] = path
            chosen.append(self.listed.get(name, []))
        if not taken:
            first = next(iter(self.listed), "nothing")
            raise UserError(f"{self.path} names none of the pictures; it names {first}, they are as {paths[0]}")
        return chosen

    def of_frames(self, height: int, width: int) -> Callable[[int], list]:
        """The people of a video's frames of so many pixels, as a function from a frame's number, the first's being 0.

        Raises:
            UserError: the file names something that is no number, or a box is outside.
        """
        for box in self.alike:
            check_inside(box, height, width, "the frames")
        numbered = {}
        for name, boxes in (self.listed or {}).items():
            if not name.isdecimal():
                raise UserError(f"{self.path} names {name}; for a video it names frames by their number, from 0")
            for box in boxes:
                check_inside(box, height, width, f"frame {name}")
            numbered.setdefault(int(name), []).extend(boxes)
        return lambda number: list(self.alike) if self.listed is None else numbered.get(number, [])


def from_flags(words: Sequence[str] | None, path: str | None, min_score: float = box_file.MIN_SCORE) -> Boxes:
    """The boxes that `--box` and `--boxes` give.

    Args:
        words: each one or more boxes as x,y,w,h with a semicolon between them; None or none for the whole picture.
        path: a JSON or CSV file, or None.
        min_score: as of `box_file.read`.

    Raises:
        UserError: both are given, a box has no size or is no box, or the file cannot be read as boxes.
    """
    if words and path:
        raise UserError("Give either --box or --boxes, not both")
    if path:
        return Boxes(listed=box_file.read(path, min_score), path=path)
    given = [box for word in words or () for box in word.split(";") if box.strip()]
    if words and not given:
        raise UserError("--box must be four numbers x,y,w,h. Received: nothing")
    return Boxes(alike=tuple(box_file.parse(box.split(","), "--box") for box in given) or (None,))


def check_inside(box: Sequence[float] | None, height: int, width: int, picture: str) -> None:
    """Raises UserError for a box that shows nothing of a picture of so many pixels."""
    if box and (box[0] >= width or box[1] >= height or box[0] + box[2] <= 0 or box[1] + box[3] <= 0):
        numbers = ",".join(f"{value:g}" for value in box)
        raise UserError(f"The box {numbers} lies outside {picture} of {width} x {height} pixels")


def _names_by_end(listed):
    """A file's names by their last part, each as `(parts, name)`, the longest first."""
    found = {}
    for name in listed:
        parts = tuple(part for part in name.split(os.sep) if part not in (os.pardir, os.curdir))
        found.setdefault(parts[-1] if parts else "", []).append((parts, name))
    return {end: sorted(names, key=lambda pair: -len(pair[0])) for end, names in found.items()}


def _best_name(path, names):
    """The longest name that a path ends in, or None."""
    whole = tuple(os.path.abspath(path).split(os.sep))
    fitting = (name for parts, name in names.get(whole[-1], ()) if whole[-len(parts) :] == parts)
    return next(fitting, None)
