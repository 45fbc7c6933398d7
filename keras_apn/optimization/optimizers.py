"""Torch7's RMSProp and the Adam of its paper, each variable moved by one of TensorFlow's fused operations.

Both divide by `sqrt(v) + epsilon`, as Torch7, PyTorch and the Adam paper do. TensorFlow's RMSProp divides by
`sqrt(v + epsilon)`, and its Adam adds epsilon before the bias of v is taken out: with the same number for epsilon,
gradients as small as those of a mean over heatmaps hardly move a weight (BUILD_NOTES 12). One operation a variable
halves a training's graph and the time that building it takes (BUILD_NOTES 38).
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_apn import keras_compat
from keras_apn.config import TrainingConfig

EPSILON = 1e-8


class RMSprop(keras.optimizers.RMSprop):
    """RMSProp without momentum as Torch7 computes it: v = rho v + (1 - rho) g^2; w -= rate g / (sqrt(v) + epsilon).

    It holds a second array for each variable, its last gradient, which the fused operation asks for.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        rho: float = 0.99,
        epsilon: float = EPSILON,
    ) -> None:
        super().__init__(learning_rate, rho=rho, epsilon=epsilon)

    def build(self, var_list: Sequence) -> None:
        """Makes the state of these variables, in the strategy's scope; Keras 2 asks for it again at every update."""
        super().build(var_list)
        if not hasattr(self, "_gradients"):
            self._gradients = [keras_compat.beside(self, variable, "gradient") for variable in var_list]

    def update_step(self, gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor | None = None) -> None:
        """Moves one variable; Keras 3 gives the learning rate."""
        index = keras_compat.index(self, variable)
        # Adam whose mean forgets at once and whose biases count as gone is Torch7's formula.
        tf.raw_ops.ResourceApplyAdam(
            var=keras_compat.handle(variable),
            m=keras_compat.handle(self._gradients[index]),
            v=keras_compat.handle(self._velocities[index]),
            beta1_power=0.0,
            beta2_power=0.0,
            lr=self.learning_rate if learning_rate is None else learning_rate,
            beta1=0.0,
            beta2=self.rho,
            epsilon=self.epsilon,
            grad=gradient,
        )


class Adam(keras.optimizers.Adam):
    """Adam as its paper has it (Kingma and Ba, 2015, Algorithm 1), epsilon beside the corrected root."""

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = EPSILON,
    ) -> None:
        super().__init__(learning_rate, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)

    def update_step(self, gradient: tf.Tensor, variable: Any, learning_rate: tf.Tensor | None = None) -> None:
        """Moves one variable; Keras 3 gives the learning rate."""
        index = keras_compat.index(self, variable)
        steps = tf.cast(tf.convert_to_tensor(self.iterations) + 1, tf.float32)
        beta2_power = tf.pow(self.beta_2, steps)
        tf.raw_ops.ResourceApplyAdam(
            var=keras_compat.handle(variable),
            m=keras_compat.handle(self._momentums[index]),
            v=keras_compat.handle(self._velocities[index]),
            beta1_power=tf.pow(self.beta_1, steps),
            beta2_power=beta2_power,
            lr=self.learning_rate if learning_rate is None else learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            # The operation multiplies the whole quotient by sqrt(1 - beta2_power), epsilon's share too.
            epsilon=self.epsilon * tf.sqrt(1.0 - beta2_power),
            grad=gradient,
        )


def configured(
    training: TrainingConfig,
    learning_rate: float,
    total_steps: int,
    updates: int = 1,
    reduction: tf.Variable | None = None,
) -> keras.optimizers.Optimizer:
    """An optimizer of a `config.TrainingConfig`.

    Args:
        training: the configuration.
        learning_rate: the highest rate.
        total_steps: steps of the training, which a cosine spans.
        updates: how often the optimizer is used in a step.
        reduction: a variable that multiplies the rate, for plateaus; None for 1.
    """
    rate = learning_rate
    if training.learning_rate_schedule == "cosine" or training.warmup_steps:
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if training.warmup_steps else learning_rate,
            decay_steps=max(updates * (total_steps - training.warmup_steps), 1),
            alpha=0.0 if training.learning_rate_schedule == "cosine" else 1.0,
            warmup_target=learning_rate if training.warmup_steps else None,
            warmup_steps=updates * training.warmup_steps,
        )
    if reduction is not None:
        rate = Reduced(rate, reduction)
    return Adam(rate) if training.optimizer == "adam" else RMSprop(rate)


class Reduced(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate, or a schedule of it, times a variable."""

    def __init__(self, rate: float | keras.optimizers.schedules.LearningRateSchedule, reduction: tf.Variable) -> None:
        self.rate, self.reduction = rate, reduction

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * tf.convert_to_tensor(self.reduction)
