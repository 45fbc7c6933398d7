"""Pictures to find people in: a file, a folder's, or those that match a glob."""

import contextlib
import dataclasses
import glob
import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from data_pipeline import drawing
from data_pipeline.common import images
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn.sources.boxes import Boxes, check_inside

EXTENSIONS = (".jpg", ".jpeg", ".png")
# Pillow's names.
FORMATS = ("JPEG", "PNG")


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture, or a video's frame, and whom to look for in it.

    Attributes:
        label: how a line of the answers names it, a dict.
        image: [H, W, 3] uint8 RGB.
        people: dict of a person's number to the box, as `boxes.Boxes` has them.
    """

    label: dict
    image: np.ndarray
    people: dict


class Pictures:
    """Files of pictures, read one after the other.

    Args:
        paths: JPEG or PNG files.
        boxes: a `boxes.Boxes`.

    Raises:
        UserError: `boxes` does not fit the pictures.
    """

    unit = "picture"

    def __init__(self, paths: Sequence[str], boxes: Boxes) -> None:
        self.paths, self.boxes = paths, boxes.of_pictures(paths)
        self.without_people = sum(not chosen for chosen in self.boxes)
        self.total = len(paths) - self.without_people
        # Two pictures of one name, from different folders, stay apart.
        folder = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
        self.names = [os.path.relpath(os.path.abspath(path), folder) for path in paths]

    def read(self, report: Callable[[UserError], None]) -> Iterator[Picture]:
        """Yields a `Picture` for each file that has people.

        Args:
            report: takes the `UserError` of a damaged picture or of a box outside it, where there are more pictures.

        Raises:
            UserError: there is one picture, and it is damaged or a box is outside it.
        """
        # A mistake in the only picture is the end.
        told = report if len(self.paths) > 1 else _raised
        for path, name, chosen in zip(self.paths, self.names, self.boxes, strict=True):
            if not chosen:
                continue
            try:
                image = read(path)
            except UserError as error:
                told(error)
                continue
            if people := _inside(chosen, image, path, told):
                yield Picture({"image": name}, image, people)

    @contextlib.contextmanager
    def overlays(self, folder: StrPath) -> Iterator[Callable[[Picture, np.ndarray], None]]:
        """Gives a function that writes what was drawn of a `Picture`, as a file of the picture's name in `folder`.

        Raises:
            UserError: a picture would be written over.
        """
        targets = {name: os.path.join(folder, _drawable(name)) for name in self.names}
        for path, target in zip(self.paths, targets.values(), strict=True):
            if os.path.realpath(path) == os.path.realpath(target):
                raise UserError(f"{path} would be written over; give another --output")
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
    found = sorted({name for name in matching if name.lower().endswith(EXTENSIONS) and os.path.isfile(name)})
    if not found:
        raise UserError(f"{path} holds no picture ({', '.join(EXTENSIONS)}); of videos, give one by its name")
    return found


def read(path: StrPath) -> np.ndarray:
    """Decodes a file as the exported graphs do: upright, as a camera noted that it was held.

    Returns:
        [H, W, 3] uint8 RGB.

    Raises:
        UserError: it is no whole JPEG or PNG, or too large.
    """
    try:
        return images.decode(path, FORMATS)
    except UserError as error:
        raise UserError(f"{path} {error}; give a JPEG or PNG file") from error


def _inside(chosen, image, path, told):
    """The boxes that are not outside the image, by their number; the others are told of."""
    people = {}
    for number, box in enumerate(chosen):
        try:
            check_inside(box, *image.shape[:2], f"the picture {path}")
            people[number] = box
        except UserError as error:
            told(error)
    return people


def _raised(error):
    raise error


def _drawable(name):
    return name if name.lower().endswith(EXTENSIONS) else f"{name}.png"
