"""From a configuration to networks, optimizers and the model that trains them."""

import keras
import tensorflow as tf

from keras_apn import batch_norm, convolution, lanes, optimizers
from keras_apn.adversarial import AdversarialPoseNet
from keras_apn.discriminators import build_confidence_discriminator, build_pose_discriminator
from keras_apn.generator import build_generator


def generator(model):
    """G of a `config.ModelConfig`."""
    return build_generator(
        crop_size=model.crop_size,
        stacks=model.stacks,
        features=model.features,
        levels=model.levels,
        occlusion=not model.single_task,
        head=model.head,
    )


def discriminators(model):
    """`(P, C)` of a `config.ModelConfig`, each None where it trains without."""
    sizes = {
        "crop_size": model.crop_size,
        "features": model.discriminator_features,
        "levels": model.levels,
        "occlusion": not model.single_task,
        "design": model.discriminator_design,
    }
    p = c = None
    if model.discriminators and model.pose_discriminator:
        p = build_pose_discriminator(
            **sizes, context_channels=model.features if model.pose_context == "generator" else None
        )
    if model.discriminators and model.confidence_discriminator:
        # What C has to judge, a map's shape and height, takes half of P's width (BUILD_NOTES 45).
        c = build_confidence_discriminator(**sizes | {"features": max(model.discriminator_features // 2, 2)})
    return p, c


def optimizer(training, learning_rate, total_steps, updates=1, reduction=None):
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
    return optimizers.Adam(rate) if training.optimizer == "adam" else optimizers.RMSprop(rate)


class Reduced(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate, or a schedule of it, times a variable."""

    def __init__(self, rate, reduction):
        self.rate, self.reduction = rate, reduction

    def __call__(self, step):
        rate = self.rate(step) if callable(self.rate) else self.rate
        return rate * tf.convert_to_tensor(self.reduction)


def adversarial_posenet(config, steps_per_epoch, products=None):
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
        lanes.precision(training.precision),
        batch_norm.synchronized(training.synchronized_batch_norm),
        convolution.by_product(products),
    ):
        p, c = discriminators(config.model)
        g = generator(config.model)
    model = AdversarialPoseNet(g, p, c, training=training, data=config.data, total_steps=total_steps)
    alternating = training.mode == "alternating" and bool(model.objective.judges)

    def make(rate, updates=1):
        return optimizer(training, rate, total_steps, updates, model.reduction)

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
