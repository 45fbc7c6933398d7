import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn.models import blocks


def doubled_with_gradient(x, upstream):
    layer = blocks.Double()
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
    return y, tape.gradient(y, x, output_gradients=upstream)


@pytest.fixture(scope="module")
def doubling():
    rng = np.random.default_rng(0)
    return [tf.constant(rng.normal(size=s), tf.float32) for s in ((2, 3, 4, 5), (2, 6, 8, 5))]


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "XLA"])
def test_double_repeats_pixels_and_its_gradient_sums_them(doubling, compiled):
    function = tf.function(doubled_with_gradient, jit_compile=True) if compiled else doubled_with_gradient
    x, upstream = doubling
    y, gradient = function(x, upstream)
    np.testing.assert_array_equal(y, np.repeat(np.repeat(x, 2, axis=1), 2, axis=2))
    pooled = upstream.numpy().reshape(2, 3, 2, 4, 2, 5).sum(axis=(2, 4))
    np.testing.assert_allclose(gradient, pooled, rtol=1e-5, atol=1e-6)


def test_double_knows_its_output_shape():
    assert blocks.Double()(keras.Input((3, 4, 5))).shape == (None, 6, 8, 5)


@pytest.mark.parametrize("filters", [8, 6], ids=["same width", "another width"])
def test_residual_has_the_asked_width_and_the_size_it_got(filters):
    assert blocks.residual(keras.Input((4, 6, 8)), filters, name="r").shape == (None, 4, 6, filters)


@pytest.mark.parametrize(
    ("channels", "filters", "count"),
    [
        # Batch norms 4 * (8 + 4 + 4), convolutions 8 * 4 + 4, 9 * 4 * 4 + 4 and 4 * 8 + 8.
        (8, 8, 64 + 36 + 148 + 40),
        # Batch norms 4 * (6 + 4 + 4), convolutions 6 * 4 + 4, 9 * 4 * 4 + 4, 4 * 8 + 8, and 6 * 8 + 8 across.
        (6, 8, 56 + 28 + 148 + 40 + 56),
    ],
    ids=["same width", "with a projection"],
)
def test_residual_has_a_bottleneck_of_half_the_width(channels, filters, count):
    x = keras.Input((4, 4, channels))
    assert keras.Model(x, blocks.residual(x, filters, name="r")).count_params() == count


def test_residual_without_its_last_convolution_is_the_identity():
    x = keras.Input((4, 4, 8))
    model = keras.Model(x, blocks.residual(x, 8, name="r"))
    last = model.get_layer("r_3_conv")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    value = np.random.default_rng(0).normal(size=(1, 4, 4, 8)).astype(np.float32)
    np.testing.assert_array_equal(model(value), value)


def test_encoder_decoder_keeps_shape_and_reaches_the_coarsest_resolution():
    x = keras.Input((16, 16, 4))
    model = keras.Model(x, blocks.encoder_decoder(x, 3, name="h"))
    assert model.output_shape == (None, 16, 16, 4)
    assert model.get_layer("h_bottom_add").output.shape == (None, 2, 2, 4)


@pytest.mark.parametrize("level", [1, 2])
def test_encoder_decoder_has_a_skip_at_every_level(level):
    """With all else empty, what the skip of one level carries comes out."""
    x = keras.Input((8, 8, 4))
    model = keras.Model(x, blocks.encoder_decoder(x, 2, name="h"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    merge = model.get_layer(f"h_up{level}_merge")
    skip = model.get_layer(f"h_skip{level}_add")
    assert any(source is skip.output for source in merge.input)


def test_image_stem_quarters_the_image():
    x = keras.Input((32, 48, 3))
    assert blocks.image_stem(x, 16, name="stem").shape == (None, 8, 12, 16)
