"""The training step that all three networks share: the losses of Eq. 1 to 4 by one forward of G (`--mode=joint`).

`alternating.py` has Algorithm 1 as it is printed.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from keras_apn.adversarial import labels, losses, terms
from keras_apn.adversarial.balance import balanced
from keras_apn.adversarial.batch import Batch
from keras_apn.config import TrainingConfig
from keras_apn.models.networks import Networks


def joint(
    networks: Networks, batch: Batch, training: TrainingConfig, progress: tf.Tensor
) -> tuple[dict[str, list], dict[str, tf.Tensor]]:
    """The gradients of one step.

    Args:
        networks: a `Networks`.
        batch: a `Batch`.
        training: a `config.TrainingConfig`.
        progress: share of the training that is done, a scalar.

    Returns:
        `(gradients, logs)`: by network ("g", "p", "c") a list as of its `trainable_variables`, and a dict of scalars.
    """
    gradients, pulls, logs = {}, {}, {}
    # G predicts pose and occlusion (Section 2.1); P and C see the last stack's heatmaps, without its gradient.
    with tf.GradientTape() as prediction:
        stacks, context = networks.predict(batch.example["crop"])
    fake, context = batch.seen(without_gradient(stacks[-1])), tf.stop_gradient(context)

    if networks.discriminators:
        # Which predictions P and C shall take for real: p_fake and c_fake (Section 2.4).
        thresholds, (p_fake, c_fake) = fake_labels(batch, fake, training, progress)
        shown, truth = terms.fake(fake, p_fake, c_fake, batch.joints["judged"]), terms.real(batch, networks, training)
        for key, network in networks.discriminators.items():
            # P learns by Eq. 2, C by Eq. 3; both pull the fakes toward what they take for real.
            its_terms = shown[key] | truth[key]
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(fake)
                logits = terms.judge(network, context, its_terms)
                loss, its_logs = terms.loss(logits, its_terms)
                deceived = terms.deceived(logits["fake"], its_terms["fake"], training.pull)
            gradients[key] = tape.gradient(loss, network.trainable_variables)
            pulls[key] = deceived, batch.seen(tape.gradient(deceived, fake))
            logs |= named(key, its_logs, its_terms)
        logs |= thresholds

    # G learns by Eq. 4: Eq. 1 at every stack, and at the last one what P and C pull, balanced.
    upstream, own_logs = supervise(stacks, batch, training)
    if pulls:
        upstream[-1], balance_logs = balanced(upstream[-1], pulls, training, progress)
        logs |= balance_logs
    gradients["g"] = backward(prediction, stacks, networks.generator, upstream)
    return gradients, own_logs | logs


def supervise(
    stacks: list[dict[str, tf.Tensor]], batch: Batch, training: TrainingConfig
) -> tuple[list[dict[str, tf.Tensor]], dict[str, tf.Tensor]]:
    """Eq. 1: its gradient at every heatmap, and its logs."""
    with tf.GradientTape() as tape:
        tape.watch(stacks)
        loss, logs = losses.generator_loss(stacks, batch.truth, batch.joints, training)
    return tape.gradient(loss, stacks), logs


def without_gradient(maps: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """A dict of tensors that no gradient flows back through."""
    return {task: tf.stop_gradient(value) for task, value in maps.items()}


def fake_labels(
    batch: Batch, fake: dict[str, tf.Tensor], training: TrainingConfig, progress: tf.Tensor
) -> tuple[dict[str, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """`(thresholds, (p_fake, c_fake))` of what G predicts: the last by `labels`, [B, J] each."""
    thresholds, example = labels.thresholds(training, progress), batch.example
    place = example["joints_heatmap"], example["head_size_heatmap"]
    p_fake = labels.pose_labels(fake["pose"], *place, thresholds["delta"], batch.skeleton.tolerances)
    c_fake = labels.confidence_labels(fake["pose"], batch.truth["pose"], batch.sigma, thresholds["epsilon"])
    return thresholds, (p_fake, c_fake)


def backward(
    prediction: tf.GradientTape,
    stacks: Sequence[dict[str, tf.Tensor]],
    generator: keras.Model,
    upstream: Sequence[dict[str, tf.Tensor]],
) -> list[tf.Tensor]:
    """G's gradient, from the tape of its forward and the gradients at its heatmaps."""
    maps, at_maps = (tf.nest.flatten(each) for each in (stacks, upstream))
    return prediction.gradient(maps, generator.trainable_variables, output_gradients=at_maps)


def named(key: str, its_logs: dict[str, tf.Tensor], its_terms: dict[str, terms.Term]) -> dict[str, tf.Tensor]:
    """What `terms.loss` logs of a discriminator, under its name, and the share of fakes whose label is 1."""
    logs = {f"loss_{key}_{kind}": its_logs[f"loss_{kind}"] for kind in its_terms}
    logs |= {f"{key}_accuracy_{kind}": its_logs[f"accuracy_{kind}"] for kind in its_terms}
    if "fake" in its_terms:
        logs[f"{key}_fake_share"] = losses.masked_mean(its_terms["fake"].labels, *its_terms["fake"].joints)
    return logs
