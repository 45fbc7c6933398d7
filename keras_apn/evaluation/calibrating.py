"""P's probabilities made to mean what they say, on a run's validation people (BUILD_NOTES 71)."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.records import dataset
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn import config as configuration
from keras_apn.evaluation import scoring
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.metrics import pck, reliability
from keras_apn.models import platt_scaling

# Parts of the people, of which each is judged by the line that was fitted to the others.
FOLDS = 5
LEAST_PEOPLE = 10


def right_joints(found: dict[str, np.ndarray], delta: float, skeleton: Skeleton = MPII16) -> np.ndarray:
    """Whether joints are within p_fake's threshold of the truth: [N, J] bool, False where it is not annotated.

    Args:
        found: of `scoring.collect`, with an estimator.
        delta: head sizes, `config.TrainingConfig.delta`.
        skeleton: whose joints they are.
    """
    distances = pck.distances(found["predicted"], found["true"], found["head_size"], found["annotated"])
    return np.nan_to_num(distances / skeleton.tolerances, nan=np.inf) < delta


def calibrate(
    logits: np.ndarray, right: np.ndarray, annotated: np.ndarray
) -> tuple[platt_scaling.Scaling, dict[str, Any]]:
    """Fits a run's scaling, and tells by cross-validation what it is worth.

    Args:
        logits: [N, J], P's.
        right, annotated: [N, J] bool.

    Returns:
        `(scaling, about)`: of all people; and a dict that goes into JSON: `people`, `joints`, `right` (the share),
        and the expected calibration errors `ece_before`, of the plain sigmoid, `ece_after`, of the people that the
        line was fitted to, and `ece_cross_validated`, of people by a line that was fitted to others.

    Raises:
        UserError: there are too few people, or nothing is annotated.
    """
    if len(logits) < LEAST_PEOPLE or not annotated.any():
        raise UserError(f"P is calibrated on {LEAST_PEOPLE} annotated people at least. Received: {len(logits)}")
    scaling = platt_scaling.fit(logits[annotated], right[annotated])
    fold, others = np.arange(len(logits)) % FOLDS, np.zeros_like(logits)
    for part in range(FOLDS):
        rest = annotated & (fold != part)[:, None]
        others[fold == part] = platt_scaling.fit(logits[rest], right[rest])(logits[fold == part])
    errors = {"before": platt_scaling.Scaling(1.0, 0.0)(logits), "after": scaling(logits), "cross_validated": others}
    return scaling, {
        "people": len(logits),
        "joints": int(annotated.sum()),
        "right": float(right[annotated].mean()),
        **{f"ece_{name}": reliability.error(told[annotated], right[annotated]) for name, told in errors.items()},
    }


def of_run(workdir: StrPath, records: Sequence[str] | None = None, batch_size: int = 16) -> platt_scaling.Scaling:
    """A run's scaling: the one beside its best weights, or one that is fitted to its validation people and put there.

    Args:
        workdir: of a run with P.
        records: shards; the run's validation records by default.
        batch_size: people in a batch.

    Raises:
        UserError: it has no P, or no scaling and no records to fit one to.
    """
    known = platt_scaling.read(workdir)
    if known:
        return known[0]
    config = configuration.load(workdir)
    judged = discriminator_scores.from_workdir(workdir, verdict=tf.identity)
    paths = records or dataset.find(config.data.validation_records)
    found = scoring.collect(paths, judged.crop_size, batch_size, pose_estimator.Compiled(judged))
    right = right_joints(found, config.training.delta, judged.skeleton)
    scaling, about = calibrate(found["plausible"].astype(np.float64), right, found["annotated"].astype(bool))
    platt_scaling.write(workdir, scaling, {**about, "delta_head_sizes": config.training.delta})
    said = "P is calibrated on {people} people: error {ece_before:.3f} before, {ece_cross_validated:.3f} after"
    print(said.format(**about), file=sys.stderr)
    return scaling


def where_possible(workdir: StrPath, batch_size: int = 16) -> None:
    """Calibrates a run's P on its validation people where that has not been done; says why where it cannot be."""
    try:
        if discriminator_scores.has_p(workdir):
            of_run(workdir, batch_size=batch_size)
    except UserError as error:
        print(f"P is not calibrated: {error}")
