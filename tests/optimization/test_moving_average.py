import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn.optimization.moving_average import MovingAverage


@pytest.fixture
def network():
    """One weight, and batch norm's four."""
    inputs = keras.Input((1,))
    outputs = keras.layers.BatchNormalization()(keras.layers.Dense(1, use_bias=False)(inputs))
    return keras.Model(inputs, outputs)


def fill(network, value):
    network.set_weights([np.full_like(w, value) for w in network.get_weights()])


def numbers(arrays):
    return {float(x) for array in arrays for x in np.ravel(array)}


def test_it_starts_at_the_weights(network):
    fill(network, 3)
    assert numbers(v.numpy() for v in MovingAverage(network, 0.9).values) == {3.0}


@pytest.mark.parametrize(("step", "expected"), [(1, 9 / 11), (10**6, 0.5)], ids=["soon forgets its start", "decay"])
def test_a_step_moves_it_toward_the_weights(network, step, expected):
    fill(network, 0)
    average = MovingAverage(network, 0.5)
    fill(network, 1)
    average.update(tf.constant(step, tf.int64))
    assert len(average.values) == 5
    assert sorted(numbers(v.numpy() for v in average.values)) == pytest.approx([expected])


def test_the_network_has_the_average_for_a_while(network):
    fill(network, 1)
    average = MovingAverage(network, 0.5)
    fill(network, 2)
    with average.in_place():
        assert numbers(network.get_weights()) == {1.0}
    assert numbers(network.get_weights()) == {2.0}
