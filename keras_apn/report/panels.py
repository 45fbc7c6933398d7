"""Pictures of a report as data URIs: truth beside predictions, and the heatmaps of occluded joints (Figure 8)."""

import base64
import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import cv2
import matplotlib
import numpy as np
import tensorflow as tf

from data_pipeline import drawing
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.evaluation import scoring
from keras_apn.inference import visualization
from keras_apn.report import plots
from keras_apn.report.runs import Run

SIDE, JPEG_QUALITY = 192, 86
# Of an occluded person's joints the panels show so many, those first that are hardest to guess.
MOST_JOINTS = 4
HARD = ("wrist", "elbow", "ankle", "knee", "hip", "shoulder", "head")
COLOURS = "inferno"


@dataclasses.dataclass(frozen=True, eq=False)
class Tile:
    """A picture of the page.

    Attributes:
        source: data URI.
        caption: the line under it.
        alt: what it shows, for who does not see it.
    """

    source: str
    caption: str
    alt: str


def jpeg(image: np.ndarray) -> str:
    """[H, W, 3] uint8 RGB as a data URI."""
    encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def crops_of(
    paths: Sequence[str],
    crop_size: int,
    people: Collection[int],
    batch_size: int = 16,
    skeleton: Skeleton = MPII16,
) -> dict[int, np.ndarray]:
    """Unaugmented crops of some of the people of records.

    Args:
        paths, crop_size, batch_size, skeleton: as for `scoring.examples`.
        people: their numbers in the records' order.

    Returns:
        A dict of number to [S, S, 3] float32 within 0 and 1.
    """
    wanted, found, first = set(people), {}, 0
    for example in scoring.examples(paths, crop_size, batch_size, skeleton=skeleton):
        count = len(example["true"])
        for n in sorted(wanted & set(range(first, first + count))):
            found[n] = example["crop"][n - first].numpy()
        first += count
        if len(found) == len(wanted):
            break
    return found


def truth(run: Run, crop: np.ndarray, n: int) -> Tile:
    """Person `n` of a `runs.Run` as annotated."""
    found = run.found
    picture, (joints,) = drawing.enlarged(_bytes(crop), SIDE, found["true"][n])
    hidden = _hidden(found, n)
    drawn = drawing.draw_pose(picture, joints, hidden, found["annotated"][n], run.skeleton)
    if not found["occlusion_known"][n]:
        told = f"The annotated pose of {_who(found, n)}; which joints are hidden is not known."
        return Tile(jpeg(drawn), "truth, occlusion not known", told)
    return Tile(jpeg(drawn), "truth", f"The annotated pose of {_who(found, n)}; {hidden.sum()} joints are hidden.")


def prediction(run: Run, crop: np.ndarray, n: int, threshold: float, named: bool = True) -> Tile:
    """Person `n` as a `runs.Run` predicts it, with how many of the joints it finds; `named` tells whose it is."""
    found, away = run.found, run.normalised[n]
    picture, (joints,) = drawing.enlarged(_bytes(crop), SIDE, found["predicted"][n])
    hidden = found["occluded"][n] if "occluded" in found else None
    drawn = visualization.draw_prediction(picture, joints, hidden, run.skeleton)
    counted = [i for i in run.skeleton.counted if not np.isnan(away[i])]
    wrong = [run.skeleton.joints[i].replace("_", " ") for i in counted if away[i] > threshold]
    score = f"{len(counted) - len(wrong)} of {len(counted)}"
    told = f" Missed: {', '.join(wrong)}." if wrong else ""
    caption = f"{run.name}: {score}" if named else f"finds {score}"
    return Tile(jpeg(drawn), caption, f"{run.name}'s pose of {_who(found, n)}: {score} joints found.{told}")


def _who(found, n):
    return f"{found['image'][n]}, person {found['person_index'][n]}"


def _hidden(found, n):
    """(J,) bool, the joints of person `n` that are known to be hidden."""
    return found["annotated"][n] & ~found["visible"][n] & found["occlusion_known"][n]


