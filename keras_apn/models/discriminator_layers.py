"""The layers of P and C that Keras does not have: joints pooled where their maps are, maps apart from their norms."""

from collections.abc import Sequence

import keras
import tensorflow as tf

# What the weights of a pooled joint are divided by beside their sum: below it a map counts as empty.
EMPTY = 1e-3
# The least norm of a map: a tenth, where a whole Gaussian of sigma 1 has 1.77.
FAINT = 0.1


@keras.saving.register_keras_serializable("keras_apn")
class PooledAtJoints(keras.layers.Layer):
    """What features say where each joint is: their mean, weighed by the squares of the positive part of its map.

    Takes [B, H, W, J] maps and [B, H, W, C] features; gives [B, J, C], near zero where a map is empty. The gradient
    reaches the maps through the weights: P can tell a joint to be elsewhere.
    """

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        maps, features = inputs
        squares = tf.square(tf.nn.relu(maps))
        total = tf.reduce_sum(squares, (1, 2))
        pooled = tf.einsum("bhwj,bhwc->bjc", squares, features)
        return pooled / (total + EMPTY)[..., None]

    def compute_output_shape(self, input_shape: Sequence[tuple]) -> tuple:
        maps, features = input_shape
        return (maps[0], maps[-1], features[-1])


@keras.saving.register_keras_serializable("keras_apn")
class Readings(keras.layers.Layer):
    """A linear reading of each joint's own features: [B, J, C] to [B, J]."""

    def build(self, input_shape: tuple) -> None:
        _, joints, channels = input_shape
        self.kernel = self.add_weight(
            name="kernel", shape=(joints, channels), initializer=keras.initializers.GlorotUniform()
        )
        self.bias = self.add_weight(name="bias", shape=(joints,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(inputs * tf.cast(self.kernel, inputs.dtype), -1) + tf.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return tuple(input_shape[:-1])


@keras.saving.register_keras_serializable("keras_apn")
class Norms(keras.layers.Layer):
    """The L2 norm of each of [B, H, W, J] maps, never below `FAINT`: [B, J]."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.sqrt(tf.reduce_sum(tf.square(inputs), (1, 2)) + FAINT**2)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (input_shape[0], input_shape[-1])


@keras.saving.register_keras_serializable("keras_apn")
class Divided(keras.layers.Layer):
    """[B, H, W, J] maps, each divided by its norm of [B, J]."""

    def call(self, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        maps, norms = inputs
        return maps / norms[:, None, None]

    def compute_output_shape(self, input_shape: Sequence[tuple]) -> tuple:
        return tuple(input_shape[0])


@keras.saving.register_keras_serializable("keras_apn")
class AmplitudeLogits(keras.layers.Layer):
    """Logits [B, J] that rise with the logarithm of norms [B, J], at a positive rate learned for each joint."""

    def build(self, input_shape: tuple) -> None:
        self.rate = self.add_weight(name="rate", shape=(input_shape[-1],), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.nn.softplus(tf.convert_to_tensor(self.rate)) * tf.math.log(inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return tuple(input_shape)
