"""Algorithm 1 as printed (`--mode=alternating`): three updates a step, each before networks as the last one left them.

Each function takes and gives what `train_step.joint` does.
"""

import tensorflow as tf

from keras_apn.adversarial import terms
from keras_apn.adversarial.balance import balanced
from keras_apn.adversarial.batch import Batch
from keras_apn.adversarial.train_step import backward, fake_labels, named, supervise, without_gradient
from keras_apn.config import TrainingConfig
from keras_apn.models.networks import Networks


def supervised(
    networks: Networks, batch: Batch, training: TrainingConfig, progress: tf.Tensor
) -> tuple[dict[str, list], dict[str, tf.Tensor]]:
    """G by Eq. 1; P and C by the second terms of Eq. 2 and 3, of what G predicted before it moves."""
    with tf.GradientTape() as prediction:
        stacks, context = networks.predict(batch.example["crop"])
    upstream, logs = supervise(stacks, batch, training)
    gradients = {"g": backward(prediction, stacks, networks.generator, upstream)}

    _, fake_terms, thresholds = _fakes(stacks, batch, training, progress)
    others, other_logs = _learn(networks, tf.stop_gradient(context), fake_terms)
    return gradients | others, logs | thresholds | other_logs


def real(
    networks: Networks, batch: Batch, training: TrainingConfig, progress: tf.Tensor
) -> tuple[dict[str, list], dict[str, tf.Tensor]]:
    """P and C by the first terms of Eq. 2 and 3, of the truth, and P by moved joints."""
    context = batch.example["crop"]
    if networks.context == "features":
        _, context = networks.predict(context)
    return _learn(networks, tf.stop_gradient(context), terms.real(batch, networks, training))


def adversarial(
    networks: Networks, batch: Batch, training: TrainingConfig, progress: tf.Tensor
) -> tuple[dict[str, list], dict[str, tf.Tensor]]:
    """G by Eq. 4, before P and C as they have become."""
    with tf.GradientTape() as prediction:
        stacks, context = networks.predict(batch.example["crop"])
    upstream, logs = supervise(stacks, batch, training)

    (fake, fake_terms, _), pulls = _fakes(stacks, batch, training, progress), {}
    for key, network in networks.discriminators.items():
        with tf.GradientTape() as tape:
            tape.watch(fake)
            logits = terms.judge(network, tf.stop_gradient(context), fake_terms[key])
            deceived = terms.deceived(logits["fake"], fake_terms[key]["fake"], training.pull)
        pulls[key] = deceived, batch.seen(tape.gradient(deceived, fake))
    upstream[-1], balance_logs = balanced(upstream[-1], pulls, training, progress)
    return {"g": backward(prediction, stacks, networks.generator, upstream)}, logs | balance_logs


# In the order of Algorithm 1; what an update has gradients for moves behind it.
UPDATES = {"supervised": supervised, "real": real, "adversarial": adversarial}


def _fakes(stacks, batch, training, progress):
    """`(fake, terms, thresholds)`: what P and C see of G, and its terms with the labels of Section 2.4."""
    fake = batch.seen(without_gradient(stacks[-1]))
    thresholds, (p_fake, c_fake) = fake_labels(batch, fake, training, progress)
    return fake, terms.fake(fake, p_fake, c_fake, batch.joints["judged"]), thresholds


def _learn(networks, context, their_terms):
    """The gradients and logs of P and C by the terms of each."""
    gradients, logs = {}, {}
    for key, network in networks.discriminators.items():
        with tf.GradientTape() as tape:
            loss, its_logs = terms.loss(terms.judge(network, context, their_terms[key]), their_terms[key])
        gradients[key] = tape.gradient(loss, network.trainable_variables)
        logs |= named(key, its_logs, their_terms[key])
    return gradients, logs
