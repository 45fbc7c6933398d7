"""What makes two runs of one seed equal to the bit on a CPU (BUILD_NOTES 35)."""

import keras
import tensorflow as tf

from keras_apn.config import TrainingConfig


def configure(training: TrainingConfig) -> None:
    """Sets the seed of a `config.TrainingConfig`, and, where it says so, TensorFlow's graph optimizer.

    The optimizer joins sums, and the order in which a sum of three is added up is not fixed. Beside a GPU nothing is
    switched off: there bits are not promised.
    """
    keras.utils.set_random_seed(training.seed)
    if training.reproducible and not tf.config.list_physical_devices("GPU"):
        tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
