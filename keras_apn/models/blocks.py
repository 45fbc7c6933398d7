"""The parts that G, P and C are built of: convolutions, the residual module and the encoder-decoder."""

import keras
import tensorflow as tf

from keras_apn.models.normalization import BatchNormalization

# Keras's default of 0.99 needs hundreds of steps to follow the weights: validation collapses in short runs.
BATCH_NORM_MOMENTUM = 0.9


def norm_relu(x: tf.Tensor, *, name: str, norm: bool = True) -> tf.Tensor:
    """Batch norm, then ReLU; without `norm` ReLU alone."""
    if norm:
        x = BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=1e-5, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def conv(
    x: tf.Tensor, filters: int, kernel: int = 1, strides: int = 1, *, name: str, stddev: float | None = None
) -> tf.Tensor:
    """A plain convolution with bias; `stddev` starts the kernel from a normal distribution instead of Glorot's."""
    start = "glorot_uniform" if stddev is None else keras.initializers.RandomNormal(stddev=stddev)
    return keras.layers.Conv2D(
        filters, kernel, strides=strides, padding="same", kernel_initializer=start, name=f"{name}_conv"
    )(x)


def residual(x: tf.Tensor, filters: int, *, name: str, norm: bool = True) -> tf.Tensor:
    """Pre-activation bottleneck with a skip; the paper's only convolution block (Section 2.1).

    Args:
        x: `[B, H, W, C]` features.
        filters: output channels; the two inner convolutions have half as many.
        name: prefix of every layer's name.
        norm: whether batch norm stands before each ReLU; without it the first convolution has no ReLU before it
            either (TensorFlow's remapper fails on a sum whose uses are a ReLU and another sum).

    Returns:
        `[B, H, W, filters]` features.
    """
    x = Apart(name=f"{name}_apart")(x)
    y = conv(norm_relu(x, name=f"{name}_1") if norm else x, filters // 2, name=f"{name}_1")
    y = conv(norm_relu(y, name=f"{name}_2", norm=norm), filters // 2, 3, name=f"{name}_2")
    y = conv(norm_relu(y, name=f"{name}_3", norm=norm), filters, name=f"{name}_3")
    skip = x if x.shape[-1] == filters else conv(x, filters, name=f"{name}_skip")
    return keras.layers.Add(name=f"{name}_add")([skip, y])


def halve(x: tf.Tensor, *, name: str) -> tf.Tensor:
    """Max pooling to half the height and width."""
    return keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)


@tf.custom_gradient
def _double(x):
    height, width = x.shape[1:3]

    def gradient(upstream):
        return 4.0 * tf.nn.avg_pool2d(upstream, 2, 2, "VALID")

    # Not `tf.image.resize`: it asks for centres at half pixels, which makes no difference here, and which NNAPI lacks
    # before Android 11.
    return tf.raw_ops.ResizeNearestNeighbor(images=x, size=[2 * height, 2 * width]), gradient


@keras.saving.register_keras_serializable("keras_apn")
class Double(keras.layers.Layer):
    """Nearest-neighbour upsampling by two: [B, H, W, C] to [B, 2H, 2W, C].

    Forward it is the stock operator, which every export format knows. Its gradient is written as a pooling, because
    TensorFlow 2.15 has no XLA kernel for the stock one.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return _double(inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        batch, height, width, channels = input_shape
        return (batch, 2 * height, 2 * width, channels)


@keras.saving.register_keras_serializable("keras_apn")
class Apart(keras.layers.Layer):
    """The identity: the gradients of all that uses what it gives are summed before those of other uses.

    No tensor of ours is used more than twice. TensorFlow sums three or more gradients in an order that depends on
    which buffers are free, or which gradient is there first: two runs would not be equal to the bit (BUILD_NOTES 35).
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.identity(inputs)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape


def encoder_decoder(x: tf.Tensor, levels: int, *, name: str, norm: bool = True) -> tf.Tensor:
    """The hourglass: `levels` times down and up again, with a skip across at every level (Section 2.1).

    Args:
        x: `[B, H, W, C]` features; H and W can be halved `levels` times.
        levels: how often the resolution is halved.
        name: prefix of every layer's name.
        norm: as of `residual`.

    Returns:
        `[B, H, W, C]` features.
    """
    filters, skips, x = x.shape[-1], [], Apart(name=f"{name}_apart")(x)
    for level in range(1, levels + 1):
        skips.append(residual(x, filters, name=f"{name}_skip{level}", norm=norm))
        x = residual(halve(x, name=f"{name}_down{level}"), filters, name=f"{name}_down{level}", norm=norm)
    x = residual(x, filters, name=f"{name}_bottom", norm=norm)
    for level in range(levels, 0, -1):
        x = residual(x, filters, name=f"{name}_up{level}", norm=norm)
        x = Double(name=f"{name}_up{level}_double")(x)
        x = keras.layers.Add(name=f"{name}_up{level}_merge")([x, skips.pop()])
    return x


def image_stem(image: tf.Tensor, filters: int, *, name: str) -> tf.Tensor:
    """Brings an image to a quarter of its size: convolution, residual, max pooling, two residuals (Section 2.1).

    Args:
        image: `[B, 4H, 4W, 3]` within 0 and 1.
        filters: output channels; the first convolution has half as many and at most 64, the two residuals between
            at most 128, which at 256 and 512 is the hourglass paper's 64, 128, 128.
        name: prefix of every layer's name.

    Returns:
        `[B, H, W, filters]` features.
    """
    narrow, middle = min(64, filters // 2), min(128, filters)
    x = conv(image, narrow, 7, 2, name=f"{name}_entry")
    x = residual(norm_relu(x, name=f"{name}_entry"), middle, name=f"{name}_res1")
    x = residual(halve(x, name=name), middle, name=f"{name}_res2")
    return residual(x, filters, name=f"{name}_res3")
