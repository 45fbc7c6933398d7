"""Scores a run: `python -m keras_apn.evaluate --workdir=runs/mpii`.

Prints the columns of the paper's tables. `--baseline` adds the mean pose of the training people to the table.
"""

from data_pipeline import program  # isort: skip  It quiets TensorFlow, so it comes before.

import numpy as np
import tensorflow as tf
from absl import flags

from data_pipeline import augment, dataset, geometry
from data_pipeline.files import write_json
from keras_apn import config as configuration
from keras_apn import inference, metrics

WORKDIR = flags.DEFINE_string("workdir", None, "the run to score", required=True)
RECORDS = flags.DEFINE_string("records", None, "glob of the shards to score on; the run's validation shards by default")
FLIP = flags.DEFINE_bool("flip", False, "average with the mirrored crop's heatmaps")
BASELINE = flags.DEFINE_bool("baseline", False, "score the mean pose of the run's training people too")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 16, "people in a batch", lower_bound=1)
JSON = flags.DEFINE_string("json", None, "a file to write the scores to")


def collect(paths, crop_size, batch_size, predict=None):
    """Runs over records once.

    Args:
        paths: shards.
        crop_size: side of the crops in pixels.
        batch_size: people in a batch.
        predict: crops to joints in crop pixels, or None to collect the truth alone.

    Returns:
        A dict of arrays over all people, in the records' order: `predicted` and `true` [N, 16, 2] in crop pixels of
        the unaugmented crop, `annotated` and `visible` [N, 16], `head_size` [N] in crop pixels.
    """
    description = dataset.describe(paths)
    found = {"predicted": [], "true": [], "annotated": [], "visible": [], "head_size": []}
    for batch in dataset.load(paths, patch_size=description["patch_size"], batch_size=batch_size):
        example = augment.make_crops(batch, augment.identity(tf.shape(batch["patch"])[0]), crop_size)
        true = geometry.heatmap_to_crop(example["joints_heatmap"])
        found["predicted"].append((predict(example["crop"]) if predict else true).numpy())
        found["true"].append(true.numpy())
        found["annotated"].append(example["annotated"].numpy())
        found["visible"].append(example["visible"].numpy())
        found["head_size"].append(example["head_size_heatmap"].numpy() * geometry.STRIDE)
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
    predict = tf.function(lambda crops: estimator.joints_in_crop(crops)["joints"])
    found = collect(paths, config.model.crop_size, batch_size, predict)
    rows = {"G": score(found, metric)}
    if baseline:
        seen = collect(dataset.find(config.data.train_records), config.model.crop_size, batch_size)
        guess = np.broadcast_to(mean_pose(seen), found["true"].shape)
        rows["mean pose"] = score({**found, "predicted": guess}, metric)
    return rows, metric


def main():
    """Scores, prints and writes."""
    rows, metric = evaluate(WORKDIR.value, RECORDS.value, FLIP.value, BASELINE.value, BATCH_SIZE.value)
    print(f"{rows['G']['people']} people")
    print(table(rows, metric))
    if JSON.value:
        write_json(JSON.value, {**rows.pop("G"), **{name.replace(" ", "_"): row for name, row in rows.items()}})


if __name__ == "__main__":
    program.run(main)
