"""The part of a training step that runs on the accelerator, as one compiled function with its example inputs.

Everything in it has an XLA kernel and everything it needs comes in as an argument, so that it can be timed by itself
and lowered to StableHLO, for machines that have no TensorFlow.
"""

import numpy as np
import tensorflow as tf

from data_pipeline.geometry import STRIDE
from data_pipeline.skeleton import NUM_JOINTS
from keras_apn import config as configuration
from keras_apn import networks

INPUTS = ("crop", "joints_heatmap", "annotated", "visible", "head_size_heatmap")


def example(crop_size, batch_size, seed=0):
    """What `augment.make_crops` gives, but random: noise for crops, joints anywhere, one in ten not annotated."""
    rng = np.random.default_rng(seed)
    size = crop_size // STRIDE
    return {
        "crop": tf.constant(rng.random((batch_size, crop_size, crop_size, 3)), tf.float32),
        "joints_heatmap": tf.constant(rng.uniform(0, size - 1, (batch_size, NUM_JOINTS, 2)), tf.float32),
        "annotated": tf.constant(rng.random((batch_size, NUM_JOINTS)) < 0.9),
        "visible": tf.constant(rng.random((batch_size, NUM_JOINTS)) < 0.8),
        "head_size_heatmap": tf.fill([batch_size], np.float32(size / 10)),
    }


def compiled(config, batch_size):
    """The step of a configuration, to compile.

    Args:
        config: a `keras_apn.config.Config`.
        batch_size: people in a batch.

    Returns:
        `(function, inputs)`: a `tf.function(jit_compile=True)` that moves the networks by one step and returns the
        scalars that training logs, the losses first, and the list of tensors to call it with. `function.model` is
        the model that it trains.
    """
    model = networks.adversarial_posenet(config, steps_per_epoch=1000)

    @tf.function(jit_compile=True)
    def step(*inputs):
        logs = model.update(dict(zip(INPUTS, inputs, strict=True)))
        return [logs[name] for name in model.means]

    step.model = model
    drawn = example(config.model.crop_size, batch_size)
    return step, [drawn[name] for name in INPUTS]


def demo():
    """The step of `demo.flags`."""
    model = configuration.ModelConfig(crop_size=96, stacks=2, features=64, levels=3, discriminator_features=8)
    training = configuration.TrainingConfig(optimizer="adam", learning_rate=1e-3, foreground_weight=30)
    return compiled(configuration.Config(model, configuration.DataConfig(), training), batch_size=16)


def paper():
    """The step of `mpii.flags` at 16 people."""
    return compiled(configuration.Config(), batch_size=16)


def paper_256():
    """The same with 256 features, which the paper's own figures imply (BUILD_NOTES 10)."""
    return compiled(configuration.Config(configuration.ModelConfig(features=256)), batch_size=16)
