"""Floating-point operations of a network's forward: 2 x multiply-adds of convolutions, dense layers and einsum.

Everything else, such as batch norm, pooling and P's and C's reading of single joints, moves memory rather than
multiplying, and is not counted.
"""

import math

import keras

from keras_apn.models import discriminator_layers


def forward(network: keras.Model) -> int:
    """Operations for one image, those of the networks within it included."""
    return sum(forward(layer) if isinstance(layer, keras.Model) else of_layer(layer) for layer in network.layers)


def multiplies(layer: keras.layers.Layer) -> bool:
    """Whether a layer's operations are counted."""
    return isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense, discriminator_layers.PooledAtJoints))


def of_layer(layer: keras.layers.Layer) -> int:
    """Operations of one layer's forward for one image; padding counts as if it were multiplied."""
    if not multiplies(layer):
        return 0
    if isinstance(layer, discriminator_layers.PooledAtJoints):
        maps, features = (tensor.shape for tensor in layer.input)
        return 2 * math.prod(maps[1:]) * features[-1]
    # Each number of the output is the sum of as many products as a column of the kernel has numbers.
    kernel = layer.kernel.shape
    return 2 * math.prod(layer.output.shape[1:]) * math.prod(kernel[:-1])
