"""Scores MediaPipe's BlazePose beside a model of ours: the same crops of records' people, the twelve joints of limbs.

    make mediapipe
    python -m benchmarks.peers.blazepose --records='data/mpii/validation-*.tfrecord' --model=apn-mobile --flip

BlazePose finds the person in the crop by its own detector; where it finds nobody, all joints count as wrong. Its model
comes with the package mediapipe, which lives in an environment of its own (`--python`). The metric is the records':
PCKh@0.5, or PCK@0.2 of the torso. The interval is over people, both models on the same ones.
"""

import os
import subprocess
import tempfile
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import numpy as np
from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.records import dataset
from data_pipeline.skeleton import COLUMNS, INDEX, NUM_JOINTS
from keras_apn.evaluate import estimator
from keras_apn.evaluation import scoring
from keras_apn.metrics import normalisers, pck
from keras_apn.report import comparison

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
REFERENCE = os.path.join(HERE, "blazepose_reference.py")
# MediaPipe's numbers of what COLUMNS has but the head: its left is the person's left, as MPII's.
LANDMARKS = {
    "left_shoulder": 11, "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14, "left_wrist": 15, "right_wrist": 16,
    "left_hip": 23, "right_hip": 24, "left_knee": 25, "right_knee": 26, "left_ankle": 27, "right_ankle": 28,
}  # fmt: skip
LIMBS = [INDEX[name] for name in LANDMARKS]
NAMES = [name for name, joints in COLUMNS.items() if set(joints) <= set(LIMBS)]
COMPLEXITIES = {"lite": 0, "full": 1, "heavy": 2}


def blazepose(crops: np.ndarray, python: str, variant: str = "full") -> np.ndarray:
    """What BlazePose finds.

    Args:
        crops: [N, S, S, 3] uint8 RGB.
        python: the Python that has MediaPipe.
        variant: a key of `COMPLEXITIES`.

    Returns:
        [N, 16, 2] crop pixels; infinite where nobody was found, and the joints that it does not have.

    Raises:
        UserError: there is no such Python, or it has no MediaPipe.
    """
    joints = np.full((len(crops), NUM_JOINTS, 2), np.inf)
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "crops.npz"), os.path.join(folder, "found.npz")
        np.savez(source, crops=crops, landmarks=list(LANDMARKS.values()), complexity=COMPLEXITIES[variant])
        try:
            ended = subprocess.run([python, REFERENCE, source, target], check=False, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            raise UserError(f"--python={python}: {error.strerror}; `make mediapipe` makes it") from error
        if ended.returncode:
            last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            raise UserError(f"{python} cannot run MediaPipe ({last}); `make mediapipe` makes one that can")
        joints[:, LIMBS] = np.load(target)["joints"]
    return joints


def limbs_alone(normalised: np.ndarray) -> np.ndarray:
    """Distances [N, 16] with all but the limbs' made NaN, which counts nowhere."""
    kept = np.full_like(normalised, np.nan)
    kept[:, LIMBS] = normalised[:, LIMBS]
    return kept


def compare(found: dict[str, np.ndarray], predictions: dict[str, np.ndarray], metric: str) -> dict[str, Any]:
    """The rates of two predictors.

    Args:
        found: of `scoring.collect`.
        predictions: by name [N, 16, 2] crop pixels, ours first.
        metric: a key of `pck.THRESHOLDS`.

    Returns:
        A dict that goes into JSON: `metric`, `people`, `rates` by name and column, `pooled_12` among them, and `lead`,
        the first one's of it before the second's, and its 95 % `interval` over people.
    """
    threshold = pck.THRESHOLDS[metric]
    unit = normalisers.torso_size(found["true"], found["annotated"]) if metric == "pck" else found["head_size"]
    each = {
        name: limbs_alone(pck.distances(joints, found["true"], unit, found["annotated"]))
        for name, joints in predictions.items()
    }
    tables = {name: pck.rates(normalised, threshold) for name, normalised in each.items()}
    drawn, nothing = comparison.resample(len(found["true"])), np.zeros_like(found["annotated"])
    ours, theirs = (
        comparison.resampled_rates(normalised, nothing, threshold, drawn)["pooled_14"] for normalised in each.values()
    )
    first, second = tables.values()
    return {
        "metric": f"{metric}@{threshold}",
        "people": len(found["true"]),
        "rates": {
            name: {**{column: table[column] for column in NAMES}, "pooled_12": table["pooled_14"]}
            for name, table in tables.items()
        },
        "lead": first["pooled_14"] - second["pooled_14"],
        "interval": comparison.interval(ours - theirs),
    }


def define_flags() -> None:
    """Makes the program's flags."""
    flags.DEFINE_string("records", None, "glob of the shards whose people are found", required=True)
    flags.DEFINE_string("model", "apn-mobile", "ours, as of keras_apn.evaluate")
    flags.DEFINE_bool("flip", False, "average ours with the mirrored crop's heatmaps")
    flags.DEFINE_enum("variant", "full", list(COMPLEXITIES), "of BlazePose")
    flags.DEFINE_string("python", os.path.join(ROOT, ".venv-mediapipe", "bin", "python"), "MediaPipe's")
    flags.DEFINE_string("json", None, "a file to write the scores to")


def main(values: flags.FlagValues) -> None:
    """Scores both and prints the table."""
    paths = dataset.find(values.records)
    own = estimator(model=values.model, flip=values.flip)
    found = scoring.collect(paths, own.crop_size, 16, own, crops=True)
    theirs = f"BlazePose {values.variant}"
    predictions = {values.model: found["predicted"], theirs: blazepose(found["crop"], values.python, values.variant)}
    nobody = int(np.isinf(predictions[theirs][:, LIMBS]).all((1, 2)).sum())
    told = {**compare(found, predictions, dataset.describe(paths)["metric"]), "nobody_found": nobody}
    print(f"{told['people']} people; BlazePose found nobody in {nobody} crops")
    print(f"{told['metric']:18s}" + "".join(f"{column:>10s}" for column in (*NAMES, "pooled_12")))
    for name, rates in told["rates"].items():
        print(f"{name:18s}" + "".join(f"{rates[column]:10.2f}" for column in (*NAMES, "pooled_12")))
    print(f"{values.model} is {told['lead']:+.2f} ahead ({told['interval'][0]:+.2f} to {told['interval'][1]:+.2f})")
    if values.json:
        write_json(values.json, told)


if __name__ == "__main__":
    program.run(main, define_flags)
