"""Batch norm by one operation in either Keras, and over the people of all replicas where that is wanted."""

import keras
import tensorflow as tf

from keras_apn import replicas


@keras.saving.register_keras_serializable("keras_apn")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch norm of [B, H, W, C] features, computed by TensorFlow's fused operation.

    So does Keras 2. Keras 3 writes it out, which is slower, and uses its input three times, so that two runs differ
    (BUILD_NOTES 35). The moving averages are each replica's own until they are read, which gives their mean: so it is
    in Keras 2, while in Keras 3 each process would hold what it alone saw, and the chief save that. With
    `synchronized`, training takes the mean and variance of all replicas' batches, which are of one size. Keras's own
    way of that is not used: it computes the variance as E[x^2] - E[x]^2, which in Keras 2 can come out negative, by
    three sums over the replicas where one will do. Name, arguments and weights are Keras's, so that files of weights
    serve both.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Makes the weights, for features of this shape."""
        with tf.variable_creator_scope(_own_statistics):
            super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """[B, H, W, C] features, normalised."""
        if training and self.synchronized:
            return self._over_replicas(inputs)
        moving = (self.moving_mean, self.moving_variance)
        scale, offset, mean, variance = map(tf.convert_to_tensor, (self.gamma, self.beta, *moving))
        found = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum if training else 1.0,
            is_training=bool(training),
        )
        if training:
            for variable, value in zip(moving, (found.batch_mean, found.batch_variance), strict=True):
                variable.assign(value)
        return found.y

    def _over_replicas(self, inputs):
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


def _own_statistics(make, **told):
    """A variable as told; one that no gradient moves is every replica's own."""
    return make(**(told if told["trainable"] else {**told, **replicas.OWN}))


def synchronize(*networks: keras.Model | None) -> None:
    """Makes the batch norms of networks, and of networks within them, take all replicas' batches; passes over None."""
    for network in filter(None, networks):
        for layer in network.layers:
            if isinstance(layer, keras.Model):
                synchronize(layer)
            elif isinstance(layer, BatchNormalization):
                layer.synchronized = True
