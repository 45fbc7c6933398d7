"""What a user of an exported model must know, in the words that every format carries."""

from typing import Any

from data_pipeline import geometry
from keras_apn.inference.arrays import BOX_MARGIN
from keras_apn.inference.pose_estimator import PoseEstimator

FILE = "metadata.json"
LICENCE = "Apache-2.0"

# What the ends of every format mean.
MEANING = {
    "image_bytes": "a JPEG or PNG file, of any size, for each box; or one for all",
    "boxes": "x, y, width and height of a person in pixels from the image's corner; zeros mean the whole image",
    "crops": "RGB: a person in the middle, box_margin times as wide and high as the box's longer side",
    "joints": "x, y in pixels of the crop",
    "scores": "the height of each joint's peak, 0 to 1",
    "occluded": "how probably each joint is occluded, 0 to 1",
    "plausible": "how probably each joint is right, within half a head size: P's probability, calibrated",
    "pose": "heatmaps, about 1 at the joint",
    "occlusion": "heatmaps of occluded joints, about 1 at the joint",
}


def describe(
    estimator: PoseEstimator,
    name: str,
    version: int,
    licence: str = LICENCE,
    plausible: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What is true of an export in every format.

    Args:
        estimator: a `keras_apn.inference.pose_estimator.PoseEstimator`.
        name, version: what the model is called, and its version, a whole number.
        licence: of the weights, an SPDX name or a few words.
        plausible: what is to be told of P, where the export has it.

    Returns:
        A dict that goes into JSON. Each exporter adds `input` (name, dtype, layout, range) and `outputs`.
    """
    skeleton = estimator.skeleton
    names = skeleton.joints
    return {
        "model": "Adversarial PoseNet, generator (Chen et al., ICCV 2017)",
        "name": name,
        "version": version,
        "licence": licence,
        "crop_size": estimator.crop_size,
        "heatmap_stride": geometry.STRIDE,
        "box_margin": BOX_MARGIN,
        "joints": list(names),
        "limbs": [[names[a], names[b]] for a, b in skeleton.limbs],
        "sides": list(skeleton.sides),
        "skeleton": skeleton.as_json(),
        "coordinates": "x, y; 0-based, pixel centres at integers",
        "flip_test": estimator.flip,
        **({"plausible": plausible} if plausible else {}),
    }
