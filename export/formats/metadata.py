"""What a user of an exported model must know, in the words that every format carries."""

from typing import Any

from data_pipeline import geometry
from data_pipeline.skeleton import JOINTS, LIMBS
from keras_apn.inference.pose_estimator import BOX_MARGIN, PoseEstimator

FILE = "metadata.json"
LICENCE = "Apache-2.0"

# What the ends of every format mean.
MEANING = {
    "image_bytes": "a JPEG or PNG file, of any size",
    "boxes": "x, y, width and height of a person in pixels from the image's corner; zeros mean the whole image",
    "crops": "RGB: a person in the middle, box_margin times as wide and high as the box's longer side",
    "joints": "x, y in pixels of the crop",
    "scores": "the height of each joint's peak, 0 to 1",
    "occluded": "how probably each joint is occluded, 0 to 1",
    "pose": "heatmaps, about 1 at the joint",
    "occlusion": "heatmaps of occluded joints, about 1 at the joint",
}


def describe(estimator: PoseEstimator, name: str, version: int, licence: str = LICENCE) -> dict[str, Any]:
    """What is true of an export in every format.

    Args:
        estimator: a `keras_apn.inference.pose_estimator.PoseEstimator`.
        name, version: what the model is called, and its version, a whole number.
        licence: of the weights, an SPDX name.

    Returns:
        A dict that goes into JSON. Each exporter adds `input` (name, dtype, layout, range) and `outputs`.
    """
    return {
        "model": "Adversarial PoseNet, generator (Chen et al., ICCV 2017)",
        "name": name,
        "version": version,
        "licence": licence,
        "crop_size": estimator.crop_size,
        "heatmap_stride": geometry.STRIDE,
        "box_margin": BOX_MARGIN,
        "joints": list(JOINTS),
        "limbs": [[JOINTS[a], JOINTS[b]] for a, b in LIMBS],
        "coordinates": "x, y; 0-based, pixel centres at integers",
        "flip_test": estimator.flip,
    }
