"""Batch norm by the fused operation and over replicas; `test_several_devices.py` has it on several of them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn.models import networks, normalization

KINDS = {
    "Keras": keras.layers.BatchNormalization,
    "fused": normalization.BatchNormalization,
    "synchronized": lambda **settings: normalization.BatchNormalization(synchronized=True, **settings),
}


def network(shape, kind, **settings):
    """A network of one batch norm, with numbers of its own in place of zeros and ones."""
    inputs = keras.Input(shape)
    made = keras.Model(inputs, KINDS[kind](momentum=0.9, epsilon=1e-5, name="norm", **settings)(inputs))
    made.set_weights([np.linspace(0.5, 2.0, shape[-1]) + n for n in range(4)])
    return made


def draw(*shape):
    return np.random.default_rng(0).normal(3.0, 2.0, shape).astype(np.float32)


@pytest.mark.parametrize("kind", ["fused", "synchronized"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_one_replica_normalises_as_keras_does(kind, training):
    x = draw(64, 8, 8, 3)
    ours, theirs = network(x.shape[1:], kind), network(x.shape[1:], "Keras")
    np.testing.assert_allclose(ours(x, training=training), theirs(x, training=training), atol=1e-5)
    # The fused operation's moving variance is of the unbiased kind: 4096 / 4095 times as large.
    for own, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-3)


@pytest.mark.parametrize("kind", ["fused", "synchronized"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
def test_gradients_are_those_of_keras(kind, training):
    x, upstream = tf.constant(draw(4, 6, 5, 3)), draw(4, 6, 5, 3)[::-1]
    found = []
    for made in (network(x.shape[1:], kind), network(x.shape[1:], "Keras")):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(made(x, training=training) * upstream)
        found.append(tape.gradient(loss, [x, *made.trainable_variables]))
    for own, expected in zip(*found, strict=True):
        np.testing.assert_allclose(own, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_statistics_stay_in_float32_under_mixed_precision(precision):
    x = draw(64, 8, 8, 3)
    ours = network(x.shape[1:], "fused", dtype=precision)
    given = ours(x, training=True)
    assert given.dtype == precision.removeprefix("mixed_")
    for own, expected in zip(ours.get_weights(), after_one_batch(x), strict=True):
        assert own.dtype == np.float32
        np.testing.assert_allclose(own, expected, rtol=5e-3)


def after_one_batch(x):
    """The weights of `network` behind one batch in training, worked out."""
    gamma, beta, mean, variance = (np.linspace(0.5, 2.0, 3) + n for n in range(4))
    axes = (0, 1, 2)
    return gamma, beta, 0.9 * mean + 0.1 * x.mean(axes), 0.9 * variance + 0.1 * x.var(axes, ddof=1)


@pytest.mark.parametrize("kind", ["fused", "synchronized"])
def test_a_constant_channel_has_no_negative_variance(kind):
    x = np.full((4, 2, 2, 3), 1234.567, np.float32)
    made = network(x.shape[1:], kind)
    assert np.isfinite(made(x, training=True)).all()
    assert (made.get_layer("norm").moving_variance.numpy() > 0).all()


def test_training_and_inference_are_one_operation_each():
    made = network((4, 4, 3), "fused")
    for training in (True, False):
        run = tf.function(lambda x, training=training: made(x, training=training))
        operations = run.get_concrete_function(tf.TensorSpec([None, 4, 4, 3])).graph.get_operations()
        kinds = [operation.type for operation in operations]
        assert kinds.count("FusedBatchNormV3") == 1
        assert not {"Mean", "Rsqrt", "SquaredDifference"} & set(kinds)


def test_weights_serve_batch_norms_of_either_kind(tiny_config, tmp_path):
    made = networks.generator(tiny_config.model)
    normalization.synchronize(made)
    assert all(layer.synchronized for layer in made.layers if isinstance(layer, normalization.BatchNormalization))
    made.save_weights(str(tmp_path / "g.weights.h5"))
    other = networks.generator(tiny_config.model)
    other.load_weights(str(tmp_path / "g.weights.h5"))
    for own, found in zip(made.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(own, found)


def test_a_model_is_saved_and_loaded_whole(tiny_config, tmp_path):
    made = networks.generator(tiny_config.model)
    made.save(str(tmp_path / "g.keras"))
    other = keras.models.load_model(str(tmp_path / "g.keras"))
    x = np.random.default_rng(0).random((1, 32, 32, 3)).astype(np.float32)
    for name, maps in made(x).items():
        np.testing.assert_allclose(other(x)[name], maps, atol=1e-6)
