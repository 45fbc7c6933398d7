"""Scores one run of a study in a process of its own: `python -m keras_apn.study.score '{"workdir": ..., ...}'`."""

from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import base64
import json
import sys

import numpy as np

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.records import dataset
from keras_apn.metrics import pck, plausibility
from keras_apn.report import runs

# Of an epoch's history, what is kept of a run.
CURVES = ("val_pckh", "loss", "val_p_auc", "val_c_auc", "p_fake_share", "val_p_toward", "val_c_toward")


def measure(workdir: str, records: str) -> dict[str, Any]:
    """Scores a run.

    Args:
        workdir: its folder.
        records: a glob of shards.

    Returns:
        A dict that goes into JSON: `metric`; `skeleton`; `scores`, of `runs.score`; `parameters` of G; `epochs` and
        `seconds` of the training; `step_seconds`, the median over the epochs, None where none knows it; `best_epoch`;
        `curves`, lists by name over the epochs; `people`; and of every person and joint `counted`, `hits` and
        `hidden`, as `packed` has them.

    Raises:
        UserError: the run was stopped before its end, or its files or the records are missing or damaged.
    """
    paths = dataset.find(records)
    metric = dataset.describe(paths)["metric"]
    run = runs.load("run", workdir)
    require_whole(run)
    run = runs.score(run, paths, metric, plausibility.of_training(run.config))
    counted = ~np.isnan(run.normalised)
    hits = counted & (np.nan_to_num(run.normalised, nan=np.inf) <= pck.THRESHOLDS[metric])
    steps = [epoch["step_seconds"] for epoch in run.epochs if "step_seconds" in epoch]
    hidden = counted & ~run.found["visible"] & run.found["occlusion_known"][:, None]
    return {
        "metric": metric,
        "skeleton": run.skeleton.as_json(),
        "scores": run.scores,
        "parameters": run.parameters,
        "epochs": len(run.epochs),
        "seconds": sum(epoch["seconds"] for epoch in run.epochs),
        "step_seconds": float(np.median(steps)) if steps else None,
        "best_epoch": run.state.get("best_epoch"),
        "curves": {name: [epoch.get(name) for epoch in run.epochs] for name in CURVES},
        "people": len(counted),
        **{name: packed(mask) for name, mask in (("counted", counted), ("hits", hits), ("hidden", hidden))},
    }


def require_whole(run: runs.Run) -> None:
    """Raises UserError where a run was stopped before its end."""
    training, done, best = run.config.training, run.state.get("epoch", 0), run.state.get("best_epoch") or 0
    if done < training.epochs and not (training.patience and done - best >= training.patience):
        raise UserError(f"{run.workdir} was stopped after {done} of {training.epochs} epochs; start the study again")


def packed(mask: np.ndarray) -> str:
    """[N, J] bool as base64 of its bits."""
    return base64.b64encode(np.packbits(mask).tobytes()).decode()


def unpacked(text: str, people: int, joints: int = 16) -> np.ndarray:
    """[N, J] bool of what `packed` gives."""
    bits = np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8))
    return bits[: joints * people].reshape(people, joints).astype(bool)


def main(argument: str) -> int:
    """Measures what the JSON argument says and writes it, with what else the argument holds, to its `output`."""
    told = json.loads(argument)
    try:
        found = measure(told.pop("workdir"), told["records"])
        write_json(told.pop("output"), {**told, **found})
    except UserError as error:
        return program.fail(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
