"""The terms of Eq. 2 and 3: on which maps P and C learn which labels."""

from typing import NamedTuple

import keras
import tensorflow as tf

from keras_apn.adversarial import losses
from keras_apn.adversarial.batch import Batch, Joints
from keras_apn.config import TrainingConfig
from keras_apn.models import discriminators
from keras_apn.models.networks import Networks


class Term(NamedTuple):
    """One term of a discriminator's loss: cross-entropy of its logits on some maps.

    Attributes:
        maps: heatmaps by task, as `Batch.seen` gives them.
        labels: [B, 16], 0 or 1.
        joints: those that the mean is over.
    """

    maps: dict
    labels: tf.Tensor
    joints: Joints


def fake(
    maps: dict[str, tf.Tensor], p_fake: tf.Tensor, c_fake: tf.Tensor, joints: Joints
) -> dict[str, dict[str, Term]]:
    """The second terms of Eq. 2 and 3, by "p" and "c": what G predicts, with the labels of Section 2.4."""
    return {"p": {"fake": Term(maps, p_fake, joints)}, "c": {"fake": Term(maps, c_fake, joints)}}


def real(batch: Batch, networks: Networks, training: TrainingConfig) -> dict[str, dict[str, Term]]:
    """The first terms of Eq. 2 and 3, by "p" and "c": the truth, with label 1.

    Where `training.moved_joints` says so, P sees it with some joints of half of the people moved, whose label is 0
    (BUILD_NOTES 46).
    """
    truth, joints = batch.seen({task: batch.truth[task] for task in networks.tasks}), batch.joints
    ones = tf.ones_like(joints["judged"].mask, tf.float32)
    own = {"real": Term(truth, ones, joints["judged"])}
    if not training.moved_joints or "p" not in networks.discriminators:
        return {"p": own, "c": own}
    shown, kept = batch.moved_truth(networks.tasks), 1.0 - tf.cast(batch.example["moved"], tf.float32)
    return {"p": {"real": Term(shown, ones, joints["whole"]), "moved": Term(shown, kept, joints["moved"])}, "c": own}


def judge(network: keras.Model, context: tf.Tensor, terms: dict[str, Term]) -> dict[str, tf.Tensor]:
    """P's or C's logits [B, 16] by the kind of term, of each kind of maps once.

    Args:
        network: P or C.
        context: what P sees of the image.
        terms: `Term`s by kind, the fakes first: they are judged by themselves, as their gradient needs it.
    """
    different = {id(term.maps): term.maps for term in terms.values()}
    logits = discriminators.judge(network, context, *different.values(), training=True)
    found = dict(zip(different, logits, strict=True))
    return {kind: found[id(term.maps)] for kind, term in terms.items()}


def loss(logits: dict[str, tf.Tensor], terms: dict[str, Term]) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Eq. 2 of P, Eq. 3 of C: `(loss, logs)`, the sum of the terms, and what to log of each kind."""
    total, logs = 0.0, {}
    for kind, (_, labels, joints) in terms.items():
        logs[f"loss_{kind}"] = losses.label_loss(logits[kind], labels, *joints)
        logs[f"accuracy_{kind}"] = losses.accuracy(logits[kind], labels, *joints)
        total += logs[f"loss_{kind}"]
    return total, logs


def deceived(logits: tf.Tensor, term: Term, pull: str) -> tf.Tensor:
    """What G has to lose before P or C in Eq. 4: that its maps are not taken for real (BUILD_NOTES 3).

    Args:
        logits: [B, 16], of the fakes.
        term: their `Term`.
        pull: "all", or "wrong" for the joints whose label is 0 alone; "minimax" for what P or C have to win, negated.
    """
    mask, divisor = term.joints
    if pull == "minimax":
        return -losses.label_loss(logits, term.labels, mask, divisor)
    if pull == "wrong":
        mask &= term.labels < 0.5
    return losses.label_loss(logits, tf.ones_like(logits), mask, divisor)
