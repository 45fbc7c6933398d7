"""Predictions of records' people beside their truth, and everything that is scored of them."""

import collections
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.augmentation import augment
from data_pipeline.records import dataset, integrity
from keras_apn.inference import test_time_augmentation
from keras_apn.metrics import average_precision, pck, plausibility


def examples(
    paths: Sequence[str], crop_size: int, batch_size: int, scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE
) -> Iterator[dict[str, Any]]:
    """Unaugmented crops of records with their truth, in the records' order.

    Args:
        paths: shards.
        crop_size: side of the crops in pixels.
        batch_size: people in a batch.
        scales: of the `views`.

    Yields:
        Dicts of tensors: `crop` [B, S, S, 3] within 0 and 1, `true` [B, 16, 2] and `head_size` [B] in crop pixels,
        `annotated` and `visible` [B, 16], `occlusion_known` [B], `image` [B] string and `person_index` [B]; and
        `views`, a list of crops, one a scale, cut from the patches.
    """
    described = dataset.describe(paths)
    segments = integrity.survey(described["shards"], tolerated=0.0)
    for batch in dataset.load(segments, patch_size=described["patch_size"], batch_size=batch_size, names=True):
        plain = augment.identity(tf.shape(batch["patch"])[0])
        example = augment.make_crops(batch, plain, crop_size)
        views = [
            example["crop"]
            if scale == 1.0
            else augment.make_crops(batch, {**plain, "scale": scale * plain["scale"]}, crop_size)["crop"]
            for scale in scales
        ]
        yield {
            "crop": example["crop"],
            "views": views,
            "true": geometry.heatmap_to_crop(example["joints_heatmap"]),
            "head_size": example["head_size_heatmap"] * geometry.STRIDE,
            "annotated": example["annotated"],
            "visible": example["visible"],
            "occlusion_known": example["occlusion_known"],
            "image": batch["image"],
            "person_index": batch["person_index"],
        }


def collect(
    paths: Sequence[str], crop_size: int, batch_size: int, estimator: Any = None, crops: bool = False
) -> dict[str, np.ndarray]:
    """Runs over records once.

    Args:
        paths, crop_size, batch_size: as for `examples`.
        estimator: a `PoseEstimator` or an `ExportedEstimator`; None to collect the truth alone.
        crops: whether to keep the crops too.

    Returns:
        A dict of arrays over all N people: `true`, `head_size`, `annotated`, `visible`, `occlusion_known`, `image`
        (object array of str) and `person_index` as `examples` yields them; with an estimator `predicted` [N, 16, 2] in
        crop pixels, `scores` [N, 16] and, unless single-task, `occluded` [N, 16]; with `crops`, `crop` [N, S, S, 3]
        uint8.
    """
    found = collections.defaultdict(list)
    scales = estimator.scales if estimator else test_time_augmentation.ONE_SCALE
    for example in examples(paths, crop_size, batch_size, scales):
        views, crop = example.pop("views"), example.pop("crop")
        if crops:
            example["crop"] = tf.cast(tf.round(crop * 255.0), tf.uint8)
        if estimator:
            answer = estimator.joints_in_crop(views if len(views) > 1 else views[0])
            example["predicted"] = answer.pop("joints")
            example.update(answer)
        for name, values in example.items():
            found[name].append(values.numpy())
    arrays = {name: np.concatenate(parts) for name, parts in found.items()}
    return {**arrays, "image": np.array([name.decode() for name in arrays["image"]], object)}


def score(found: dict[str, np.ndarray], metric: str, ranges: plausibility.Ranges | None = None) -> dict[str, Any]:
    """Everything that a table or a report shows of one predictor.

    Args:
        found: a dict of `predicted` and `true` [N, 16, 2] in one frame, `head_size` [N] in its pixels, `annotated`
            [N, 16]; `visible` [N, 16] and `occluded` [N, 16], None or missing where not known; `occlusion_known` [N],
            whose `visible` counts, everybody's if missing.
        metric: a key of `pck.THRESHOLDS`.
        ranges: the `plausibility.Ranges` of training poses, None where there are none.

    Returns:
        A dict that goes into JSON: what `pck.score` gives; `error_head_sizes` with `mean` and `median`;
        `occlusion_ap` as `average_precision.occlusion` and `implausible` as `plausibility.shares` give them, or None.
    """
    predicted, true, annotated = found["predicted"], found["true"], found["annotated"]
    in_head_sizes = pck.distances(predicted, true, found["head_size"], annotated)
    normalised = in_head_sizes
    if metric == "pck":
        normalised = pck.distances(predicted, true, pck.torso_size(true, annotated), annotated)
    visible, known = found.get("visible"), found.get("occlusion_known")
    left = ranges and plausibility.shares(ranges, predicted, true, found["head_size"], annotated)
    return {
        **pck.score(normalised, visible, metric, known),
        "error_head_sizes": pck.errors(in_head_sizes),
        "occlusion_ap": average_precision.occlusion(found.get("occluded"), visible, annotated, known),
        "implausible": left,
    }


def mean_pose(found: dict[str, np.ndarray]) -> np.ndarray:
    """The mean of the annotated true joints, [16, 2] crop pixels: what one can say without looking."""
    weights = found["annotated"][..., None].astype(np.float64)
    return (found["true"] * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1.0)
