"""The exponential moving average of a network's weights, which often scores better than the last ones."""

import contextlib
from collections.abc import Iterator

import keras
import tensorflow as tf

from keras_apn import keras_compat, replicas


class MovingAverage:
    """Averages all weights of a network, the statistics of its batch norms too.

    Args:
        network: a built Keras model.
        decay: what an average keeps of itself in a step, below 1; in the first steps, t of them, at most
            (1 + t) / (10 + t), so that the start is soon forgotten.
    """

    def __init__(self, network: keras.Model, decay: float) -> None:
        self.network, self.decay = network, decay
        # The statistics of batch norms differ from replica to replica.
        self.values = [
            keras_compat.same_everywhere(tf.convert_to_tensor(weight))
            if weight.trainable
            else tf.Variable(tf.convert_to_tensor(weight), trainable=False, **replicas.OWN)
            for weight in network.weights
        ]

    def update(self, step: tf.Tensor) -> None:
        """Takes the weights in, after a step; `step` counts them from 1."""
        step = tf.cast(step, tf.float32)
        decay = tf.minimum(self.decay, (1.0 + step) / (10.0 + step))
        for value, weight in zip(self.values, self.network.weights, strict=True):
            value.assign_add((1.0 - decay) * (tf.convert_to_tensor(weight) - value))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has the averaged weights within this context."""
        weights = self.network.get_weights()
        self.network.set_weights([value.numpy() for value in self.values])
        try:
            yield
        finally:
            self.network.set_weights(weights)
