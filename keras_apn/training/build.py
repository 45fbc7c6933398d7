"""From a configuration to the compiled model that trains G, P and C."""

import keras
import tensorflow as tf

from keras_apn import keras_compat
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.models import convolution, networks, normalization
from keras_apn.optimization import optimizers


def build_model(config, steps_per_epoch, products=None):
    """The compiled `AdversarialPoseNet` of a `config.Config`.

    Args:
        config: the configuration.
        steps_per_epoch: batches in an epoch, which schedules count in.
        products: whether convolutions learn by products (`convolution.py`); None where that is faster, and never by
            XLA.
    """
    if products is None:
        products = convolution.pays() and not config.training.xla
    training, total_steps = config.training, config.training.epochs * steps_per_epoch
    keras.utils.set_random_seed(training.seed)
    # TensorFlow's arithmetic optimizer joins sums, and the order of a sum of three is not fixed (BUILD_NOTES 35).
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
    with (
        keras_compat.precision(training.precision),
        normalization.synchronized(training.synchronized_batch_norm),
        convolution.by_product(products),
    ):
        p, c = networks.discriminators(config.model)
        g = networks.generator(config.model)
    model = AdversarialPoseNet(g, p, c, training=training, data=config.data, total_steps=total_steps)
    alternating = training.mode == "alternating" and bool(model.objective.judges)

    def make(rate, updates=1):
        return optimizers.configured(training, rate, total_steps, updates, model.reduction)

    rate, twice = training.learning_rate, alternating and not training.split_optimizer
    # In alternating mode P and C move twice a step too: by their fake and by their real terms.
    judge = {key: make(training.discriminator_learning_rate, 2 if alternating else 1) for key in model.objective.judges}
    model.compile(
        make(rate, 2 if twice else 1),
        pose_optimizer=judge.get("p"),
        confidence_optimizer=judge.get("c"),
        adversarial_optimizer=make(rate) if alternating and training.split_optimizer else None,
    )
    return model
