"""Counted operations: by hand, against known counts, and against the graph that a step runs."""

import dataclasses
import math

import keras
import pytest
import tensorflow as tf

from benchmarks import arithmetic, presets, step
from keras_apn import config
from keras_apn.models import blocks, discriminator_layers, discriminators, generator, networks

SMALL = config.ModelConfig(crop_size=16, stacks=1, features=4, levels=1, discriminator_features=6)


def test_a_convolution_by_hand():
    image = keras.Input((16, 16, 5))
    network = keras.Model(image, blocks.conv(image, 7, kernel=3, strides=2, name="only"))
    # 8 x 8 x 7 numbers, each the sum of 3 x 3 x 5 products.
    assert arithmetic.forward(network) == 2 * 448 * 45
    assert arithmetic.entry(network) == 2 * 448 * 45
    # Forward and the gradient of the weights; nobody asks for the image's.
    assert arithmetic.training(network) == 2 * 2 * 448 * 45


def test_a_residual_module_by_hand():
    features = keras.Input((8, 8, 6))
    network = keras.Model(features, blocks.residual(features, 10, name="module"))
    # 1x1 to half the width, 3x3, 1x1 to all of it, and the projection of the skip.
    products = 64 * (6 * 5 + 9 * 5 * 5 + 5 * 10 + 6 * 10)
    assert arithmetic.forward(network) == 2 * products
    # Batch norm stands before the first of them; the projection reads the input as it is.
    assert arithmetic.entry(network) == 2 * 64 * 6 * 10


def test_a_dense_layer_by_hand():
    x = keras.Input((12,))
    assert arithmetic.forward(keras.Model(x, keras.layers.Dense(5)(x))) == 2 * 12 * 5


@pytest.mark.parametrize(
    ("sizes", "gflop"),
    [({"stacks": 4, "features": 512}, 151.9), ({"stacks": 2, "features": 64}, 1.97)],
    ids=["paper", "2x64"],
)
def test_the_operations_of_g_as_others_counted_them(sizes, gflop):
    assert arithmetic.forward(generator.build_generator(**sizes)) / 1e9 == pytest.approx(gflop, rel=0.003)


def test_networks_within_a_network_count():
    p = discriminators.build_pose_discriminator(crop_size=32, features=8, levels=2)
    parts = [arithmetic.forward(p.get_layer(name)) for name in ("context", "judge")]
    assert min(parts) > 0
    assert arithmetic.forward(p) == sum(parts)


def operations(outputs):
    """The operations of a graph that some of its operations need."""
    needed, found = list(outputs), set()
    while needed:
        operation = needed.pop()
        if operation not in found:
            found.add(operation)
            needed += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found


def multiplied(operation):
    """2 x multiply-adds of a convolution, of a gradient of one, or of a matrix product."""
    if operation.type == "MatMul":
        rows = operation.inputs[0].shape[0 if operation.get_attr("transpose_a") else 1]
        return 2 * rows * math.prod(operation.outputs[0].shape)
    if operation.type == "Einsum":
        words = operation.get_attr("equation").decode().split("->")[0].split(",")
        sides = {
            s: n for word, x in zip(words, operation.inputs, strict=True) for s, n in zip(word, x.shape, strict=True)
        }
        return 2 * math.prod(sides.values())
    if operation.type == "Conv2D":
        small, kernel = operation.outputs[0], operation.inputs[1].shape
    elif operation.type == "Conv2DBackpropInput":
        small, kernel = operation.inputs[2], operation.inputs[1].shape
    elif operation.type == "Conv2DBackpropFilter":
        small, kernel = operation.inputs[2], operation.outputs[0].shape
    else:
        return 0
    return 2 * math.prod(small.shape) * math.prod(kernel[:3])


def test_joints_pooled_by_hand():
    maps, image = keras.Input((8, 8, 16)), keras.Input((8, 8, 3))
    features = blocks.conv(image, 5, name="features")
    network = keras.Model([maps, image], discriminator_layers.PooledAtJoints()([maps, features]))
    of_features, pooled = 2 * 64 * 3 * 5, 2 * 64 * 16 * 5
    assert arithmetic.forward(network) == of_features + pooled
    # Neither the image's nor the maps' gradient is asked for.
    assert arithmetic.training(network) == 2 * of_features + 2 * pooled


def test_c_has_half_of_ps_width():
    judges = networks.discriminators(SMALL)
    (p, c) = (judge.get_layer("verdict_conv").filters for judge in (judges[0].get_layer("judge"), judges[1]))
    assert (p, c) == (6, 3)


@pytest.mark.slow
@pytest.mark.lane(only="addons")
@pytest.mark.parametrize(
    ("mode", "changes", "training"),
    [
        ("generator_only", {}, {}),
        ("joint", {}, {}),
        ("alternating", {}, {}),
        ("joint", {"discriminator_design": "encoder_decoder", "pose_context": "image"}, {"moved_joints": False}),
        ("alternating", {"discriminator_design": "encoder_decoder", "pose_context": "image"}, {}),
        ("joint", {"confidence_discriminator": False}, {}),
    ],
    ids=[*presets.MODES, "paper's design", "paper's design alternating", "P alone"],
)
def test_a_step_counts_what_its_graph_holds(mode, changes, training):
    model = dataclasses.replace(SMALL, discriminators=mode != "generator_only", **changes)
    mode = "alternating" if mode == "alternating" else "joint"
    settings = config.Config(model, training=config.TrainingConfig(mode=mode, **training))
    function, inputs = step.compiled(settings, batch_size=3)
    graph = tf.function(function.python_function).get_concrete_function(*inputs).graph
    used = operations([tensor.op for tensor in graph.outputs] + list(graph.control_outputs))
    assert 3 * sum(arithmetic.step(function.model).values()) == sum(map(multiplied, used))
