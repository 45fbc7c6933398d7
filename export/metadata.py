"""What a user of an exported model must know, in the words that every format carries."""

from data_pipeline import geometry
from data_pipeline.skeleton import JOINTS, LIMBS
from keras_apn.inference import BOX_MARGIN

FILE = "metadata.json"
LICENCE = "Apache-2.0"


def describe(estimator, name, version, licence=LICENCE):
    """What is true of an export in every format.

    Args:
        estimator: a `keras_apn.inference.PoseEstimator`.
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
