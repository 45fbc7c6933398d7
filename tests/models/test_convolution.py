"""Convolutions whose filters' gradient is one matrix product."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks import step
from keras_apn import config
from keras_apn.models import blocks, convolution
from keras_apn.training.build import build_model


def draw(*shape, seed=0):
    """Numbers from a normal distribution, [shape]."""
    return tf.random.stateless_normal(shape, [seed, 0])


def paired(height, width, channels, filters, **settings):
    """One layer of Keras and one of ours with the same weights."""
    with convolution.by_product(True):
        ours = convolution.layer(filters, 3, padding="same", bias_initializer="normal", **settings)
    theirs = keras.layers.Conv2D(filters, 3, padding="same", **settings)
    for made in (ours, theirs):
        made.build((None, height, width, channels))
    theirs.set_weights(ours.get_weights())
    return ours, theirs


def gradients(layer, features, upstream, **arguments):
    """Of the features, filters and bias, and what the layer gives."""
    with tf.GradientTape() as tape:
        tape.watch(features)
        given = layer(features, **arguments)
        loss = tf.reduce_sum(given * upstream)
    return [given, *tape.gradient(loss, [features, *layer.trainable_variables])]


def convolutions(network):
    """The kinds of a model's convolutions, those of models within it too."""
    kinds = set()
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            kinds |= convolutions(layer)
        elif isinstance(layer, keras.layers.Conv2D):
            kinds.add(type(layer))
    return kinds


def operations(function):
    """The kinds of operations in a function's graph."""
    return {operation.type for operation in function.get_concrete_function().graph.get_operations()}


@pytest.mark.parametrize(
    ("batch", "height", "width", "channels", "filters"),
    [(1, 1, 1, 1, 1), (2, 5, 4, 3, 2), (3, 2, 7, 1, 4), (1, 8, 8, 6, 5), (2, 1, 6, 2, 2), (2, 6, 1, 2, 2)],
)
def test_the_product_is_the_gradient(batch, height, width, channels, filters):
    features, upstream = draw(batch, height, width, channels), draw(batch, height, width, filters, seed=1)
    kernel = draw(3, 3, channels, filters, seed=2)
    with tf.GradientTape() as tape:
        tape.watch(kernel)
        loss = tf.reduce_sum(tf.nn.conv2d(features, kernel, 1, "SAME") * upstream)
    found = convolution.filter_gradient(features, upstream)
    np.testing.assert_allclose(found, tape.gradient(loss, kernel), rtol=1e-4, atol=1e-4)


def test_the_layer_learns_as_keras_does(monkeypatch):
    monkeypatch.setattr(convolution, "LEAST", 4)
    ours, theirs = paired(8, 6, 5, 4)
    features, upstream = draw(2, 8, 6, 5), draw(2, 8, 6, 4, seed=1)
    found, expected = gradients(ours, features, upstream, training=True), gradients(theirs, features, upstream)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_batches_of_any_size_are_learned_from(monkeypatch):
    monkeypatch.setattr(convolution, "LEAST", 4)
    ours, theirs = paired(8, 6, 5, 4)

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 6, 5])])
    def learn(features):
        return gradients(ours, features, 1.0, training=True)

    for batch in (1, 3):
        features = draw(batch, 8, 6, 5)
        for one, other in zip(learn(features), gradients(theirs, features, 1.0), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "channels", "settings"),
    [
        ((64, 64), 64, {}),
        ((63, 64), 64, {"strides": 1}),
        ((64, 63), 64, {"strides": 1}),
        ((64, 64), 63, {"strides": 1}),
        ((64, 64), 64, {"use_bias": False}),
        ((64, 64), 64, {"filters": 63}),
        ((64, 64), 64, {"kernel_size": 1}),
        ((128, 128), 64, {"strides": 2}),
        ((66, 66), 64, {"padding": "valid"}),
        ((64, 64), 64, {"dtype": "mixed_bfloat16"}),
    ],
)
def test_only_large_convolutions_of_three_by_three_in_training(size, channels, settings):
    chosen = {"filters": 64, "kernel_size": 3, "padding": "same", **settings}
    with convolution.by_product(True):
        layer = convolution.layer(**chosen)
    layer.build((None, *size, channels))

    def learn(training):
        def run():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(tf.ones([1, *size, channels]), training=training))
            return tape.gradient(loss, layer.trainable_variables[0])

        return "MatMul" in operations(tf.function(run))

    assert learn(training=True) == (not settings)
    assert not learn(training=False)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("flags\t\t: fpu avx avx2 fma\n", True),
        ("flags\t\t: fpu avx avx2 avx512f\n", False),
        ("flags\t\t: fpu avx\n", False),
        ("Features\t: fp asimd\n", False),
        (None, False),
    ],
    ids=["AVX2", "AVX-512", "neither", "ARM", "no Linux"],
)
def test_products_pay_where_onednn_computes_by_avx2(monkeypatch, tmp_path, told, expected):
    if told is not None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{told}\nprocessor\t: 1\n{told}")
    monkeypatch.setattr(convolution, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    assert convolution.pays() == expected


def test_products_do_not_pay_beside_a_gpu(monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text("flags\t\t: avx2\n")
    monkeypatch.setattr(convolution, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: ["one"])
    assert not convolution.pays()


@pytest.mark.parametrize(
    ("pays", "training", "products"), [(True, {}, True), (True, {"xla": True}, False), (False, {}, False)]
)
def test_networks_learn_by_products_where_that_pays_and_without_xla(monkeypatch, pays, training, products):
    monkeypatch.setattr(convolution, "pays", lambda: pays)
    settings = config.Config(
        model=config.ModelConfig(crop_size=32, stacks=1, features=4, levels=1, discriminator_features=4),
        training=config.TrainingConfig(**training),
    )
    objective = build_model(settings, 10).objective
    for network in objective.networks.values():
        assert convolutions(network) == {convolution.Conv2D if products else keras.layers.Conv2D}


def test_what_is_lowered_for_other_machines_has_no_products():
    function, _ = step.tiny()
    for network in function.model.objective.networks.values():
        assert convolutions(network) == {keras.layers.Conv2D}


def test_the_kind_is_as_before_behind_what_was_chosen():
    with pytest.raises(ZeroDivisionError), convolution.by_product(True):
        raise ZeroDivisionError
    assert type(convolution.layer(1, 1)) is keras.layers.Conv2D
    assert blocks.conv(keras.Input((4, 4, 1)), 2, name="plain").shape[-1] == 2
