import functools
import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn import config
from keras_apn.optimization import optimizers

KINDS = {
    "rmsprop": (optimizers.RMSprop, functools.partial(keras.optimizers.RMSprop, rho=0.99)),
    "adam": (optimizers.Adam, keras.optimizers.Adam),
}
names = pytest.mark.parametrize("name", KINDS)
# Devices must be made before TensorFlow starts, so this is a process of its own.
IN_TORCH = """
import functools, json, sys
import torch
told = json.loads(sys.argv[1])
kind = {"rmsprop": functools.partial(torch.optim.RMSprop, alpha=0.99), "adam": torch.optim.Adam}[told["name"]]
own = torch.tensor(told["start"], dtype=torch.float64, requires_grad=True)
optimizer = kind([own], lr=told["rate"], eps=1e-8)
for given in told["gradients"]:
    own.grad = torch.tensor(given, dtype=torch.float64)
    optimizer.step()
print(json.dumps(own.tolist()))
"""
ON_TWO_DEVICES = """
import keras
import numpy as np
import tensorflow as tf

from keras_apn.optimization import optimizers

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def moved(kind, strategy, numbers):
    with strategy.scope():
        own = [getattr(keras, "Variable", tf.Variable)(np.ones(shape), dtype="float32") for shape in ([3, 4], [5])]
        optimizer = kind(0.01)
        optimizer.build(own)

    def step():
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        number = tf.gather(tf.constant(numbers), tf.cast(replica, tf.int32))
        optimizer.apply_gradients([(number * tf.ones(v.shape), v) for v in own])

    for _ in range(3):
        tf.function(lambda: strategy.run(step))()
    stored = [v.value if hasattr(keras, "Variable") else v for v in own]
    return [[np.array(part) for part in strategy.experimental_local_results(v)] for v in stored]


for kind in (optimizers.RMSprop, optimizers.Adam):
    two = moved(kind, tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), [1e-8, 2e-8])
    one = moved(kind, tf.distribute.OneDeviceStrategy("CPU:0"), [3e-8])
    for mine, expected in zip(two, one, strict=True):
        assert len(mine) == 2
        np.testing.assert_array_equal(mine[0], mine[1])
        np.testing.assert_allclose(mine[0], expected[0], atol=1e-6)
        assert (mine[0] != 1).all()
"""
START, SLOPE, RATE = np.array([1.0, -2.0, 0.5]), np.array([1.0, -3.0, 0.5]), 0.01


def variables(shapes, rng):
    make = getattr(keras, "Variable", tf.Variable)
    return [make(rng.normal(size=shape), dtype="float32") for shape in shapes]


def moved(optimizer, gradients):
    """`START` after steps down these gradients, taken in a graph."""
    own = getattr(keras, "Variable", tf.Variable)(START, dtype="float32")
    optimizer.build([own])
    step = tf.function(lambda given: optimizer.apply_gradients([(given, own)]))
    for given in gradients:
        step(tf.constant(given, tf.float32))
    return own.numpy()


def torch7_rmsprop(gradients):
    """Torch7's `optim.rmsprop` in float64: the root first, then epsilon."""
    weights, square = START.copy(), np.zeros(3)
    for g in gradients:
        square = 0.99 * square + 0.01 * g * g
        weights -= RATE * g / (np.sqrt(square) + 1e-8)
    return weights


def paper_adam(gradients):
    """Algorithm 1 of Kingma and Ba in float64: epsilon beside the root of the corrected moment."""
    weights, mean, square = START.copy(), np.zeros(3), np.zeros(3)
    for t, g in enumerate(gradients, 1):
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
        weights -= RATE * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
    return weights


FORMULAS = {"rmsprop": torch7_rmsprop, "adam": paper_adam}


@names
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e-8, 1e-9])
def test_the_formula_is_the_one_that_is_named_however_small_the_gradients(name, scale):
    # Epsilon within the root, or beside a moment that is not corrected, is off by more than the move at 1e-8.
    gradients = [scale * t * SLOPE for t in range(1, 5)]
    expected = FORMULAS[name](gradients)
    found = moved(KINDS[name][0](RATE), gradients)
    np.testing.assert_allclose(found - START, expected - START, rtol=1e-4, atol=5e-7)


@pytest.mark.parametrize(("name", "share"), [("rmsprop", 10.0 / (1 + 1)), ("adam", 1 / 1.1)])
def test_a_first_step_by_hand(name, share):
    # RMSProp: g = 1e-7, sqrt(0.01 g^2) = 1e-8 = epsilon: rate * 1e-7 / 2e-8. Adam: rate * 1e-7 / (1e-7 + 1e-8).
    found = moved(KINDS[name][0](RATE), [np.full(3, 1e-7)])
    np.testing.assert_allclose(START - found, RATE * share, rtol=1e-4)


@names
def test_it_agrees_with_pytorch(torch_python, name):
    gradients = [1e-7 * t * SLOPE for t in range(1, 7)]
    told = {"name": name, "start": START.tolist(), "rate": RATE, "gradients": np.array(gradients).tolist()}
    done = subprocess.run([torch_python, "-c", IN_TORCH, json.dumps(told)], capture_output=True, text=True, check=True)
    found = moved(KINDS[name][0](RATE), gradients)
    np.testing.assert_allclose(found - START, np.array(json.loads(done.stdout)) - START, rtol=1e-4, atol=5e-7)


@names
def test_a_schedule_sets_the_rate(name):
    rate = keras.optimizers.schedules.PiecewiseConstantDecay([1], [0.0, RATE])
    gradients = [SLOPE] * 2
    still = moved(KINDS[name][0](rate), gradients)
    np.testing.assert_array_equal(still, START.astype(np.float32))
    assert (moved(KINDS[name][0](rate), [SLOPE] * 3) != still).all()


@names
def test_an_update_takes_fewer_operations_than_keras(name):
    def operations(optimizer):
        own = variables([[3]] * 20, np.random.default_rng(0))
        optimizer.build(own)
        step = tf.function(lambda: optimizer.apply_gradients([(tf.ones([3]), v) for v in own]))
        return len(step.get_concrete_function().graph.get_operations())

    ours, theirs = KINDS[name]
    assert operations(ours(0.01)) < 0.75 * operations(theirs(0.01))


@names
def test_a_training_uses_them(name):
    assert type(optimizers.configured(config.TrainingConfig(optimizer=name), 1e-3, 10)) is KINDS[name][0]


def test_replicas_move_alike():
    done = subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
