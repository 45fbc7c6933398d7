"""Scores predictions, in the columns of the paper's tables. Of three kinds, each of which gives the same table:

- a run: `python -m keras_apn.evaluate --workdir=runs/mpii`;
- an exported model, in its own runtime: `--model=exports/adversarial_posenet --workdir=runs/mpii` scores it on the
  run's validation records, `--model=posenet.tflite --records='data/mpii/validation-*.tfrecord'` on any;
- predictions made elsewhere: `--predictions=preds.mat --truth=detections_our_format.mat`.

Of a run with P or C the table and the JSON also say how well they know good joints from bad ones (BUILD_NOTES 44).
`--baseline` adds the mean pose of the training people, `--sheet` draws the first people with truth and prediction side
by side, `--json` writes everything to a file.
"""

import sys
from collections.abc import Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import numpy as np
from absl import flags

from data_pipeline import drawing
from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, write_json
from data_pipeline.records import dataset
from keras_apn import config as configuration
from keras_apn.adversarial import discrimination
from keras_apn.evaluation import prediction_file, truth_file
from keras_apn.evaluation.scoring import collect, examples, mean_pose, score
from keras_apn.evaluation.tables import table
from keras_apn.inference import (
    discriminator_scores,
    exported_models,
    pose_estimator,
    test_time_augmentation,
    visualization,
)
from keras_apn.metrics import pck, plausibility
from keras_apn.models import best_weights, shipped

SHEET_PEOPLE, SHEET_COLUMNS, SHEET_SIDE = 24, 4, 192
# What cannot be had of predictions alone, and what belongs to them.
ONLY_RECORDS = ("workdir", "model", "records", "flip", "baseline", "sheet")
ONLY_PREDICTIONS = ("truth", "annotations")


def estimator(
    workdir: StrPath | None = None,
    model: StrPath | None = None,
    flip: bool = False,
    scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE,
) -> exported_models.ExportedEstimator | pose_estimator.Compiled:
    """What finds joints in crops: the exported `model` where one is given, else the best weights of `workdir`."""
    own = shipped.folder(model) if model else workdir
    if own is None:
        return exported_models.load(model, flip, scales)
    return pose_estimator.Compiled(pose_estimator.from_workdir(own, flip, scales))


def evaluate(
    finder: Any,
    config: configuration.Config | None = None,
    records: str | None = None,
    metric: str | None = None,
    baseline: bool = False,
    batch_size: int = 16,
) -> tuple[dict[str, dict], str]:
    """Scores what finds joints on records.

    Args:
        finder: from `estimator`.
        config: the run's, whose records are used; None where `records` are given and no training records are known.
        records: glob of other shards to score on.
        metric: a key of `pck.THRESHOLDS`; by default the one that suits the records.
        baseline: whether to score the mean pose of the run's training people too.
        batch_size: people in a batch.

    Returns:
        `(rows, metric)`: `scoring.score`'s dict by name, and the metric.

    Raises:
        UserError: there are no records.
    """
    paths = dataset.find(records or config.data.validation_records)
    metric = metric or dataset.describe(paths)["metric"]
    ranges = plausibility.of_training(config) if config else None
    if config and ranges is None:
        print(f"No records match {config.data.train_records}; plausibility is left out", file=sys.stderr)
    found = collect(paths, finder.crop_size, batch_size, finder)
    rows = {"G": score(found, metric, ranges)}
    if baseline:
        seen = collect(dataset.find(config.data.train_records), finder.crop_size, batch_size)
        guess = np.broadcast_to(mean_pose(seen), found["true"].shape)
        rows["mean pose"] = score({**found, "predicted": guess, "occluded": None}, metric, ranges)
    return rows, metric


def evaluate_predictions(
    predictions: StrPath, truth: StrPath, metric: str | None = None, annotations: StrPath | None = None
) -> tuple[dict[str, dict], str, StrPath | None]:
    """Scores predictions made elsewhere.

    Args:
        predictions: a file as `prediction_file.read` takes it.
        truth: a file as `truth_file.read` takes it.
        metric: a key of `pck.THRESHOLDS`; by default the one that suits the truth.
        annotations: MPII's annotations, which say what is visible, as `truth_file.with_visibility` takes them.

    Returns:
        `(rows, metric, annotations)`: as of `evaluate`, and the file of annotations that was used, or None.

    Raises:
        UserError: a file cannot be read, or they are not of the same people.
    """
    known = truth_file.read(truth)
    joints = prediction_file.read(predictions, known.people())
    known, annotations = truth_file.with_visibility(known, truth, annotations)
    known = known.last(len(joints))
    found = {"predicted": joints, **{name: getattr(known, name) for name in truth_file.ARRAYS}}
    metric = metric or known.metric
    return {"predictions": score(found, metric)}, metric, annotations


def discriminators(
    workdir: StrPath, records: str | None = None, batch_size: int = 16
) -> dict[str, dict[str, float | None] | None]:
    """How well a run's P and C know good joints from bad ones.

    Args:
        workdir: the run's.
        records: glob of other shards than the run's validation records.
        batch_size: people in a batch.

    Returns:
        `discrimination.Discrimination.scores`; None of both, which is told on standard error, where the workdir holds
        weights of G alone.
    """
    config = configuration.load(workdir)
    model = config.model
    named = {"pose_discriminator": model.pose_discriminator, "confidence_discriminator": model.confidence_discriminator}
    trained = [name for name, wanted in named.items() if model.discriminators and wanted]
    missing = [best_weights.path(workdir, name) for name in trained if not best_weights.find(workdir, name)]
    if missing:
        print(f"No weights in {missing[0]}; P and C are left out", file=sys.stderr)
    if missing or not trained:
        return dict.fromkeys(discrimination.NAMES.values())
    paths = dataset.find(records or config.data.validation_records)
    return discrimination.measure(discriminator_scores.load(workdir), config, paths, batch_size)


