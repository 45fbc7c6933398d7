"""Predictions of records' people beside their truth, and everything that is scored of them."""

import collections
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline import geometry
from data_pipeline.augmentation import augment
from data_pipeline.records import dataset, integrity
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.evaluation import coco
from keras_apn.inference import test_time_augmentation
from keras_apn.metrics import average_precision, normalisers, oks, pck, plausibility, reliability

# Of scores that joints are right: head sizes, or what counts as such in other units, as p_fake has it.
DELTA = 0.5


def examples(
    paths: Sequence[str],
    crop_size: int,
    batch_size: int,
    scales: tuple[float, ...] = test_time_augmentation.ONE_SCALE,
    skeleton: Skeleton = MPII16,
) -> Iterator[dict[str, Any]]:
    """Unaugmented crops of records with their truth, in the records' order.

    Args:
        paths: shards.
        crop_size: side of the crops in pixels.
        batch_size: people in a batch.
        scales: of the `views`.
        skeleton: whose J joints they must hold.

    Yields:
        Dicts of tensors: `crop` [B, S, S, 3] within 0 and 1, `true` [B, J, 2] and `head_size` [B] in crop pixels,
        `annotated` and `visible` [B, J], `occlusion_known` [B], `image` [B] string, `person_index` [B] and
        `crop_to_image` [B, 2, 3]; and
        `views`, a list of crops, one a scale, cut from the patches.

    Raises:
        UserError: they cannot be read, or hold other joints.
    """
    described = dataset.describe(paths)
    dataset.tell_enlarged(described["patch_size"], crop_size)
    dataset.require_skeleton(described, skeleton)
    segments = integrity.survey(described["shards"], tolerated=0.0)
    load = {"patch_size": described["patch_size"], "batch_size": batch_size, "skeleton": skeleton}
    for batch in dataset.load(segments, names=True, **load):
        plain = augment.identity(tf.shape(batch["patch"])[0])
        example = augment.make_crops(batch, plain, crop_size, skeleton)
        views = [
            example["crop"]
            if scale == 1.0
            else augment.make_crops(batch, {**plain, "scale": scale * plain["scale"]}, crop_size, skeleton)["crop"]
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
            "crop_to_image": _composed(batch["patch_to_image"], example["crop_to_patch"]),
        }


def _composed(second, first):
    """One [B, 2, 3] map behind another as one."""
    linear = second[..., :2]
    return tf.concat([linear @ first[..., :2], linear @ first[..., 2:] + second[..., 2:]], axis=-1)


def collect(
    paths: Sequence[str],
    crop_size: int,
    batch_size: int,
    estimator: Any = None,
    crops: bool = False,
    skeleton: Skeleton | None = None,
) -> dict[str, np.ndarray]:
    """Runs over records once.

    Args:
        paths, crop_size, batch_size: as for `examples`.
        estimator: a `PoseEstimator` or an `ExportedEstimator`; None to collect the truth alone.
        crops: whether to keep the crops too.
        skeleton: whose joints the records must hold; None for the estimator's.

    Returns:
        A dict of arrays over all N people: `true`, `head_size`, `annotated`, `visible`, `occlusion_known`, `image`
        (object array of str), `person_index` and `crop_to_image` as `examples` yields them; with an estimator
        `predicted` [N, J, 2] in crop pixels, `scores` [N, J] and, unless single-task, `occluded` [N, J]; with `crops`,
        `crop` [N, S, S, 3] uint8.
    """
    found = collections.defaultdict(list)
    scales = estimator.scales if estimator else test_time_augmentation.ONE_SCALE
    skeleton = skeleton or (estimator.skeleton if estimator else MPII16)
    for example in examples(paths, crop_size, batch_size, scales, skeleton):
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


def score(
    found: dict[str, np.ndarray],
    metric: str,
    ranges: plausibility.Ranges | None = None,
    skeleton: Skeleton = MPII16,
) -> dict[str, Any]:
    """Everything that a table or a report shows of one predictor.

    Args:
        found: a dict of `predicted` and `true` [N, J, 2] in one frame, `head_size` [N] in its pixels, `annotated`
            [N, J]; `visible` [N, J] and `occluded` [N, J], None or missing where not known; `occlusion_known` [N],
            whose `visible` counts, everybody's if missing.
        metric: a key of `pck.THRESHOLDS`.
        ranges: the `plausibility.Ranges` of training poses, None where there are none.
        skeleton: whose joints they are.

    Returns:
        A dict that goes into JSON: what `pck.score` gives; `error_head_sizes` with `mean` and `median`, in the
        skeleton's unit; `occlusion_ap` as `average_precision.occlusion` and `implausible` as `plausibility.shares` give
        them, or None; `right`, what `reliability.score` gives of the `peak`'s height and of P's `plausible`, as far as
        `found` has them, for joints within p_fake's `DELTA`; and of a skeleton with sigmas `oks`, the people's mean
        similarity, and `coco`, what `coco.of_people` gives, None where `found` does not say where the crops are.
    """
    predicted, true, annotated = found["predicted"], found["true"], found["annotated"]
    size = found["head_size"]
    in_head_sizes = pck.distances(predicted, true, size, annotated)
    unit = normalisers.normaliser(metric, size, true, annotated, skeleton)
    normalised = pck.distances(predicted, true, unit, annotated)
    visible, known = found.get("visible"), found.get("occlusion_known")
    left = ranges and plausibility.shares(ranges, predicted, true, size, annotated)
    of_coco: dict[str, Any] = {}
    if skeleton.sigmas:
        each = oks.similarity(predicted, true, size, annotated, skeleton)
        of_coco["oks"] = float(np.nanmean(each)) if np.isfinite(each).any() else None
        of_coco["coco"] = coco.of_people(found, skeleton) if "crop_to_image" in found else None
    return {
        **pck.score(normalised, visible, metric, known, skeleton),
        "error_head_sizes": pck.errors(in_head_sizes, skeleton),
        "occlusion_ap": average_precision.occlusion(found.get("occluded"), visible, annotated, known, skeleton),
        "implausible": left,
        "right": _right(found, in_head_sizes / skeleton.tolerances),
        **of_coco,
    }


def _right(found, distances):
    """How well each kind of score tells right joints from wrong ones."""
    annotated = found["annotated"].astype(bool)
    right = np.nan_to_num(distances[annotated], nan=np.inf) < DELTA
    scores = {key: found.get(name) for key, name in (("peak", "scores"), ("plausible", "plausible"))}
    return {key: reliability.score(np.asarray(of)[annotated], right) for key, of in scores.items() if of is not None}


def mean_pose(found: dict[str, np.ndarray]) -> np.ndarray:
    """The mean of the annotated true joints, [J, 2] crop pixels: what one can say without looking."""
    weights = found["annotated"][..., None].astype(np.float64)
    return (found["true"] * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1.0)


def guessed(found: dict[str, np.ndarray], pose: np.ndarray) -> dict[str, Any]:
    """What `score` takes of one pose, [J, 2] crop pixels, that is guessed for everybody and says nothing else."""
    unsaid = dict.fromkeys(("occluded", "scores", "plausible"))
    return {**found, **unsaid, "predicted": np.broadcast_to(pose, found["true"].shape)}
