"""What the processes that build records do: a person and their split to what the record holds.

No TensorFlow here: these processes start without it.
"""

import os
from typing import Any

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.readers import photographs
from data_pipeline.readers.person import Person
from data_pipeline.records import patch
from data_pipeline.skeleton import MPII16, Skeleton
from data_pipeline.synthetic import posed as posed_people
from data_pipeline.synthetic import scenes as synthetic_people


def photographed(
    task: tuple[Person, str], images: StrPath, patch_size: int, skip_damaged: bool
) -> dict[str, Any] | None:
    """The `patch.values` of a `(person, split)`; None for one whose photograph is damaged and to be skipped."""
    person, split = task
    try:
        image = photographs.read(os.path.join(images, person.image))
    except UserError:
        if skip_damaged:
            return None
        raise
    return patch.values(person, image, patch_size, split)


def synthetic(task: tuple[int, str], seed: int, patch_size: int, skeleton: Skeleton = MPII16) -> dict[str, Any]:
    """The same of an `(index, split)`, by `scenes.sample`."""
    index, split = task
    return patch.values(*synthetic_people.sample(seed, index, split, skeleton), patch_size, split)


def posed(task: tuple[Person, str], seed: int, patch_size: int, skeleton: Skeleton = MPII16) -> dict[str, Any]:
    """The same of a `(person, split)` whose joints are real and whose picture is drawn."""
    person, split = task
    return patch.values(*posed_people.sample(person, seed, skeleton), patch_size, split)
