"""A batch as a training step sees it: crops, true heatmaps, and which joints count where."""

from collections.abc import Iterable
from typing import NamedTuple

import tensorflow as tf

from data_pipeline import heatmaps
from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn import replicas


class Joints(NamedTuple):
    """The joints that a mean is over, as `losses.masked_mean` takes them.

    Attributes:
        mask: [B, J] bool.
        divisor: of the sum, where the batch is a part of a larger one; None for the number of joints in the mask.
    """

    mask: tf.Tensor
    divisor: tf.Tensor | None = None


class Batch:
    """A batch of crops and their truth.

    Args:
        example: what `augment.make_crops` gives, and, where P learns moved joints, `moved_heatmap` [B, J, 2] and
            `moved` [B, J], as `moved_joints.of_every_second` gives them, and `scrambled` [B], whose joints they are.
        size: side of the heatmaps in pixels.
        sigma: of the true Gaussians, heatmap pixels.
        counts: of `counts`, where the batch is a part of a larger one.
        skeleton: whose J joints they are.

    Attributes:
        example, size, sigma, skeleton: as given.
        joints: a `Joints` by each name of `masks`.
        truth: true heatmaps by task, [B, size, size, J]; a map that is not annotated is empty.
    """

    def __init__(
        self,
        example: dict[str, tf.Tensor],
        *,
        size: int,
        sigma: float,
        counts: dict[str, tf.Tensor] | None = None,
        skeleton: Skeleton = MPII16,
    ) -> None:
        self.example, self.size, self.sigma, self.skeleton = example, size, sigma, skeleton
        self.joints = {
            name: Joints(mask, None if counts is None else counts[name]) for name, mask in masks(example, size).items()
        }
        self.truth = self._drawn(example["joints_heatmap"])

    def seen(self, maps: dict[str, tf.Tensor], judged: str = "judged") -> dict[str, tf.Tensor]:
        """What P and C see of heatmaps by task: of every joint that is judged, and occlusion where it is known.

        A true map of any other joint is empty, so a predicted one beside it would give the fake away.
        """
        seen = _where(self.joints[judged].mask, maps)
        if "occlusion" in seen:
            seen |= _where(self.joints["occlusion"].mask, {"occlusion": seen["occlusion"]})
        return seen

    def moved_truth(self, tasks: Iterable[str]) -> dict[str, tf.Tensor]:
        """What P sees of the true poses of which some joints were moved."""
        drawn = self._drawn(self.example["moved_heatmap"])
        return self.seen({task: drawn[task] for task in tasks}, "shown")

    def _drawn(self, joints_heatmap):
        flags = self.example["annotated"], self.example["visible"]
        drawn = heatmaps.targets(joints_heatmap, *flags, self.size, self.sigma)
        return dict(zip(("pose", "occlusion"), drawn, strict=True))


def masks(example: dict[str, tf.Tensor], size: int) -> dict[str, tf.Tensor]:
    """Which joints of an example count where, by name: [B, J] bool.

    `pose` and `occlusion` in the terms of Eq. 1: those annotated, and those whose person's occlusion is known.
    `judged` before P and C: those annotated within the crop; outside of it true and predicted maps are equally
    empty, and no label could tell them apart. `shown` with moved joints: the same, before and after; of them
    `whole` of the people whose joints all stay, `moved` of the others.
    """
    annotated, known = example["annotated"], example["occlusion_known"][:, None]
    judged = annotated & heatmaps.inside(example["joints_heatmap"], size)
    found = {"pose": annotated, "occlusion": annotated & known, "judged": judged}
    if "moved_heatmap" in example:
        shown, scrambled = judged & heatmaps.inside(example["moved_heatmap"], size), example["scrambled"][:, None]
        found |= {"shown": shown, "whole": shown & ~scrambled, "moved": shown & scrambled}
    return found


def counts(example: dict[str, tf.Tensor], size: int, parts: int) -> dict[str, tf.Tensor]:
    """How many joints count where, in the mean over the parts of a batch and over the replicas: scalars by name."""
    found = masks(example, size)
    totals = tf.stack([tf.reduce_sum(tf.cast(mask, tf.float32)) for mask in found.values()])
    return dict(zip(found, tf.unstack(replicas.mean(totals) / parts), strict=True))


def _where(counted, maps):
    """A dict of maps [B, H, W, J], or of gradients at them, with zeros where [B, J] joints do not count."""
    mask = tf.cast(counted, tf.float32)[:, None, None]
    return {task: value * mask for task, value in maps.items()}
