"""Trains in a process of its own, for tests of what must be chosen before TensorFlow starts.

    python tests/training_process.py '{"config": DIR, "workdir": DIR, "out": FILE.npz, "devices": 2, "stop_after": 1}'

Steps are plain ones against the gradient: RMSProp and Adam turn a rounding into a whole step where a gradient is nearly
zero, so that their weights say nothing about how alike two gradients are. Nothing is traced, which takes longer than a
few steps. With `"whole": true` all is as users have it. With `"die_after": 1` the process kills itself after that step.
"""

import json
import os
import signal
import sys

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import keras
import numpy as np
import tensorflow as tf

from keras_apn import config, train
from keras_apn.optimization import optimizers
from keras_apn.training import callbacks, checkpoints, distribution, signals

LEARNING_RATE, FAR = 1e-3, 3.0
build, make_strategy, end_of_step = (
    train.build_model,
    distribution.make_strategy,
    callbacks.RunKeeper.on_train_batch_end,
)
begun, strategies = {}, {}


def everything(model):
    """All that steps move, and the moving average: arrays by network and what they are."""
    kinds = {"average": model.average.values}
    for name, network in checkpoints.networks(model).items():
        kinds[f"{name} weights"] = network.trainable_variables
        kinds[f"{name} statistics"] = network.non_trainable_variables
    return {f"{kind}/{n}": value.numpy() for kind, values in kinds.items() for n, value in enumerate(values)}


def built(*arguments):
    """The model, with a score that fresh networks can have too; remembers how it began."""
    model = build(*arguments)
    model.pckh.threshold = FAR
    begun.update(everything(model))
    return model


def once(name):
    """TensorFlow meets other processes once in the life of this one."""
    if name not in strategies:
        strategies[name] = make_strategy(name)
    return strategies[name]


def stopping(self, batch, logs=None):
    """Asks this process to stop after the step, once."""
    if self.step + 1 == told["stop_after"]:
        told["stop_after"] = None
        os.kill(os.getpid(), signal.SIGTERM)
    end_of_step(self, batch, logs)
    if self.step == told["die_after"]:
        os.kill(os.getpid(), signal.SIGKILL)


told = {"devices": 1, "stop_after": None, "die_after": None, "whole": False, **json.loads(sys.argv[1])}
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * told["devices"])
if not told["whole"]:
    tf.config.run_functions_eagerly(True)
    optimizers.configured = lambda *_: keras.optimizers.SGD(LEARNING_RATE)
train.build_model, distribution.make_strategy = built, once
callbacks.RunKeeper.on_train_batch_end = stopping
signals.EVERY = 1
settings = config.load(told["config"])
try:
    model = train.train(settings, told["workdir"])
except signals.Stopped:
    model = train.train(settings, told["workdir"])
np.savez(told["out"], **everything(model), **{f"begun/{name}": value for name, value in begun.items()})
