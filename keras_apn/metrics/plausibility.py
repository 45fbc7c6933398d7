"""Whether a pose could be a person's: limb lengths and left-right symmetry against those of true poses.

The paper claims that its method's failures look more like people. Here that is the share of predictions with a limb's
length, or a pair of limbs' symmetry, outside the range that 99 % of the training poses keep.

Measured are a skeleton's `measured` limbs, of MPII's the trunk (pelvis to thorax), thighs, shins, upper arms and
forearms. Lengths are in the unit of the truth, head sizes, and the same limb of both sides has one range. Symmetry is
|log(left / right)|. Others of MPII's are left out: neck to head top is 4/3 head sizes whatever the pose, since both
ends lie on the head box; neck, half hips and half shoulders are hardly longer than a heatmap's pixel.

The ranges hold 99 % of the training poses *jointly* (with 99 % each, one true pose in ten would leave one of them). A
measure is as rare as the share of training poses that go as far in it, a pose as its rarest measure; the ranges are
those of the 99 % that are not the rarest. Of a few thousand poses or fewer, whose outermost ones are all equally rare,
it may be more than 99 %.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import find_files
from data_pipeline.records import framing, record_format
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.config import Config

KEPT = 0.99
# Added to both lengths of a ratio, head sizes: a limb seen end-on has no length to speak of.
SHORTEST = 0.1


def ends(skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """The L limbs that are measured, one for a pair of mirror images.

    Returns:
        `(ends, paired)`: [L, 2, 2] the joints at the ends of each limb and of its mirror image, which may be itself,
        and [L] bool, whether it is another.
    """
    found, taken = [], set()
    for a, b in skeleton.measured:
        other = skeleton.mirror[a], skeleton.mirror[b]
        if frozenset((a, b)) not in taken:
            taken |= {frozenset((a, b)), frozenset(other)}
            found.append(((a, b), other))
    paired = [set(limb) != set(other) for limb, other in found]
    return np.array(found, np.int64).reshape(-1, 2, 2), np.array(paired, bool)


@dataclasses.dataclass(frozen=True, eq=False)
class Ranges:
    """What is found in people.

    Attributes:
        shortest, longest: (L,) of the limbs of `ends`, head sizes.
        asymmetry: greatest |log(left / right)| of those that are paired.
        skeleton: whose limbs they are.
    """

    shortest: np.ndarray
    longest: np.ndarray
    asymmetry: np.ndarray
    skeleton: Skeleton = MPII16


def measure(
    joints: np.ndarray, head_size: np.ndarray, known: np.ndarray, skeleton: Skeleton = MPII16
) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and asymmetries of poses.

    Args:
        joints: [N, J, 2] in one frame.
        head_size: [N] in the same frame's pixels.
        known: [N, J] bool; a limb counts if both of its ends are known.
        skeleton: whose J joints they are.

    Returns:
        `(length, asymmetry)`: [N, L, 2] head sizes of the limbs of `ends` and their mirror images, and [N, ...] of
        those that are paired; NaN where not known.
    """
    limbs, paired = ends(skeleton)
    joints, head_size = np.asarray(joints, np.float64), np.asarray(head_size, np.float64)
    pixels = np.linalg.norm(joints[:, limbs[..., 0]] - joints[:, limbs[..., 1]], axis=-1)
    counted = known[:, limbs].all(axis=-1) & (head_size > 0)[:, None, None]
    length = np.where(counted, pixels / np.maximum(head_size, 1e-9)[:, None, None], np.nan)
    sides = np.log(length[:, paired] + SHORTEST)
    return length, np.abs(sides[..., 0] - sides[..., 1])


def fit(joints: np.ndarray, head_size: np.ndarray, known: np.ndarray, skeleton: Skeleton = MPII16) -> Ranges:
    """The `Ranges` that `KEPT` of the poses keep jointly; arguments as for `measure`."""
    length, asymmetry = measure(joints, head_size, known, skeleton)
    # Each column grows toward what is rare: shorter limbs, longer limbs, less symmetric ones.
    left, right = length[..., 0], length[..., 1]
    columns = np.concatenate([-np.fmin(left, right), np.fmax(left, right), asymmetry], axis=1)
    rarity = np.min([np.ones(len(columns)), *map(_share_as_far, columns.T)], axis=0)
    kept = columns[rarity >= np.quantile(rarity, 1 - KEPT, method="lower")]
    limits = np.where(np.isnan(kept), -np.inf, kept).max(axis=0)
    limits[np.isneginf(limits)] = np.inf  # Nothing is known of it, so nothing leaves it.
    shortest, longest, asymmetric = np.split(limits, [left.shape[1], 2 * left.shape[1]])
    return Ranges(-shortest, longest, asymmetric, skeleton)


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
    length, asymmetry = measure(joints, head_size, known, ranges.skeleton)
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
        predicted, true: [N, J, 2] in one frame.
        head_size: [N] in its pixels.
        annotated: [N, J] bool.

    Returns:
        Percents of the poses: `limbs`, `symmetry`, `either`, and `truth`, what `either` is of the true poses (about 1
        if they are like those that the ranges are of). None where there is no pose.
    """
    if not len(predicted):
        return dict.fromkeys(("limbs", "symmetry", "either", "truth"))
    found = leave(ranges, predicted, head_size, annotated)
    truth = leave(ranges, true, head_size, annotated)["either"]
    return {name: float(100.0 * np.mean(left)) for name, left in {**found, "truth": truth}.items()}


def of_records(paths: Sequence[str], skeleton: Skeleton = MPII16) -> Ranges:
    """The `Ranges` of the true poses in shards of a skeleton; no picture is decoded, damaged records are left out.

    Raises:
        UserError: a shard cannot be read, or there is no record.
    """
    names = ("joints/patch", "joints/annotated", "head_size", "patch/to_image")
    known = record_format.features(len(skeleton))
    features, parts = {name: known[name] for name in names}, []
    for path in paths:
        try:
            serialized = [frame.record for frame in framing.read(path) if frame.intact]
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); build the records again") from error
        if serialized:
            try:
                found = tf.io.parse_example(tf.constant(serialized), features)
            except tf.errors.InvalidArgumentError as error:
                raise UserError(f"{path} does not hold records of {skeleton.name} ({len(skeleton)} joints)") from error
            parts.append([found[name].numpy() for name in names])
    if not parts:
        raise UserError(f"{paths[0]} and its like hold no whole record; build the training records again")
    joints, annotated, head_size, to_image = (np.concatenate(part) for part in zip(*parts, strict=True))
    return fit(joints, head_size / to_image[:, 0, 0], annotated == 1, skeleton)


def of_training(config: Config) -> Ranges | None:
    """The `Ranges` of the training people of a run's `config.Config`; None where their records are not here."""
    paths = find_files(config.data.train_records)
    return of_records(paths, config.model.skeleton) if paths else None
