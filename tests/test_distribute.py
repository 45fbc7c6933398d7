"""Training on two replicas, in a process of its own: logical devices must be made before TensorFlow starts."""

import dataclasses
import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = """
import sys

import keras
import numpy as np
import tensorflow as tf

from data_pipeline import dataset
from keras_apn import config, networks

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
settings = config.load(sys.argv[1])
with strategy.scope():
    model = networks.adversarial_posenet(settings, 2)
before = [v.numpy() for v in model.generator.trainable_variables]
batches = dataset.load(dataset.find(settings.data.train_records), patch_size=56, batch_size=4, repeat=True)
# All five in one batch, three and two: oneDNN's convolution fails on a replica that is left without any.
validation = dataset.load(dataset.find(settings.data.validation_records), patch_size=56, batch_size=5)
history = model.fit(batches, steps_per_epoch=2, epochs=1, validation_data=validation, verbose=0).history
assert model.step.numpy() == 2, model.step
assert all(np.isfinite(values).all() for values in history.values()), history
assert any((b != v.numpy()).any() for b, v in zip(before, model.generator.trainable_variables))
score = model.evaluate(validation, verbose=0, return_dict=True)["pckh"]
print("pckh", float(score), float(history["val_pckh"][-1]))
"""


def test_two_replicas_train_together(tiny_config, tmp_path):
    model = dataclasses.replace(tiny_config.model, levels=1)
    dataclasses.replace(tiny_config, model=model).save(str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"},
        cwd=pathlib.Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    _, again, first = done.stdout.split()[-3:]
    assert float(again) == pytest.approx(float(first), abs=1e-6)
