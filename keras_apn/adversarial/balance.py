"""How hard P and C pull at G: the weights of Eq. 4 (BUILD_NOTES 4)."""

import tensorflow as tf

from keras_apn import replicas
from keras_apn.adversarial import labels
from keras_apn.config import TrainingConfig

TINY = 1e-12


def balanced(
    own: dict[str, tf.Tensor], pulls: dict[str, tuple], training: TrainingConfig, progress: tf.Tensor
) -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
    """The gradient of Eq. 4 at the last stack's heatmaps: L_G's, and the weighted ones of P and C.

    Args:
        own: L_G's gradient by task, [B, H, W, 16].
        pulls: by "p" and "c" `(deceived, gradient)`: the loss of not being taken for real, and its gradient by task.
        training: a `config.TrainingConfig`.
        progress: share of the training that is done.

    Returns:
        `(gradient, logs)`: by task, and a dict of scalars.
    """
    total, logs = dict(own), {}
    reference, *norms = _norms([list(each.values()) for each in (own, *(pull for _, pull in pulls.values()))], training)
    ramp = labels.ramp(progress, training.pull_start, training.pull_full)
    for (key, (deceived, gradient)), norm in zip(pulls.items(), norms, strict=True):
        weight = _weight(key, deceived, norm, reference, training) * ramp
        total = {task: value + weight * gradient[task] for task, value in total.items()}
        logs[f"adversarial_{key}"] = weight * deceived
        logs[f"gradient_ratio_{key}"] = weight * norm / (reference + TINY)
        logs[f"weight_{key}"] = weight
    return total, logs


def _weight(key, deceived, norm, reference, training):
    """Beta of P or alpha of C as printed, or what gives its gradient a share of L_G's."""
    if training.balance == "fixed":
        return {"p": training.beta, "c": training.alpha}[key]
    share = {"p": training.pose_share, "c": training.confidence_share}[key]
    # A discriminator that is fooled has a vanishing gradient, which its share would blow up.
    bounded = training.fooled and training.pull != "minimax"  # Whose gradient vanishes where a discriminator is right.
    left = tf.minimum(1.0, deceived / training.fooled) if bounded else 1.0
    return tf.where(norm > TINY, share * left * reference / (norm + TINY), 0.0)


def _norms(gradients, training):
    """The norm of each list of gradients over the whole batch; over its own part where a batch comes in parts."""
    norms = [tf.linalg.global_norm(each) for each in gradients]
    # Replicas cannot meet within the loop over the parts.
    return norms if training.accumulate > 1 else replicas.joint_norms(norms)
