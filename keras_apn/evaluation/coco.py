"""COCO's average precision and recall of keypoints, by pycocotools: of its own files, and of people of records."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline import geometry
from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from data_pipeline.skeleton import Skeleton

# What COCOeval's ten numbers are called.
STATS = ("AP", "AP50", "AP75", "AP medium", "AP large", "AR", "AR50", "AR75", "AR medium", "AR large")
PERSON = 1
LABELLED, SEEN = 1, 2


def score(truth: dict[str, Any], results: list[dict[str, Any]], skeleton: Skeleton) -> dict[str, float | None]:
    """What pycocotools says of results.

    Args:
        truth: a dict as COCO's keypoint annotation files hold.
        results: dicts as its result files hold: `image_id`, `category_id`, `keypoints`, `score`.
        skeleton: one with sigmas, whose joints both have.

    Returns:
        Percent by the names of `STATS`; None where nothing counts, which pycocotools says as -1.

    Raises:
        UserError: they are not of one form, or the skeleton has no sigmas.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    if skeleton.sigmas is None:
        raise UserError(f"COCO's similarity needs a skeleton whose `unit` is `oks`; that of {skeleton.name} is not")
    if not results:
        return dict.fromkeys(STATS, 0.0)
    try:
        if any(len(person["keypoints"]) != 3 * len(skeleton) for person in results):
            raise ValueError(f"keypoints of other than {len(skeleton)} joints")
        with contextlib.redirect_stdout(io.StringIO()):
            known = COCO()
            known.dataset = truth
            known.createIndex()
            evaluation = COCOeval(known, known.loadRes(results), "keypoints")
            evaluation.params.kpt_oks_sigmas = np.array(skeleton.sigmas)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
    except (AssertionError, KeyError, ValueError, TypeError, IndexError) as error:
        raise UserError(
            f"The predictions and the truth are not of one form ({type(error).__name__}: {error}); predictions must be "
            f"a list of image_id, category_id, keypoints of {len(skeleton)} joints and score, of the truth's images"
        ) from error
    return {
        name: 100.0 * float(value) if value >= 0 else None for name, value in zip(STATS, evaluation.stats, strict=True)
    }


def score_files(predictions: StrPath, truth: StrPath, skeleton: Skeleton) -> dict[str, Any]:
    """`score` of a result file and an annotation file; raises what it does, and where a file cannot be read."""
    results = json_file.read(predictions, list[dict[str, Any]], way="it must be a list of COCO's results")
    known = json_file.read(truth, dict[str, Any], way="it must be one of COCO's annotation files")
    if not {"images", "annotations", "categories"} <= set(known):
        raise UserError(f"{truth} must hold `images`, `annotations` and `categories`, as COCO's files do")
    people = sum(annotation.get("num_keypoints", 1) > 0 for annotation in known["annotations"])
    return {"people": people, "coco": score(known, results, skeleton)}


def of_people(found: dict[str, np.ndarray], skeleton: Skeleton) -> dict[str, float | None]:
    """`score` of records' people, each found in the crop around them.

    Args:
        found: of `scoring.collect`, with an estimator.
        skeleton: one with sigmas.
    """
    true, predicted = (
        np.stack([geometry.apply(to, points) for to, points in zip(found["crop_to_image"], found[name], strict=True)])
        for name in ("true", "predicted")
    )
    pixels = found["crop_to_image"][:, 0, 0]
    # A crop that was mirrored or turned is no more than that; here none is.
    truth, results = _as_files(found, true, predicted, found["head_size"] * pixels)
    return score(truth, results, skeleton)


def _as_files(found, true, predicted, size):
    """`(truth, results)` of people as COCO's files hold them; true and predicted joints in image pixels."""
    images = {name: n + 1 for n, name in enumerate(dict.fromkeys(found["image"]))}
    annotations, results = [], []
    for n, name in enumerate(found["image"]):
        annotated = found["annotated"][n]
        flags = np.where(annotated, np.where(found["visible"][n], SEEN, LABELLED), 0)
        person = {"image_id": images[name], "category_id": PERSON}
        known = true[n][annotated] if annotated.any() else np.zeros((1, 2))
        low, extent = known.min(0), np.ptp(known, axis=0)
        annotations.append(
            person
            | {
                "id": n + 1,
                "iscrowd": 0,
                "area": float(size[n]) ** 2,
                "bbox": [*low.tolist(), *extent.tolist()],
                "num_keypoints": int(annotated.sum()),
                "keypoints": keypoints(np.where(annotated[:, None], true[n], 0), flags),
            }
        )
        scores = np.ones(len(annotated)) if found.get("scores") is None else found["scores"][n]
        results.append(person | {"keypoints": keypoints(predicted[n], scores), "score": float(np.mean(scores))})
    truth = {
        "images": [{"id": number, "file_name": str(name)} for name, number in images.items()],
        "annotations": annotations,
        "categories": [{"id": PERSON, "name": "person"}],
    }
    return truth, results


def keypoints(joints: np.ndarray, third: Sequence[float] | np.ndarray) -> list[float]:
    """COCO's flat list of x, y and a third number a joint: a flag of the truth, a score of a result."""
    return np.concatenate([joints, np.asarray(third)[:, None]], axis=1).astype(float).ravel().tolist()


def table(stats: dict[str, float | None]) -> str:
    """The numbers in two lines of text."""
    width = max(map(len, STATS))
    values = ["-" if stats[name] is None else f"{stats[name]:.1f}" for name in STATS]
    return "\n".join(
        title + " ".join(f"{word:>{width}}" for word in words)
        for title, words in (("COCO keypoints ", STATS), (" " * 15, values))
    )
