"""Platt scaling: what turns P's logits into probabilities that joints are right (BUILD_NOTES 71).

P learns from true maps, moved joints and G's maps in equal parts, so the sigmoid of its logit is no probability that a
joint of G's is right. A line through the logits, fitted to held-out people, makes it one.
"""

import dataclasses
import math
import os
from typing import Any

import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.files import StrPath, write_json
from keras_apn.models import best_weights

# Steps of Newton's method, which is done after some six, and the change of both numbers at which it is.
MOST_STEPS, STILL = 50, 1e-9
# Of a curvature of no people, so that labels of one class alone give finite numbers.
RIDGE = 1e-6
# Of a damaged file.
REMEDY = "delete it, and evaluate --workdir writes it anew"


@dataclasses.dataclass(frozen=True)
class Scaling:
    """The probability of a logit is the sigmoid of `scale` times it plus `offset`."""

    scale: float
    offset: float

    def __call__(self, logits: Any) -> Any:
        """Probabilities of logits: of a tensor a tensor, of an array an array."""
        scaled = logits * self.scale + self.offset
        if isinstance(logits, np.ndarray):
            return 0.5 + 0.5 * np.tanh(0.5 * scaled)
        import tensorflow as tf

        return tf.sigmoid(scaled)


def fit(logits: np.ndarray, right: np.ndarray) -> Scaling:
    """The `Scaling` of the greatest likelihood, with Platt's labels: a little within 0 and 1, as there are few people.

    Args:
        logits: [K] finite numbers.
        right: [K] bool.

    Raises:
        ValueError: there are none, or some are no numbers.
    """
    logits, right = np.asarray(logits, np.float64), np.asarray(right, bool)
    if not logits.size or not np.isfinite(logits).all():
        raise ValueError(f"`logits` must be finite numbers. Received: {logits.size} of them")
    ones = right.sum()
    wanted = np.where(right, (ones + 1.0) / (ones + 2.0), 1.0 / (logits.size - ones + 2.0))
    seen = np.stack([logits, np.ones_like(logits)], -1)
    line = np.array([0.0, math.log((ones + 1.0) / (logits.size - ones + 1.0))])
    for _ in range(MOST_STEPS):
        told = 0.5 + 0.5 * np.tanh(0.5 * (seen @ line))
        curvature = (seen * (told * (1.0 - told))[:, None]).T @ seen + RIDGE * np.eye(2)
        change = np.linalg.solve(curvature, seen.T @ (wanted - told))
        # Far from the optimum a whole step may overshoot.
        line = line + np.clip(change, -1.0, 1.0)
        if np.abs(change).max() < STILL:
            break
    return Scaling(float(line[0]), float(line[1]))


def path(workdir: StrPath) -> str:
    """Where a run keeps its scaling."""
    return os.path.join(workdir, best_weights.FOLDER, best_weights.CALIBRATION)


def write(workdir: StrPath, scaling: Scaling, about: dict[str, Any]) -> None:
    """Writes a run's scaling beside its best weights, with what else is known of it."""
    write_json(path(workdir), {**dataclasses.asdict(scaling), **about})


def read(workdir: StrPath) -> tuple[Scaling, dict[str, Any]] | None:
    """A run's scaling and everything of its file; None where there is none.

    Raises:
        UserError: the file is damaged.
    """
    file = path(workdir)
    if not os.path.exists(file):
        return None
    told = json_file.read(file, dict[str, Any], way=REMEDY)
    return json_file.convert(told, Scaling, file, way=REMEDY), told
