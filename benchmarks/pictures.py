"""Photographs of MPII's size with one synthetic person each, as files and as records, to measure the pipeline on."""

import dataclasses
import os

import cv2
import numpy as np

from data_pipeline import geometry
from data_pipeline.common.files import StrPath
from data_pipeline.readers.person import Person
from data_pipeline.records import dataset, record_format, shards
from data_pipeline.synthetic import scenes

WIDTH, HEIGHT = 1280, 720
JPEG_QUALITY = 95
# Of the crop's side in photograph pixels: its median, as in MPII, and the spread of its logarithm.
SIDE, SPREAD = 470, 0.25
# Standard deviation of the grain at half the photograph's resolution and at the whole.
COARSE_GRAIN, FINE_GRAIN = 4.0, 1.5
SHARDS = 4


def photograph(index: int) -> tuple[Person, np.ndarray]:
    """Draws one photograph: a synthetic person enlarged into the frame, what lies around it mirrored, and grain.

    Args:
        index: of the photograph, at least 0; the same index gives the same photograph.

    Returns:
        `(person, image)`: a `person.Person`, and [720, 1280, 3] uint8 RGB.
    """
    person, image = scenes.sample(0, index)
    rng = np.random.default_rng([1, index])
    enlarged = SIDE * np.exp(rng.normal(0, SPREAD)) / person.side_image
    centre = np.array([WIDTH, HEIGHT]) * rng.uniform([0.3, 0.45], [0.7, 0.55])
    to_photograph = np.column_stack([np.eye(2) * enlarged, centre - enlarged * person.center_image])
    image = cv2.warpAffine(
        image, to_photograph, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    joints_image = geometry.apply(to_photograph, person.joints_image) * person.annotated[:, None]
    moved = dataclasses.replace(
        person,
        image=f"{index:05d}.jpg",
        joints_image=joints_image.astype(np.float32),
        head_size=person.head_size * enlarged,
        center_image=centre.astype(np.float32),
        side_image=person.side_image * enlarged,
    )
    return moved, _grainy(rng, image)


def _grainy(rng, image):
    """Texture that enlarging took away, so that the file is as large as a photograph's."""
    coarse = rng.normal(0, COARSE_GRAIN, (HEIGHT // 2, WIDTH // 2, 1)).astype(np.float32)
    fine = rng.normal(0, FINE_GRAIN, (HEIGHT, WIDTH, 3)).astype(np.float32)
    grain = cv2.resize(coarse, (WIDTH, HEIGHT))[..., None] + fine
    return np.uint8(np.clip(image + grain, 0, 255))


def build(folder: StrPath, count: int, people: int, patch_size: int) -> list[Person]:
    """Writes photographs, and records of them.

    Args:
        folder: where, an existing folder.
        count: number of photographs, `00000.jpg` and so on.
        people: number of records, at least `SHARDS`; the photographs are taken again under other names to reach it.
        patch_size: side of the records' patches in pixels.

    Returns:
        The `person.Person` of each photograph.
    """
    drawn = [photograph(index) for index in range(count)]
    for person, image in drawn:
        quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
        cv2.imwrite(os.path.join(folder, person.image), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)

    def encoded(number):
        for index in range(number, people, SHARDS):
            person, image = drawn[index % count]
            renamed = dataclasses.replace(person, image=f"{index:07d}.jpg")
            yield record_format.encode(renamed, image, patch_size, "train")

    names = {
        shards.name("train", n, SHARDS): shards.write(folder, "train", n, SHARDS, encoded(n)) for n in range(SHARDS)
    }
    entry = {"train": {"people": people, "shards": names}}
    shards.describe(folder, {"dataset": "synthetic", "metric": "pckh", "patch_size": patch_size, "splits": entry})
    return [person for person, _ in drawn]


def shard_paths(folder: StrPath) -> list[str]:
    """The shards that `build` wrote."""
    return dataset.find(os.path.join(folder, "train-*.tfrecord"))
