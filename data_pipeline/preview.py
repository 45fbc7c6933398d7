"""Draws a data set's records: `python -m data_pipeline.preview --records='records/train-*' --output=train.png`.

One picture shows whether joints, left and right, and visibility are as they should be: each person's patch with the
skeleton, and the crop's square. `--augmented` shows what the networks get of them instead: the crop, augmented crops
with their joints, and the target heatmaps of the first.
"""

from collections.abc import Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import math

import numpy as np
import tensorflow as tf
from absl import flags

from data_pipeline import drawing, geometry, heatmaps
from data_pipeline.augmentation import augment
from data_pipeline.common import outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset, integrity
from data_pipeline.skeleton import MPII16, Skeleton

PATCH_COLUMNS, PATCH_SIDE = 6, 384
CROP_SIDE = 256
LEGEND = (
    "The person's right is orange, the left blue, the middle yellow. "
    "A dot is a visible joint, a white ring an occluded one."
)
SQUARE = " The white square is the crop."

# Enough for a random choice from many shards, little enough to hold.
SHUFFLE = 1024


def choose(paths: Sequence[str], count: int, shuffle: bool, seed: int) -> list[dict[str, Any]]:
    """Reads the first records, or random ones.

    Args:
        paths: shards.
        count: how many; fewer where the shards hold fewer.
        shuffle: whether to choose at random.
        seed: of the choice.

    Returns:
        A list of dicts, as `dataset.load` gives them with `names` but unbatched and as arrays.
    """
    described = dataset.describe(paths)
    segments = integrity.survey(described["shards"], tolerated=0.0)
    loaded = dataset.load(
        segments,
        patch_size=described["patch_size"],
        batch_size=1,
        shuffle=SHUFFLE if shuffle else 0,
        seed=seed,
        names=True,
        skeleton=described["skeleton"],
    )
    return list(loaded.unbatch().take(count).as_numpy_iterator())


def default_crop_size(patch_size: int) -> int:
    """The side of the crop that such patches are made for, a whole number of heatmap pixels."""
    return geometry.STRIDE * round(patch_size / (geometry.PATCH_RATIO * geometry.STRIDE))


def title(record: dict[str, Any]) -> str:
    """The photograph's name, the person's number in it, and a word where their dots may be hidden joints."""
    unknown = "" if record["occlusion_known"] else ", occlusion not known"
    return f"{record['image'].decode(errors='replace')}, person {record['person_index']}{unknown}"


def draw_patch(record: dict[str, Any], side: int, skeleton: Skeleton = MPII16) -> np.ndarray:
    """A record's patch with the joints and the square that an unaugmented crop covers.

    Args:
        record: from `choose`.
        side: of the picture in pixels.
        skeleton: of the records, whose joints they are.

    Returns:
        [side, side, 3] uint8 RGB.
    """
    patch_size = len(record["patch"])
    # The square is the same whatever the crop's size: one crop pixel as large as a patch pixel does.
    to_patch = augment.crop_to_patch(augment.identity(1), patch_size, patch_size)[0].numpy()
    edges_patch = geometry.apply(to_patch, np.array([[-0.5, -0.5], [patch_size - 0.5, patch_size - 0.5]]))
    picture, (joints, edges) = drawing.enlarged(record["patch"], side, record["joints_patch"], edges_patch)
    framed = drawing.draw_box(picture, [*(edges[0] + 0.5), *(edges[1] - edges[0])])
    return drawing.draw_pose(framed, joints, ~record["visible"], record["annotated"], skeleton)


def make_examples(
    record: dict[str, Any], chosen: dict[str, tf.Tensor], crop_size: int, skeleton: Skeleton = MPII16
) -> dict[str, Any]:
    """Crops of one record.

    Args:
        record: from `choose`.
        chosen: N augmentations, as `augment.sample` gives them.
        crop_size: side of the crops in pixels.
        skeleton: of the records.

    Returns:
        The dict of `augment.make_crops` for N crops, as arrays.
    """
    names = ("patch", "joints_patch", "annotated", "visible", "occlusion_known", "head_size_patch")
    batch = {name: np.repeat(record[name][None], len(chosen["flip"]), axis=0) for name in names}
    made = augment.make_crops(batch, chosen, crop_size, skeleton)
    return {name: value.numpy() for name, value in made.items()}


def draw_crop(example: dict[str, Any], n: int, side: int, skeleton: Skeleton = MPII16) -> np.ndarray:
    """Crop `n` of `make_examples` with its joints, [side, side, 3] uint8 RGB."""
    joints_crop = geometry.heatmap_to_crop(example["joints_heatmap"][n])
    picture, (joints,) = drawing.enlarged((example["crop"][n] * 255).astype(np.uint8), side, joints_crop)
    return drawing.draw_pose(picture, joints, ~example["visible"][n], example["annotated"][n], skeleton)


def draw_targets(
    example: dict[str, Any], n: int, side: int, sigma: float, skeleton: Skeleton = MPII16
) -> list[np.ndarray]:
    """The target heatmaps of crop `n` of `make_examples` over it: pose, and occlusion; [side, side, 3] uint8 each."""
    size = example["crop"].shape[1] // geometry.STRIDE
    joints, annotated, visible = (example[name][n : n + 1] for name in ("joints_heatmap", "annotated", "visible"))
    picture, _ = drawing.enlarged((example["crop"][n] * 255).astype(np.uint8), side)
    targets = heatmaps.targets(joints, annotated, visible, size, sigma)
    return [drawing.draw_heatmaps(picture, maps[0].numpy(), skeleton) for maps in targets]


