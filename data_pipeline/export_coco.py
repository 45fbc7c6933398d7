"""Writes records' people as a COCO keypoint file: `python -m data_pipeline.export_coco --records='records/train-*'
--output=train.json`.

Coordinates are those of the photographs. With `--patches=DIR` every person's patch becomes a picture of its own and the
coordinates are the patch's: drawn people have no other picture. `--dataset=coco` of the record builder reads the file
back.
"""

from collections.abc import Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import os

import numpy as np
from absl import flags

from data_pipeline import drawing, geometry
from data_pipeline.common import outputs, program
from data_pipeline.common.files import write_json
from data_pipeline.readers import boxed
from data_pipeline.records import dataset, integrity
from data_pipeline.skeleton import Skeleton

BATCH = 16
CATEGORY = 1
DECIMALS = 3


def category(skeleton: Skeleton) -> dict[str, Any]:
    """The entry of `categories` of a skeleton."""
    limbs = [[a + 1, b + 1] for a, b in skeleton.limbs]
    return {"id": CATEGORY, "name": "person", "keypoints": list(skeleton.joints), "skeleton": limbs}


def annotation(record: dict[str, Any], skeleton: Skeleton, to_output: np.ndarray) -> dict[str, Any]:
    """The entry of `annotations` of a person, but for its `id` and `image_id`.

    Args:
        record: one of `dataset.load` with `names`, unbatched and as arrays.
        skeleton: of the records.
        to_output: (2, 3) from patch pixels to those of the picture.

    Returns:
        A dict; its `bbox` is the square whose crop the person's is, and `head_size`, which is the project's own, the
        person's size in the skeleton's unit.
    """
    joints = geometry.apply(to_output, record["joints_patch"])
    scale, patch_size = float(to_output[0, 0]), len(record["patch"])
    flags_of = np.where(record["visible"], boxed.SEEN, boxed.HIDDEN) * record["annotated"]
    values = np.concatenate([joints * record["annotated"][:, None], flags_of[:, None]], axis=1)
    size = float(record["head_size_patch"]) * scale
    side = patch_size * scale / geometry.PATCH_RATIO / boxed.MARGIN
    middle = geometry.apply(to_output, np.full((1, 2), (patch_size - 1) / 2))[0]
    return {
        "category_id": CATEGORY,
        "iscrowd": 0,
        "keypoints": [round(float(number), DECIMALS) for number in values.ravel()],
        "num_keypoints": int(record["annotated"].sum()),
        "bbox": [round(float(number), DECIMALS) for number in (*(middle - side / 2), side, side)],
        "area": round(size**2 if skeleton.unit == "oks" else side**2, DECIMALS),
        "head_size": round(size, DECIMALS),
    }


def export(paths: Sequence[str], patches: str | None = None) -> dict[str, Any]:
    """The people of shards in COCO's form.

    Args:
        paths: the shards.
        patches: a folder that gets a picture of every person; None where the coordinates are those of the photographs.

    Returns:
        A dict that goes into JSON.
    """
    told = dataset.describe(paths)
    segments, skeleton = integrity.survey(told["shards"], tolerated=0.0), told["skeleton"]
    records = dataset.load(
        segments, patch_size=told["patch_size"], batch_size=BATCH, names=True, skeleton=skeleton
    ).unbatch()
    images: dict[str, int] = {}
    people = []
    for number, record in enumerate(records.as_numpy_iterator(), 1):
        name, to_output = record["image"].decode(errors="replace"), record["patch_to_image"]
        if patches is not None:
            name, to_output = f"{number:07d}.jpg", np.eye(2, 3)
            drawing.write_picture(os.path.join(patches, name), record["patch"])
        image = images.setdefault(name, len(images) + 1)
        people.append({"id": number, "image_id": image, **annotation(record, skeleton, to_output)})
    sides = {} if patches is None else {"width": told["patch_size"], "height": told["patch_size"]}
    return {
        "info": {"description": f"{told['dataset']} records of keras_apn"},
        "images": [{"id": image, "file_name": name, **sides} for name, image in images.items()],
        "annotations": people,
        "categories": [category(skeleton)],
    }


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("records", None, "glob of the shards", required=True)
    flags.DEFINE_string("output", None, "the JSON file to write to", required=True)
    flags.DEFINE_string("patches", None, "a folder for a picture of every person, whose coordinates are written then")


def main(values: flags.FlagValues) -> None:
    """Reads, writes and says how many."""
    outputs.require_file(values.output, "output", (".json",))
    outputs.require_folder(values.patches, "patches")
    told = export(dataset.find(values.records), values.patches)
    write_json(values.output, told)
    print(f"{len(told['annotations'])} people of {len(told['images'])} pictures in {values.output}")


if __name__ == "__main__":
    program.run(main, define_flags)
