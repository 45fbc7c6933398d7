"""What `--plausible` costs: P's parameters and operations beside G's, and milliseconds a crop on this machine."""

import statistics
import time
from typing import Any

import tensorflow as tf

from keras_apn.inference import pose_estimator
from keras_apn.inference.discriminator_scores import JudgedEstimator
from keras_apn.models import operations

CALLS = 15


def measure(estimator: JudgedEstimator) -> dict[str, dict[str, Any]]:
    """Counts and times G, and what P adds to it.

    Args:
        estimator: of `discriminator_scores.with_p`.

    Returns:
        Dicts of `parameters`, `gflop` (of one crop) and `ms` (the median of some calls with one crop, in TensorFlow),
        of `G` and `P`; P's are what it adds.
    """
    alone = pose_estimator.PoseEstimator(estimator.generator, estimator.flip)
    networks = {"G": estimator.generator, "P": estimator.networks.discriminators["p"]}
    plain, judged = _milliseconds(alone), _milliseconds(estimator)
    spent = {"G": plain, "P": max(judged - plain, 0.0)}
    return {
        name: {
            "parameters": network.count_params(),
            "gflop": float(f"{operations.forward(network) / 1e9:.3g}"),
            "ms": round(spent[name], 1),
        }
        for name, network in networks.items()
    }


def line(cost: dict[str, dict[str, Any]]) -> str:
    """`measure`'s dict as a sentence."""
    p, g = cost["P"], cost["G"]
    return (
        f"plausible costs {p['parameters']:,} parameters beside G's {g['parameters']:,}, {p['gflop']} GFLOP a crop "
        f"beside {g['gflop']}, and here {p['ms']} ms beside {g['ms']}"
    )


def _milliseconds(estimator):
    find = tf.function(estimator.joints_in_crop)
    crop = tf.zeros([1, estimator.crop_size, estimator.crop_size, 3])
    find(crop)
    spent = []
    for _ in range(CALLS):
        before = time.perf_counter()
        find(crop)["joints"].numpy()
        spent.append(1e3 * (time.perf_counter() - before))
    return statistics.median(spent)
