"""Scores a run: `python -m keras_apn.evaluate --workdir=runs/mpii`.

Prints the columns of the paper's tables. `--baseline` adds the mean pose of the training people to the table,
`--sheet` draws the first people with truth and prediction side by side.
"""

from data_pipeline import quiet  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import collections

import numpy as np
import tensorflow as tf
from absl import flags

from data_pipeline import augment, dataset, drawing, geometry, intact, program
from data_pipeline.files import write_json
from keras_apn import config as configuration
from keras_apn import inference, metrics, visualize

SHEET_PEOPLE, SHEET_COLUMNS, SHEET_SIDE = 24, 4, 192


def examples(paths, crop_size, batch_size):
    """Unaugmented crops of records with their truth, in the records' order.

    Args:
        paths: shards.
        crop_size: side of the crops in pixels.
        batch_size: people in a batch.

    Yields:
        Dicts of tensors: `crop` [B, S, S, 3] within 0 and 1, `true` [B, 16, 2] and `head_size` [B] in crop pixels,
        `annotated` and `visible` [B, 16].
    """
    described = dataset.describe(paths)
    segments = intact.survey(described["shards"], tolerated=0.0)
    for batch in dataset.load(segments, patch_size=described["patch_size"], batch_size=batch_size):
        example = augment.make_crops(batch, augment.identity(tf.shape(batch["patch"])[0]), crop_size)
        yield {
            "crop": example["crop"],
            "true": geometry.heatmap_to_crop(example["joints_heatmap"]),
            "head_size": example["head_size_heatmap"] * geometry.STRIDE,
            "annotated": example["annotated"],
            "visible": example["visible"],
        }


def collect(paths, crop_size, batch_size, predict=None):
    """Runs over records once.

    Args:
        paths, crop_size, batch_size: as for `examples`.
        predict: crops to a dict with `joints` in crop pixels, or None to collect the truth alone.

    Returns:
        A dict of arrays over all people: `true`, `head_size`, `annotated` and `visible` as `examples` yields them,
        and `predicted` [N, 16, 2] in crop pixels.
    """
    found = collections.defaultdict(list)
    for example in examples(paths, crop_size, batch_size):
        crop = example.pop("crop")
        if predict:
            example["predicted"] = predict(crop)["joints"]
        for name, values in example.items():
            found[name].append(values.numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}


def score(found, metric):
    """`metrics.score` of what `collect` found."""
    sizes = found["head_size"] if metric == "pckh" else metrics.torso_size(found["true"])
    normalised = metrics.distances(found["predicted"], found["true"], sizes, found["annotated"])
    return metrics.score(normalised, found["visible"], metric)


def mean_pose(found):
    """The mean of the annotated true joints, [16, 2] crop pixels: what one can say without looking."""
    weights = found["annotated"][..., None].astype(np.float64)
    return (found["true"] * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1.0)


def table(rows, metric):
    """The scores of several predictors as text, in the paper's columns.

    Args:
        rows: dict of name to `metrics.score`'s dict.
        metric: its key of `metrics.THRESHOLDS`.
    """
    key = f"{metric}@{metrics.THRESHOLDS[metric]}"
    titles = [*metrics.COLUMNS, "mean_14", "pooled_14", "pooled_16", "auc"]
    width = max(12, *(len(name) for name in rows))
    lines = [f"{key:<{width}} " + " ".join(f"{title:>9}" for title in titles)]
    lines += [f"{name:<{width}} " + " ".join(_cell(row[key][title]) for title in titles) for name, row in rows.items()]
    for seen in ("visible", "occluded"):
        lines += [
            f"{seen}: {name:<{width}} " + " ".join(f"{joint} {_cell(row[seen][joint])}" for joint in row[seen])
            for name, row in rows.items()
        ]
    return "\n".join(lines)


def _cell(value):
    return f"{'-':>9}" if value is None else f"{value:9.2f}"


def evaluate(workdir, records=None, flip=False, baseline=False, batch_size=16):
    """Scores a run's best weights.

    Returns:
        `(rows, metric)`: `metrics.score`'s dict by name, and the metric that suits the records.
    """
    config, estimator = configuration.load(workdir), inference.from_workdir(workdir, flip)
    paths = dataset.find(records or config.data.validation_records)
    metric = dataset.describe(paths)["metric"]
    found = collect(paths, config.model.crop_size, batch_size, tf.function(estimator.joints_in_crop))
    rows = {"G": score(found, metric)}
    if baseline:
        seen = collect(dataset.find(config.data.train_records), config.model.crop_size, batch_size)
        guess = np.broadcast_to(mean_pose(seen), found["true"].shape)
        rows["mean pose"] = score({**found, "predicted": guess}, metric)
    return rows, metric


def draw_sheet(workdir, records, flip, people):
    """The first people of the records, each twice: the annotated joints, then the predicted ones.

    Returns:
        [H, W, 3] uint8 RGB.
    """
    config, estimator = configuration.load(workdir), inference.from_workdir(workdir, flip)
    paths = dataset.find(records or config.data.validation_records)
    example = next(examples(paths, config.model.crop_size, people))
    found = {name: values.numpy() for name, values in estimator.joints_in_crop(example["crop"]).items()}
    truth = {name: values.numpy() for name, values in example.items()}
    pictures = []
    for n, crop in enumerate(truth["crop"]):
        image, (joints, drawn) = drawing.enlarged(
            np.uint8(crop * 255), SHEET_SIDE, truth["true"][n], found["joints"][n]
        )
        annotated = truth["annotated"][n]
        pictures.append(drawing.draw_pose(image, joints, ~truth["visible"][n], annotated))
        occluded = found["occluded"][n] if "occluded" in found else None
        pictures.append(visualize.draw_prediction(image, drawn, occluded))
    return drawing.contact_sheet(pictures, 2 * SHEET_COLUMNS, SHEET_SIDE)


def define_flags():
    """The program's flags."""
    flags.DEFINE_string("workdir", None, "the run to score", required=True)
    flags.DEFINE_string("records", None, "glob of the shards to score on; the run's validation shards by default")
    flags.DEFINE_bool("flip", False, "average with the mirrored crop's heatmaps")
    flags.DEFINE_bool("baseline", False, "score the mean pose of the run's training people too")
    flags.DEFINE_integer("batch_size", 16, "people in a batch", lower_bound=1)
    flags.DEFINE_string("sheet", None, "a PNG file to draw the first people to, truth beside prediction")
    flags.DEFINE_string("json", None, "a file to write the scores to")


def main(values):
    """Scores, prints, draws and writes."""
    rows, metric = evaluate(values.workdir, values.records, values.flip, values.baseline, values.batch_size)
    print(f"{rows['G']['people']} people")
    print(table(rows, metric))
    if values.sheet:
        sheet = draw_sheet(values.workdir, values.records, values.flip, SHEET_PEOPLE)
        drawing.write_picture(values.sheet, sheet)
    if values.json:
        write_json(values.json, {**rows.pop("G"), **{name.replace(" ", "_"): row for name, row in rows.items()}})


if __name__ == "__main__":
    program.run(main, define_flags)