def describe(chosen: dict[str, tf.Tensor], n: int) -> str:
    """Augmentation `n` in a few words."""
    degrees, scale = math.degrees(chosen["angle"][n]), chosen["scale"][n]
    return f"{n}: {degrees:+.0f} deg, side x{scale:.2f}{', flipped' if chosen['flip'][n] else ''}"


def draw_augmented(
    record: dict[str, Any], seed: Any, crops: int, crop_size: int, sigma: float, side: int, skeleton: Skeleton = MPII16
) -> tuple[list[np.ndarray], list[str]]:
    """What the networks get of one record.

    Args:
        record: from `choose`.
        seed: of the augmentations, int32 [2].
        crops: how many augmented crops.
        crop_size: their side in pixels.
        sigma: of the targets, heatmap pixels.
        side: of the pictures in pixels.
        skeleton: of the records.

    Returns:
        `(pictures, captions)`, `crops` + 3 of each: the unaugmented crop, the first augmented one, its pose and its
        occlusion targets, the other augmented ones.
    """
    plain, drawn = augment.identity(1), augment.sample(crops, seed, augment.Ranges())
    chosen = {name: tf.concat([plain[name], drawn[name]], 0) for name in plain}
    example = make_examples(record, chosen, crop_size, skeleton)
    chosen = {name: value.numpy() for name, value in chosen.items()}
    pictures = [draw_crop(example, n, side, skeleton) for n in range(crops + 1)]
    captions = [title(record), *(describe(chosen, n) for n in range(1, crops + 1))]
    pictures[2:2] = draw_targets(example, 1, side, sigma, skeleton)
    captions[2:2] = ["pose targets of 1", "occlusion targets of 1"]
    return pictures, captions


def draw_patches_sheet(people: Sequence[dict[str, Any]], skeleton: Skeleton = MPII16) -> np.ndarray:
    """The sheet of patches of the records `people`, [H, W, 3] uint8 RGB."""
    tiles = [(draw_patch(record, PATCH_SIDE, skeleton), title(record)) for record in people]
    pictures, captions = zip(*tiles, strict=True)
    return headed(drawing.contact_sheet(pictures, PATCH_COLUMNS, PATCH_SIDE, captions=captions), LEGEND + SQUARE)


def draw_augmented_sheet(
    people: Sequence[dict[str, Any]],
    seed: Any,
    crops: int,
    crop_size: int,
    sigma: float,
    skeleton: Skeleton = MPII16,
) -> np.ndarray:
    """The sheet of `draw_augmented`, a row for each of the records `people`; [H, W, 3] uint8 RGB."""
    pictures, captions = [], []
    for n, record in enumerate(people):
        row = draw_augmented(record, [seed, n], crops, crop_size, sigma, CROP_SIDE, skeleton)
        pictures += row[0]
        captions += row[1]
    return headed(drawing.contact_sheet(pictures, crops + 3, CROP_SIDE, captions=captions), LEGEND)


def headed(sheet: np.ndarray, legend: str) -> np.ndarray:
    """A sheet under a line of text."""
    return np.concatenate([drawing.text_line(legend, sheet.shape[1]), sheet])


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("records", None, "glob of the shards", required=True)
    flags.DEFINE_string("output", None, "the PNG or JPEG file to draw to", required=True)
    flags.DEFINE_integer("count", 24, "people to draw", lower_bound=1)
    flags.DEFINE_bool("shuffle", False, "draw people chosen at random instead of the first")
    flags.DEFINE_integer("seed", 0, "of the choice of people and of the augmentations", lower_bound=0)
    flags.DEFINE_bool("augmented", False, "draw crops, augmented crops and targets instead of patches")
    flags.DEFINE_integer("crops", 4, "augmented crops a person", lower_bound=1, upper_bound=6)
    flags.DEFINE_integer("crop_size", None, "side of --augmented's crops in pixels; by default as the patches need")
    flags.DEFINE_float("sigma", 1.0, "standard deviation of the target Gaussians, heatmap pixels", lower_bound=0.1)


def main(values: flags.FlagValues) -> None:
    """Draws, writes and says what was drawn."""
    outputs.require_file(values.output, "output", outputs.PICTURES)
    paths = dataset.find(values.records)
    described, crop_size = dataset.describe(paths), values.crop_size
    if crop_size is None:
        crop_size = default_crop_size(described["patch_size"])
    if crop_size < geometry.STRIDE or crop_size % geometry.STRIDE:
        raise UserError(f"--crop_size must be a multiple of {geometry.STRIDE}. Received: {crop_size}")
    people = choose(paths, values.count, values.shuffle, values.seed)
    if not people:
        raise UserError(f"The shards that match {values.records} hold no people")
    if values.augmented:
        sheet = draw_augmented_sheet(people, values.seed, values.crops, crop_size, values.sigma, described["skeleton"])
    else:
        sheet = draw_patches_sheet(people, described["skeleton"])
    try:
        drawing.write_picture(values.output, sheet)
    except OSError as error:
        raise UserError(f"{values.output} cannot be written ({error.strerror})") from error
    print(f"{len(people)} {'person' if len(people) == 1 else 'people'} in {values.output}")


if __name__ == "__main__":
    program.run(main, define_flags)
