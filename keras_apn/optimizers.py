"""Keras's RMSprop and Adam, each variable moved by one of TensorFlow's fused operations.

The numbers are Keras's to within rounding. Keras writes an update out in ten to twenty operations, which for the 400 to
1,500 variables of a training are most of its graph and of the time that building it takes (BUILD_NOTES 38).
"""

import keras
import tensorflow as tf

from keras_apn import lanes


class RMSprop(keras.optimizers.RMSprop):
    """`keras.optimizers.RMSprop` without momentum.

    It holds a second array for each variable, its last update, which the fused operation asks for.
    """

    def build(self, var_list):
        """Makes the state of these variables, in the strategy's scope; Keras 2 asks for it again at every update."""
        super().build(var_list)
        if not hasattr(self, "_updates"):
            self._updates = [lanes.beside(self, variable, "update") for variable in var_list]

    def update_step(self, gradient, variable, learning_rate=None):
        """Moves one variable; Keras 3 gives the learning rate."""
        index = lanes.index(self, variable)
        tf.raw_ops.ResourceApplyRMSProp(
            var=lanes.handle(variable),
            ms=lanes.handle(self._velocities[index]),
            mom=lanes.handle(self._updates[index]),
            lr=self.learning_rate if learning_rate is None else learning_rate,
            rho=self.rho,
            momentum=0.0,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` without its variants."""

    def update_step(self, gradient, variable, learning_rate=None):
        """Moves one variable; Keras 3 gives the learning rate."""
        index = lanes.index(self, variable)
        steps = tf.cast(tf.convert_to_tensor(self.iterations) + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=lanes.handle(variable),
            m=lanes.handle(self._momentums[index]),
            v=lanes.handle(self._velocities[index]),
            beta1_power=tf.pow(self.beta_1, steps),
            beta2_power=tf.pow(self.beta_2, steps),
            lr=self.learning_rate if learning_rate is None else learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
