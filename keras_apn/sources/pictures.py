"""Pictures to find people in: a file, a folder's, or those that match a glob."""

import collections
import contextlib
import dataclasses
import glob
import os
import sys
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import PIL.Image

from data_pipeline import drawing
from data_pipeline.common import images
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.sources.boxes import Boxes

EXTENSIONS = (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".avif", ".bmp", ".tif", ".tiff")
# Pillow's names. Of moving pictures the first counts.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
KINDS = "JPEG, PNG, WebP, GIF, AVIF, BMP or TIFF"
# What a drawing is written as under its picture's own name; of the others it is a PNG file.
DRAWN = (".jpg", ".jpeg", ".png")


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture, or a video's frame, and whom to look for in it.

    Attributes:
        label: how a line of the answers names it, a dict.
        image: [H, W, 3] uint8 RGB.
        people: dict of a person's number to the box, as `boxes.Boxes` has them.
        image_id: the number by which a file of boxes knows the picture, or None.
    """

    label: dict
    image: np.ndarray
    people: dict
    image_id: int | str | None = None


class Pictures:
    """Files of pictures, read one after the other.

    Args:
        paths: the files.
        boxes: a `boxes.Boxes`.

    Raises:
        UserError: `boxes` does not fit the pictures.
    """

    unit = "picture"

    def __init__(self, paths: Sequence[str], boxes: Boxes) -> None:
        self.paths, self.boxes, self.chosen = paths, boxes, boxes.of_pictures(paths)
        self.without_people = sum(not chosen for chosen, _ in self.chosen)
        self.listed, self.total = len(paths), len(paths) - self.without_people
        # Two pictures of one name, from different folders, stay apart.
        folder = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
        self.names = [os.path.relpath(os.path.abspath(path), folder) for path in paths]

    def read(self, report: Callable[[UserError], None]) -> Iterator[Picture]:
        """Yields a `Picture` for each file that has people.

        Args:
            report: takes the `UserError` of a damaged picture or of a questionable box, where there are others.

        Raises:
            UserError: there is one picture, and it is damaged or its only box is questionable.
        """
        alone = len(self.paths) == 1
        for path, name, (chosen, image_id) in zip(self.paths, self.names, self.chosen, strict=True):
            if not chosen:
                continue
            try:
                image = read(path)
            except UserError as error:
                (_raised if alone else report)(error)
                continue
            told = _raised if alone and len(chosen) == 1 else report
            if people := placed(self.boxes, chosen, image.shape[0], image.shape[1], f"the picture {path}", told):
                yield Picture({"image": name}, image, people, image_id)

    def check_overlays(self, folder: StrPath) -> None:
        """Raises UserError where `overlays` would write over a picture, or two drawings over each other."""
        written: dict[str, str] = {}
        for path, name in zip(self.paths, self.names, strict=True):
            target = os.path.realpath(os.path.join(folder, _drawable(name)))
            if os.path.realpath(path) == target:
                raise UserError(f"{path} would be written over; give another --output")
            if target in written:
                raise UserError(f"{path} and {written[target]} would be drawn into one file; rename one")
            written[target] = path

    @contextlib.contextmanager
    def overlays(self, folder: StrPath) -> Iterator[Callable[[Picture, np.ndarray], None]]:
        """Gives a function that writes what was drawn of a `Picture`, as a file of the picture's name in `folder`.

        Raises:
            UserError: a picture would be written over.
        """
        self.check_overlays(folder)
        targets = {name: os.path.join(folder, _drawable(name)) for name in self.names}
        yield lambda picture, drawn: drawing.write_picture(targets[picture.label["image"]], drawn)


def find(path: str) -> list[str]:
    """A picture's path as a list, or the paths of a folder's or a glob's pictures in order of name.

    Raises:
        UserError: there is none.
    """
    if os.path.isfile(path):
        return [path]
    if os.path.isdir(path):
        matching = [os.path.join(path, name) for name in os.listdir(path)]
    else:
        matching = glob.glob(path, recursive=True)
        if not matching:
            raise UserError(f"{path} does not exist; give --input a picture, a folder, a glob, a video or camera:0")
    files = sorted({name for name in matching if _counts(os.path.basename(name)) and os.path.isfile(name)})
    found = [name for name in files if name.lower().endswith(EXTENSIONS)]
    if not found:
        raise UserError(f"{path} holds no picture ({', '.join(EXTENSIONS)}); of videos, give one by its name")
    others = collections.Counter(_ending(name) for name in files if not name.lower().endswith(EXTENSIONS))
    if others:
        told = ", ".join(f"{count} {ending}" for ending, count in sorted(others.items()))
        print(f"{path}: passed over, as they are no pictures that are read: {told}", file=sys.stderr)
    return found


def _counts(name):
    """Whether a file is not hidden, as macOS's `._name` beside each `name` on a foreign disk is."""
    return not name.startswith(".")


def _ending(name):
    return os.path.splitext(name)[1].lower() or "without an ending"


def read(path: StrPath) -> np.ndarray:
    """Decodes a file as the exported graphs do: upright, as a camera noted that it was held.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        UserError: it is no whole picture of one of `FORMATS`, or too large.
    """
    try:
        return images.decode(path, FORMATS)
    except UserError as error:
        raise UserError(f"{path} {error}; give a {KINDS} file") from error


def is_picture(path: StrPath) -> bool:
    """Whether a file begins as one of `FORMATS` does."""
    try:
        with PIL.Image.open(path, formats=FORMATS):
            return True
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError):
        return False


def placed(
    boxes: Boxes,
    chosen: Sequence[Sequence[float] | None],
    height: int,
    width: int,
    picture: str,
    told: Callable[[UserError], None],
) -> dict:
    """The boxes of a picture in its pixels, by their number; questionable ones are told of."""
    people = {}
    for number, box in enumerate(chosen):
        try:
            people[number] = boxes.placed(box, height, width, picture)
        except UserError as error:
            told(error)
    return people


def _raised(error):
    raise error


def _drawable(name):
    return name if name.lower().endswith(DRAWN) else f"{name}.png"
