"""From a configuration to the compiled model that trains G, P and C."""

from keras_apn import devices, keras_compat
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.config import Config
from keras_apn.models import networks, normalization
from keras_apn.optimization import optimizers
from keras_apn.training import determinism


def build_model(config: Config, steps_per_epoch: int) -> AdversarialPoseNet:
    """The compiled `AdversarialPoseNet` of a `config.Config`.

    Args:
        config: the configuration.
        steps_per_epoch: batches in an epoch, which schedules count in.
    """
    training, total_steps = config.training, config.training.epochs * steps_per_epoch
    determinism.configure(training)
    devices.configure(training)
    with keras_compat.precision(training.precision):
        p, c = networks.discriminators(config.model)
        g = networks.generator(config.model)
    if training.synchronized_batch_norm:
        normalization.synchronize(g, p)
    skeleton = config.model.skeleton
    model = AdversarialPoseNet(g, p, c, training=training, data=config.data, total_steps=total_steps, skeleton=skeleton)
    alternating = training.mode == "alternating" and bool(model.networks.discriminators)

    def make(rate, updates=1):
        return optimizers.configured(training, rate, total_steps, updates, model.reduction)

    rate, twice = training.learning_rate, alternating and not training.split_optimizer
    # In alternating mode P and C move twice a step too: by their fake and by their real terms.
    moves = 2 if alternating else 1
    judge = {key: make(training.discriminator_learning_rate, moves) for key in model.networks.discriminators}
    model.compile(
        make(rate, 2 if twice else 1),
        pose_optimizer=judge.get("p"),
        confidence_optimizer=judge.get("c"),
        adversarial_optimizer=make(rate) if alternating and training.split_optimizer else None,
    )
    return model
