"""Whether a pose could be a person's: limb lengths and left-right symmetry against those of true poses.

The paper claims that its method's failures look more like people. Here that is the share of predictions with a limb's
length, or a pair of limbs' symmetry, outside the range that 99 % of the training poses keep.

Measured are the trunk (pelvis to thorax), thighs, shins, upper arms and forearms. Lengths are in head sizes of the
truth, and the same limb of both sides has one range. Symmetry is |log(left / right)|. Other limbs are left out: neck to
head top is 4/3 head sizes on MPII whatever the pose, since both ends lie on the head box; neck, half hips and half
shoulders are hardly longer than a heatmap's pixel.

The ranges hold 99 % of the training poses *jointly* (with 99 % each, one true pose in ten would leave one of them). A
measure is as rare as the share of training poses that go as far in it, a pose as its rarest measure; the ranges are
those of the 99 % that are not the rarest. Of a few thousand poses or fewer, whose outermost ones are all equally rare,
it may be more than 99 %.
"""

import dataclasses
import glob
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.records import framing, record_format
from data_pipeline.skeleton import INDEX, MIRROR
from keras_apn.config import Config

KEPT = 0.99
# Added to both lengths of a ratio, head sizes: a limb seen end-on has no length to speak of.
SHORTEST = 0.1

LIMBS = (
    ("pelvis", "thorax"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
)
# The ends of each limb and of its mirror image; the trunk is its own.
ENDS = np.array([[[INDEX[a], INDEX[b]], [MIRROR[INDEX[a]], MIRROR[INDEX[b]]]] for a, b in LIMBS])
TRUNK = 1


@dataclasses.dataclass(frozen=True, eq=False)
class Ranges:
    """What is found in people.

    Attributes:
        shortest, longest: (5,) of the limbs of `LIMBS`, head sizes.
        asymmetry: (4,) greatest |log(left / right)| of all but the trunk.
    """

    shortest: np.ndarray
    longest: np.ndarray
    asymmetry: np.ndarray


def measure(joints: np.ndarray, head_size: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and asymmetries of poses.

    Args:
        joints: [N, 16, 2] in one frame.
        head_size: [N] in the same frame's pixels.
        known: [N, 16] bool; a limb counts if both of its ends are known.

    Returns:
        `(length, asymmetry)`: [N, 5, 2] head sizes of the limbs of `LIMBS`, left and right, and [N, 4] of all but the
        trunk; NaN where not known.
    """
    joints, head_size = np.asarray(joints, np.float64), np.asarray(head_size, np.float64)
    pixels = np.linalg.norm(joints[:, ENDS[..., 0]] - joints[:, ENDS[..., 1]], axis=-1)
    counted = known[:, ENDS].all(axis=-1) & (head_size > 0)[:, None, None]
    length = np.where(counted, pixels / np.maximum(head_size, 1e-9)[:, None, None], np.nan)
    sides = np.log(length[:, TRUNK:] + SHORTEST)
    return length, np.abs(sides[..., 0] - sides[..., 1])


def fit(joints: np.ndarray, head_size: np.ndarray, known: np.ndarray) -> Ranges:
    """The `Ranges` that `KEPT` of the poses keep jointly; arguments as for `measure`."""
    length, asymmetry = measure(joints, head_size, known)
    # Each column grows toward what is rare: shorter limbs, longer limbs, less symmetric ones.
    left, right = length[..., 0], length[..., 1]
    columns = np.concatenate([-np.fmin(left, right), np.fmax(left, right), asymmetry], axis=1)
    rarity = np.min([_share_as_far(column) for column in columns.T], axis=0)
    kept = columns[rarity >= np.quantile(rarity, 1 - KEPT, method="lower")]
    limits = np.where(np.isnan(kept), -np.inf, kept).max(axis=0)
    limits[np.isneginf(limits)] = np.inf  # Nothing is known of it, so nothing leaves it.
    shortest, longest, asymmetric = np.split(limits, [len(LIMBS), 2 * len(LIMBS)])
    return Ranges(-shortest, longest, asymmetric)


def _share_as_far(column):
    """The share of a column's values that are as large as each; 1 where it is not known."""
    known = np.sort(column[~np.isnan(column)])
    as_far = len(known) - np.searchsorted(known, column, side="left")
    return np.where(np.isnan(column), 1.0, as_far / max(len(known), 1))


def leave(ranges: Ranges, joints: np.ndarray, head_size: np.ndarray, known: np.ndarray) -> dict[str, np.ndarray]:
    """Which poses leave the ranges.

    Args:
        ranges: a `Ranges`.
        joints, head_size, known: as for `measure`.

    Returns:
        A dict of [N] bool: `limbs` and `symmetry`, by which they do, and `either`.
    """
    length, asymmetry = measure(joints, head_size, known)
    short = (length < ranges.shortest[:, None]).any(axis=(1, 2))
    found: dict[str, Any] = {
        "limbs": short | (length > ranges.longest[:, None]).any(axis=(1, 2)),
        "symmetry": (asymmetry > ranges.asymmetry).any(axis=1),
    }
    return {**found, "either": found["limbs"] | found["symmetry"]}


def shares(
    ranges: Ranges, predicted: np.ndarray, true: np.ndarray, head_size: np.ndarray, annotated: np.ndarray
) -> dict[str, float | None]:
    """How many predictions could not be people's, for JSON.

    Only limbs whose ends are annotated are judged: where a joint is out of the picture, no answer is right.

    Args:
        ranges: a `Ranges`.
        predicted, true: [N, 16, 2] in one frame.
        head_size: [N] in its pixels.
        annotated: [N, 16] bool.

    Returns:
        Percents of the poses: `limbs`, `symmetry`, `either`, and `truth`, what `either` is of the true poses (about 1
        if they are like those that the ranges are of). None where there is no pose.
    """
    if not len(predicted):
        return dict.fromkeys(("limbs", "symmetry", "either", "truth"))
    found = leave(ranges, predicted, head_size, annotated)
    truth = leave(ranges, true, head_size, annotated)["either"]
    return {name: float(100.0 * np.mean(left)) for name, left in {**found, "truth": truth}.items()}


def of_records(paths: Sequence[str]) -> Ranges:
    """The `Ranges` of the true poses in shards; no picture is decoded, and damaged records are left out.

    Raises:
        UserError: a shard cannot be read, or there is no record.
    """
    names = ("joints/patch", "joints/annotated", "head_size", "patch/to_image")
    features, parts = {name: record_format.FEATURES[name] for name in names}, []
    for path in paths:
        try:
            serialized = [frame.record for frame in framing.read(path) if frame.intact]
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); build the records again") from error
        if serialized:
            found = tf.io.parse_example(tf.constant(serialized), features)
            parts.append([found[name].numpy() for name in names])
    if not parts:
        raise UserError(f"{paths[0]} and its like hold no whole record; build the training records again")
    joints, annotated, head_size, to_image = (np.concatenate(part) for part in zip(*parts, strict=True))
    return fit(joints, head_size / to_image[:, 0, 0], annotated == 1)


def of_training(config: Config) -> Ranges | None:
    """The `Ranges` of the training people of a run's `config.Config`; None where their records are not here."""
    paths = sorted(glob.glob(config.data.train_records))
    return of_records(paths) if paths else None
