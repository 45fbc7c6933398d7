import functools
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn import config, networks, optimizers

PAIRS = {
    "rmsprop": tuple(
        functools.partial(kind, rho=0.99, epsilon=1e-8) for kind in (optimizers.RMSprop, keras.optimizers.RMSprop)
    ),
    "adam": (optimizers.Adam, keras.optimizers.Adam),
}
# Devices must be made before TensorFlow starts, so this is a process of its own.
ON_TWO_DEVICES = """
import keras
import numpy as np
import tensorflow as tf

from keras_apn import optimizers

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def moved(kind):
    with strategy.scope():
        own = [getattr(keras, "Variable", tf.Variable)(np.ones(shape), dtype="float32") for shape in ([3, 4], [5])]
        optimizer = kind(0.01)
        optimizer.build(own)

    def step():
        number = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        optimizer.apply_gradients([((number + 1.0) * tf.ones(v.shape), v) for v in own])

    for _ in range(3):
        tf.function(lambda: strategy.run(step))()
    stored = [v.value if hasattr(keras, "Variable") else v for v in own]
    return [[np.array(part) for part in strategy.experimental_local_results(v)] for v in stored]


for ours, theirs in ((optimizers.RMSprop, keras.optimizers.RMSprop), (optimizers.Adam, keras.optimizers.Adam)):
    for mine, expected in zip(moved(ours), moved(theirs), strict=True):
        assert len(mine) == 2
        np.testing.assert_array_equal(mine[0], mine[1])
        np.testing.assert_allclose(mine, expected, atol=1e-6)
        assert (mine[0] != 1).all()
"""
SHAPES = ([3, 4], [5], [2, 2, 3, 1])


def variables(shapes, rng):
    make = getattr(keras, "Variable", tf.Variable)
    return [make(rng.normal(size=shape), dtype="float32") for shape in shapes]


def moved(optimizer, steps=6):
    """Arrays after so many steps down the same gradients, taken in a graph."""
    rng = np.random.default_rng(0)
    own = variables(SHAPES, rng)
    gradients = [[tf.constant(rng.normal(size=shape), tf.float32) for shape in SHAPES] for _ in range(steps)]
    optimizer.build(own)
    step = tf.function(lambda given: optimizer.apply_gradients(zip(given, own, strict=True)))
    for given in gradients:
        step(given)
    return [v.numpy() for v in own]


@pytest.mark.parametrize("schedule", [False, True], ids=["constant", "schedule"])
@pytest.mark.parametrize("name", PAIRS)
def test_it_moves_as_keras_does(name, schedule):
    ours, theirs = PAIRS[name]
    rate = keras.optimizers.schedules.CosineDecay(0.1, 6, warmup_target=0.2, warmup_steps=2) if schedule else 0.01
    for mine, expected in zip(moved(ours(rate)), moved(theirs(rate)), strict=True):
        np.testing.assert_allclose(mine, expected, atol=2e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_an_update_takes_half_of_keras_operations(name):
    def operations(optimizer):
        own = variables([[3]] * 20, np.random.default_rng(0))
        optimizer.build(own)
        step = tf.function(lambda: optimizer.apply_gradients([(tf.ones([3]), v) for v in own]))
        return len(step.get_concrete_function().graph.get_operations())

    ours, theirs = PAIRS[name]
    assert operations(ours(0.01)) < 0.55 * operations(theirs(0.01))


@pytest.mark.parametrize(("name", "kind"), [("rmsprop", optimizers.RMSprop), ("adam", optimizers.Adam)])
def test_a_training_uses_them(name, kind):
    assert type(networks.optimizer(config.TrainingConfig(optimizer=name), 1e-3, 10)) is kind


def test_replicas_move_alike():
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[1],
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
