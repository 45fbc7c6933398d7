"""Keeps float16 gradients within their range: losses are multiplied before they are differentiated.

bfloat16 has float32's range and needs none of it.
"""

import tensorflow as tf

from keras_apn import keras_compat, replicas

FIRST, GROWTH_STEPS = 2.0**15, 2000


class LossScale:
    """A multiplier that halves where a gradient is not finite, and doubles after `GROWTH_STEPS` steps without.

    Attributes:
        values: its variables, for checkpoints.
        gate: of the optimizers, closed where the last gradients were not finite: they then move nothing, neither a
            weight nor a momentum.
    """

    def __init__(self):
        self.scale, self.good = keras_compat.same_everywhere(FIRST), keras_compat.same_everywhere(0.0)
        self.values = [self.scale, self.good]
        self.gate = keras_compat.same_everywhere(1.0)

    def kept(self, gradients):
        """Gradients as they are where all are finite on every replica, else zeros; moves the multiplier and the gate.

        Args:
            gradients: a dict of lists of tensors.
        """
        norms = [tf.linalg.global_norm(each) for each in gradients.values()]
        finite = replicas.everywhere(tf.reduce_all(tf.math.is_finite(norms)))
        good = tf.where(finite, self.good + 1.0, 0.0)
        grows = good >= GROWTH_STEPS
        factor = tf.where(finite, tf.where(grows, 2.0, 1.0), 0.5)
        self.scale.assign(tf.maximum(self.scale * factor, 1.0))
        self.good.assign(tf.where(grows, 0.0, good))
        self.gate.assign(tf.cast(finite, tf.float32))
        return {key: [tf.where(finite, g, tf.zeros_like(g)) for g in each] for key, each in gradients.items()}
