"""Convolutions that learn faster on a CPU: the gradient of their filters is one matrix product (BUILD_NOTES 40)."""

import keras
import tensorflow as tf

from keras_apn.models import layer_kinds

# oneDNN's own gradient is as fast for less than so many rows, columns or channels.
LEAST = 64
CPU_INFO = "/proc/cpuinfo"


def pays():
    """Whether products are faster here than oneDNN's own gradient: where it computes by AVX2, without a GPU.

    Linux alone tells what a processor can do; False elsewhere.
    """
    if tf.config.list_logical_devices("GPU"):
        return False
    try:
        with open(CPU_INFO, encoding="utf-8") as file:
            able = next((set(line.split()) for line in file if line.startswith("flags")), set())
    except OSError:
        return False
    return "avx2" in able and "avx512f" not in able


def filter_gradient(features, upstream):
    """The gradient of a 3 x 3 convolution's filters: stride 1, zeros around the image.

    Each of its nine blocks is a product of the features, shifted, and the upstream gradient. All are blocks of a single
    product once the features are shifted by columns, and the upstream gradient by rows instead. With zeros around every
    image, a shift is an offset in the list of all pixels.

    Args:
        features: `[B, H, W, C]`, what the convolution saw.
        upstream: `[B, H, W, F]`, the gradient of what it gave.

    Returns:
        `[3, 3, C, F]`.
    """
    width, seen, given = features.shape[2] + 2, features.shape[3], upstream.shape[3]
    border = [[0, 0], [1, 1], [1, 1], [0, 0]]
    pixels = tf.reshape(tf.pad(features, border), [-1, seen])
    moves = tf.reshape(tf.pad(upstream, border), [-1, given])
    columns = [pixels[width + shift : shift - width] for shift in (-1, 0, 1)]
    rows = [moves[2 * width :], moves[width:-width], moves[: -2 * width]]
    product = tf.matmul(tf.concat(columns, 1), tf.concat(rows, 1), transpose_a=True)
    return tf.transpose(tf.reshape(product, [3, seen, 3, given]), [2, 0, 1, 3])


@tf.custom_gradient
def _convolve(features, filters, bias):
    def gradient(upstream):
        return (
            tf.nn.conv2d_transpose(upstream, filters, tf.shape(features), 1),
            filter_gradient(features, upstream),
            tf.raw_ops.BiasAddGrad(out_backprop=upstream),
        )

    return tf.nn.bias_add(tf.nn.conv2d(features, filters, 1, "SAME"), bias), gradient


class Conv2D(keras.layers.Conv2D):
    """Keras's convolution with `filter_gradient` in training, where that is faster.

    It has Keras's name and weights, so that files of weights serve both.
    """

    def call(self, inputs, training=None):
        """[B, H, W, C] features, convolved."""
        if not (training and self._pays(inputs)):
            return super().call(inputs)
        return _convolve(inputs, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))

    def _pays(self, inputs):
        plain = self.kernel_size == (3, 3) and self.strides == (1, 1) and self.padding == "same" and self.use_bias
        return plain and inputs.dtype == tf.float32 and min(*inputs.shape[1:], self.filters) >= LEAST


_CHOICE = layer_kinds.Choice(keras.layers.Conv2D, Conv2D)
by_product, layer = _CHOICE.within, _CHOICE.layer
