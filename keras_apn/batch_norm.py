"""Batch norm over the people of all replicas, for training on several GPUs or machines."""

import keras
import tensorflow as tf

from keras_apn import kinds, replicas


class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm, in training with the mean and variance of all replicas' batches, which are of one size.

    It has Keras's name and weights, so that files of weights serve both. Keras's own `synchronized=True` is not used:
    it computes the variance as E[x^2] - E[x]^2, which in Keras 2 can come out negative, by three sums over the replicas
    where one will do, and in Keras 3 leaves the moving averages of each replica to themselves.
    """

    def call(self, inputs, training=None, mask=None):
        """[B, H, W, C] features, normalised."""
        if not training:
            return super().call(inputs, training=False)
        x = tf.cast(inputs, tf.float32)
        mean, variance = self._moments(x)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(self.momentum * tf.convert_to_tensor(moving) + (1.0 - self.momentum) * value)
        gamma, beta = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        normalised = tf.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)
        return tf.cast(normalised, inputs.dtype)

    def _moments(self, x):
        """Mean and variance by channel, by one sum over the replicas."""
        mean, variance = tf.nn.moments(x, list(range(x.shape.rank - 1)))
        # Seen from the moving mean, which all replicas have in common, so that the squares hardly cancel.
        origin = tf.convert_to_tensor(self.moving_mean)
        away = mean - origin
        away, square = tf.unstack(replicas.mean(tf.stack([away, variance + tf.square(away)])))
        return origin + away, tf.maximum(square - tf.square(away), 0.0)


_CHOICE = kinds.Choice(keras.layers.BatchNormalization, BatchNormalization)
synchronized, layer = _CHOICE.within, _CHOICE.layer
