"""Scores predictions, in the columns of the paper's tables. Of three kinds, each of which gives the same table:

- a run: `python -m keras_apn.evaluate --workdir=runs/mpii`;
- an exported model, in its own runtime: `--model=exports/adversarial_posenet --workdir=runs/mpii` scores it on the
  run's validation records, `--model=posenet.tflite --records='data/mpii/validation-*.tfrecord'` on any;
- predictions made elsewhere: `--predictions=preds.mat --truth=detections_our_format.mat`, or COCO's files:
  `--predictions=results.json --truth=person_keypoints_val2017.json`.

Of a run with P or C the table and the JSON also say how well they know good joints from bad ones (BUILD_NOTES 44). P is
calibrated on the run's validation people where it has not been: `right joints by plausible` is then a probability.
`--baseline` adds the mean pose of the training people, `--sheet` draws the first people with truth and prediction side
by side, `--json` writes everything to a file.
"""

import sys
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

from absl import flags

from data_pipeline import drawing
from data_pipeline import skeleton as skeletons
from data_pipeline.common import arguments, outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath, write_json
from data_pipeline.records import dataset
from data_pipeline.skeleton import MPII16
from keras_apn import config as configuration
from keras_apn.evaluation import calibrating, coco, judging, prediction_file, sheet, truth_file
from keras_apn.evaluation.scoring import collect, guessed, mean_pose, score
from keras_apn.evaluation.tables import table
from keras_apn.inference import (
    discriminator_scores,
    exported_models,
    pose_estimator,
    test_time_augmentation,
)
from keras_apn.metrics import pck, plausibility
from keras_apn.models import shipped

# What cannot be had of predictions alone, and what belongs to them.
ONLY_RECORDS = ("workdir", "model", "records", "train_records", "flip", "baseline", "sheet")
ONLY_PREDICTIONS = ("truth", "annotations")


def estimator(
    workdir: StrPath | None = None,
    model: StrPath | None = None,
    flip: bool = False,
    scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE,
) -> exported_models.ExportedEstimator | pose_estimator.Compiled:
    """What finds joints in crops: the exported `model` where one is given, else the best weights of `workdir`.

    Of a run with P joints come with its `plausible`, but for several scales.
    """
    own = shipped.folder(model) if model else workdir
    if own is None:
        return exported_models.load(model, flip, scales)
    if tuple(scales) == test_time_augmentation.ONE_SCALE and discriminator_scores.has_p(own):
        return pose_estimator.Compiled(discriminator_scores.with_p(own, flip))
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
    metric, skeleton = metric or dataset.describe(paths)["metric"], finder.skeleton
    ranges = plausibility.of_training(config) if config else None
    if config and ranges is None:
        print(f"No records match {config.data.train_records}; plausibility is left out", file=sys.stderr)
    found = collect(paths, finder.crop_size, batch_size, finder)
    rows = {"G": score(found, metric, ranges, skeleton)}
    if baseline:
        seen = collect(dataset.find(config.data.train_records), finder.crop_size, batch_size, skeleton=skeleton)
        rows["mean pose"] = score(guessed(found, mean_pose(seen)), metric, ranges, skeleton)
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


def is_coco(path: StrPath | None) -> bool:
    """Whether a truth is one of COCO's annotation files, by its name."""
    return str(path).lower().endswith((".json", ".json.gz"))


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run to score, or whose records --model is scored on")
    flags.DEFINE_string(
        "model",
        None,
        f"a model to score: a SavedModel folder, a .tflite or .onnx file, or one of {', '.join(shipped.names())}",
    )
    flags.DEFINE_string("predictions", None, "a file of `preds` (N,16,2) or (N,14,2), 1-based, or COCO's results")
    flags.DEFINE_string("truth", None, "of --predictions: detections_our_format.mat, LSP's joints.mat or COCO's JSON")
    flags.DEFINE_string("skeleton", "coco17", "whose joints a --truth in COCO's form has")
    flags.DEFINE_string("annotations", None, "MPII's annotations, for who is visible; beside --truth by default")
    flags.DEFINE_enum(
        "metric", None, list(pck.THRESHOLDS), "the data's by default: pckh, pck on LSP, or that of the skeleton's unit"
    )
    flags.DEFINE_string("records", None, "glob of the shards to score on; the run's validation shards by default")
    flags.DEFINE_string("train_records", None, "glob of the run's training shards, where they were moved")
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


def scores(values: flags.FlagValues) -> tuple[dict[str, Any], str]:
    """Scores what flags ask for, and draws the sheet that they ask for.

    Returns:
        `(told, text)`: the first row's scores, and those of others by name; and all of it to be read.
    """
    check(values)
    outputs.require_file(values.sheet, "sheet", outputs.PICTURES)
    outputs.require_file(values.json, "json")
    if values.predictions and is_coco(values.truth):
        found = coco.score_files(values.predictions, values.truth, skeletons.load(values.skeleton))
        return found, f"{found['people']} people\n{coco.table(found['coco'])}"
    annotations = None
    if values.predictions:
        rows, metric, annotations = evaluate_predictions(
            values.predictions, values.truth, values.metric, values.annotations
        )
        skeleton = MPII16
    else:
        config = configuration.load(values.workdir, values.train_records) if values.workdir else None
        if not values.model:
            calibrating.where_possible(values.workdir, values.batch_size)
        finder = estimator(
            values.workdir, values.model, values.flip, test_time_augmentation.require_scales(values.scales)
        )
        skeleton = finder.skeleton
        rows, metric = evaluate(finder, config, values.records, values.metric, values.baseline, values.batch_size)
        if not values.model:
            rows["G"]["discriminators"] = judging.discriminators(values.workdir, values.records, values.batch_size)
        if values.sheet:
            paths = dataset.find(values.records or config.data.validation_records)
            drawing.write_picture(values.sheet, sheet.draw(finder, paths))
    first, *others = rows
    lines = [f"visibility from {annotations}"] if annotations else []
    lines += [f"{rows[first]['people']} people", table(rows, metric, skeleton)]
    return {**rows[first], **{name.replace(" ", "_"): rows[name] for name in others}}, "\n".join(lines)


def main(values: flags.FlagValues) -> None:
    """Scores, prints, draws and writes."""
    told, text = scores(values)
    print(text)
    if values.json:
        write_json(values.json, told)


def from_python(workdir: StrPath | None = None, **flags: Any) -> dict[str, Any]:
    """Scores; `keras_apn.evaluate` when it is called.

    Args:
        workdir: a run's folder.
        **flags: of `python -m keras_apn.evaluate`, as `flip=True` or `records="data/mpii/validation-*"`; `model` or
            `predictions` in place of the run.

    Returns:
        What `--json` writes: a dict with `people`, the metric, as "pckh@0.5", with a percent for each joint and its
        means, and so on.

    Raises:
        ValueError: a value breaks its rule, or what is to be scored is missing; one line says what to do.
    """
    values = arguments.values(define_flags, {"workdir": workdir, **flags})
    told, _ = scores(values)
    if values.json:
        write_json(values.json, told)
    return told


arguments.make_callable(__name__, from_python)

if __name__ == "__main__":
    program.run(main, define_flags)