def draw_sheet(finder: Any, paths: Sequence[str], people: int) -> np.ndarray:
    """The first people of records, each twice: the annotated joints, then the predicted ones; [H, W, 3] uint8 RGB."""
    example = next(examples(paths, finder.crop_size, people, finder.scales))
    views = example.pop("views")
    answer = finder.joints_in_crop(views if len(views) > 1 else views[0])
    found, truth = ({name: values.numpy() for name, values in part.items()} for part in (answer, example))
    pictures = []
    for n, crop in enumerate(truth["crop"]):
        image, (joints, drawn) = drawing.enlarged(
            (crop * 255).astype(np.uint8), SHEET_SIDE, truth["true"][n], found["joints"][n]
        )
        annotated = truth["annotated"][n]
        pictures.append(drawing.draw_pose(image, joints, ~truth["visible"][n], annotated))
        occluded = found["occluded"][n] if "occluded" in found else None
        pictures.append(visualization.draw_prediction(image, drawn, occluded))
    return drawing.contact_sheet(pictures, 2 * SHEET_COLUMNS, SHEET_SIDE)


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run to score, or whose records --model is scored on")
    flags.DEFINE_string(
        "model",
        None,
        f"a model to score: a SavedModel folder, a .tflite or .onnx file, or one of {', '.join(shipped.names())}",
    )
    flags.DEFINE_string("predictions", None, "a .mat, .h5 or .npz with `preds` (N,16,2) or (N,14,2), 1-based pixels")
    flags.DEFINE_string("truth", None, "of --predictions: detections_our_format.mat or LSP's joints.mat")
    flags.DEFINE_string("annotations", None, "MPII's annotations, for who is visible; beside --truth by default")
    flags.DEFINE_enum("metric", None, list(pck.THRESHOLDS), "the data's by default: pckh, and pck on LSP")
    flags.DEFINE_string("records", None, "glob of the shards to score on; the run's validation shards by default")
    flags.DEFINE_bool("flip", False, "average with the mirrored crop's heatmaps")
    flags.DEFINE_list("scales", ["1"], "average heatmaps over crops of these scales, as in 0.85,1,1.15")
    flags.DEFINE_bool("baseline", False, "score the mean pose of the run's training people too")
    flags.DEFINE_integer("batch_size", 16, "people in a batch", lower_bound=1)
    flags.DEFINE_string("sheet", None, "a PNG file to draw the first people to, truth beside prediction")
    flags.DEFINE_string("json", None, "a file to write the scores to")


def check(values: flags.FlagValues) -> None:
    """Raises a UserError where flags do not say one thing to score."""
    given = {name for name in (*ONLY_RECORDS, *ONLY_PREDICTIONS, "predictions") if getattr(values, name)}
    if "predictions" in given:
        if "truth" not in given:
            raise UserError("--predictions needs --truth: detections_our_format.mat or LSP's joints.mat")
        stray = [name for name in ONLY_RECORDS if name in given]
        stray += ["scales"] * (test_time_augmentation.require_scales(values.scales) != test_time_augmentation.ONE_SCALE)
    else:
        if not given & {"workdir", "model"}:
            raise UserError("Give what is to be scored: --workdir, --model, or --predictions with --truth")
        if not given & {"workdir", "records"}:
            raise UserError("--model needs --records, or the --workdir whose validation records it is scored on")
        stray = [name for name in ONLY_PREDICTIONS if name in given]
        stray += ["baseline"] * ("baseline" in given and "workdir" not in given)
    if stray:
        raise UserError(f"--{stray[0]} has no meaning {'with --predictions' if 'predictions' in given else 'here'}")


def main(values: flags.FlagValues) -> None:
    """Scores, prints, draws and writes."""
    check(values)
    if values.predictions:
        rows, metric, annotations = evaluate_predictions(
            values.predictions, values.truth, values.metric, values.annotations
        )
        if annotations:
            print(f"visibility from {annotations}")
    else:
        config = configuration.load(values.workdir) if values.workdir else None
        finder = estimator(
            values.workdir, values.model, values.flip, test_time_augmentation.require_scales(values.scales)
        )
        rows, metric = evaluate(finder, config, values.records, values.metric, values.baseline, values.batch_size)
        if not values.model:
            rows["G"]["discriminators"] = discriminators(values.workdir, values.records, values.batch_size)
        if values.sheet:
            paths = dataset.find(values.records or config.data.validation_records)
            drawing.write_picture(values.sheet, draw_sheet(finder, paths, SHEET_PEOPLE))
    first = next(iter(rows))
    print(f"{rows[first]['people']} people")
    print(table(rows, metric))
    if values.json:
        write_json(values.json, {**rows.pop(first), **{name.replace(" ", "_"): row for name, row in rows.items()}})


if __name__ == "__main__":
    program.run(main, define_flags)