def hidden_joints(run: Run, n: int) -> list[int]:
    """The joints of person `n` whose heatmaps are shown: occluded, within the crop, at most `MOST_JOINTS`."""
    found, true = run.found, run.found["true"][n]
    within = ((true >= -0.5) & (true < run.estimator.crop_size - 0.5)).all(axis=-1)
    hidden = _hidden(found, n) & within
    return [i for i in _hardest_first(run.skeleton) if hidden[i]][:MOST_JOINTS]


def _hardest_first(skeleton):
    """The joints of the columns, people's hardest to guess first."""
    columns = [name for name in HARD if name in skeleton.columns]
    columns += [name for name in skeleton.columns if name not in HARD]
    return list(dict.fromkeys(n for name in columns for n in skeleton.columns[name]))


def figure8(run: Run, crop: np.ndarray, n: int, threshold: float) -> dict[str, Any]:
    """What G, P and C of a run make of one person with occluded joints.

    Args:
        run: a `runs.Run`.
        crop: [S, S, 3] float32 within 0 and 1, of its crop size.
        n: the person's number.
        threshold: of the metric, in its unit.

    Returns:
        A dict: `name`; `prediction`, a `Tile`; `pose` and `occlusion`, `Tile`s of the joints of `hidden_joints`,
        `occlusion` None in single-task mode; `verdicts`, a plot of P's and C's outputs as a `Tile`, or None where the
        run has no P and C.
    """
    maps = {task: values[0].numpy() for task, values in run.estimator.heatmaps(tf.constant(crop[None])).items()}
    shown = hidden_joints(run, n)
    tiles = {task: [_heatmap(run, crop, n, i, task, maps[task][..., i]) for i in shown] for task in maps}
    return {
        "name": run.name,
        "prediction": prediction(run, crop, n, threshold),
        "pose": tiles["pose"],
        "occlusion": tiles.get("occlusion"),
        "verdicts": _verdicts(run, n, threshold) if run.judge else None,
    }


def _heatmap(run, crop, n, joint, task, heatmap):
    """One heatmap over the darkened crop, with a cross where the joint is and a ring where it is predicted."""
    picture, (true, found) = drawing.enlarged(
        _bytes(crop), SIDE, run.found["true"][n, joint], run.found["predicted"][n, joint]
    )
    grey = 0.45 * cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].repeat(3, axis=-1)
    value = np.clip(cv2.resize(heatmap, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), 0.0, 1.0)
    # The root shows weak answers too.
    strength = np.sqrt(value)[..., None]
    colours = 255 * matplotlib.colormaps[COLOURS](0.25 + 0.75 * value)[..., :3]
    drawn = np.uint8(np.clip((1 - strength) * grey + strength * colours, 0, 255))
    cv2.drawMarker(drawn, _pixel(true), (0, 0, 0), cv2.MARKER_CROSS, 15, 4)
    cv2.drawMarker(drawn, _pixel(true), (255, 255, 255), cv2.MARKER_CROSS, 13, 1, cv2.LINE_AA)
    cv2.circle(drawn, _pixel(found), 8, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.circle(drawn, _pixel(found), 8, drawing.LEFT, 1, cv2.LINE_AA)
    name, peak = run.skeleton.joints[joint].replace("_", " "), float(heatmap.max())
    return Tile(jpeg(drawn), f"{name}: {peak:.2f}", f"{run.name}'s {task} heatmap of the {name}, highest {peak:.2f}.")


def _verdicts(run, n, threshold):
    found, away = run.found, run.normalised[n]
    said = {who: found[name][n] for who, name in (("P", "plausible"), ("C", "confident")) if name in found}
    plot = plots.verdicts(said, away <= threshold, ~np.isnan(away), _hidden(found, n), run.skeleton.joints)
    told = "; ".join(
        f"{name.replace('_', ' ')}: {', '.join(f'{who} {each[i]:.2f}' for who, each in said.items())}"
        for i, name in enumerate(run.skeleton.joints)
    )
    title = " and ".join(said)
    return Tile(plot, title, f"What {title} of {run.name} say. {told}.")


def _bytes(crop):
    return np.uint8(np.round(255 * crop))


def _pixel(point):
    # Far outside is still outside.
    return tuple(round(float(v)) for v in np.clip(point, -SIDE, 2 * SIDE))
