"""The photographs that annotations name."""

import dataclasses
import os
import sys
from collections.abc import Sequence

import numpy as np

from data_pipeline.common import images
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers.person import Person

MISSING_SHARE = 0.01


def located(people: Sequence[Person], images: StrPath) -> list[Person]:
    """People whose photograph is called by its name alone where its path is not in a folder and the name is."""

    def find(person):
        name = os.path.basename(person.image)
        if name == person.image or os.path.isfile(os.path.join(images, person.image)):
            return person
        return dataclasses.replace(person, image=name) if name in there else person

    there = set(os.listdir(images)) if os.path.isdir(images) else set()
    return [find(person) for person in people]


def present(people: Sequence[Person], images: StrPath, allow_missing: bool) -> list[int]:
    """The people whose photograph is in a folder; how many are left out is told on standard error.

    Args:
        people: `person.Person`s.
        images: the folder.
        allow_missing: whether more than one in a hundred may be missing.

    Returns:
        The places in `people` of those that are kept.

    Raises:
        UserError: the folder is missing, or too many photographs are.
    """
    if not os.path.isdir(images):
        raise UserError(f"{images} is no folder; give --images the folder of the photographs")
    there = set(os.listdir(images))
    # A name within another folder is asked for; of all others one look into the folder says which are there.
    named = {person.image for person in people if os.path.dirname(person.image)}
    there |= {name for name in named if os.path.isfile(os.path.join(images, name))}
    kept = [i for i, person in enumerate(people) if person.image in there]
    missing = len(people) - len(kept)
    if not kept:
        raise UserError(f"None of the {len(people)} photographs is in {images}; give --images their folder")
    if missing:
        first = next(person.image for person in people if person.image not in there)
        report = f"{missing} of {len(people)} photographs are missing from {images}, {first} for one"
        if missing > MISSING_SHARE * len(people) and not allow_missing:
            raise UserError(f"{report}; complete the folder, or leave these people out by --allow_missing")
        print(f"{report}; they are left out", file=sys.stderr)
    return kept


def read(path: StrPath) -> np.ndarray:
    """Decodes an image file.

    Returns:
        [H, W, 3] uint8 RGB, upright, as `images.decode` gives it and annotation tools show it.

    Raises:
        UserError: it is damaged, cut short or no image.
    """
    try:
        return images.decode(path)
    except UserError as error:
        raise UserError(f"{path} {error}; download it again, or give --allow_missing") from error
