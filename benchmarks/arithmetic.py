"""Floating-point operations of networks and training steps: 2 x multiply-adds of convolutions and dense layers.

Everything else, such as batch norm, pooling and the optimizers, moves memory rather than multiplying, and is not
counted. A layer's gradient with respect to its inputs, and that with respect to its weights, each cost what its forward
does.
"""

import math

import keras

from keras_apn import blocks


def forward(network):
    """Operations of a network's forward for one image, those of the networks within it included."""
    return sum(forward(layer) if isinstance(layer, keras.Model) else _of_layer(layer) for layer in network.layers)


def entry(network):
    """Operations of the layers that read a network's inputs: what its gradient with respect to them would add."""
    inputs = {id(tensor) for tensor in network.inputs}
    for layer in network.layers:
        if isinstance(layer, blocks.Apart) and id(layer.input) in inputs:
            inputs.add(id(layer.output))
    return sum(_of_layer(layer) for layer in network.layers if _multiplies(layer) and id(layer.input) in inputs)


def training(network):
    """Operations of a forward, and of the backward to a network's weights but not to its inputs, for one image."""
    return 3 * forward(network) - entry(network)


def step(model):
    """Operations of a training step for one image, as `keras_apn.objective` computes it.

    Args:
        model: an `AdversarialPoseNet`.

    Returns:
        A dict of ints: `generator`, the forwards and backwards of G; `teaching`, those of P and C on real and on fake
        maps, to their weights; `pulling`, from P's and C's logits back to the fake maps, and the forwards that only
        this needs. The step is their sum.
    """
    judges = list(model.objective.judges.values())
    joint = model.training_config.mode == "joint" or not judges
    pull = sum(forward(_judge(network)) for network in judges)
    # Joint: the pull goes back along teaching's forward. Alternating: P and C have changed since, P's stem too.
    again = 0 if joint else sum(forward(network) for network in judges)
    return {
        "generator": (1 if joint else 2) * training(model.generator),
        "teaching": sum(_teaching(network) for network in judges),
        "pulling": pull + again,
    }


def _teaching(network):
    """P's or C's own step: real and fake maps, and once for both what P makes of the image."""
    judge = _judge(network)
    return 2 * training(judge) + (0 if judge is network else training(network.get_layer("stem")))


def _judge(network):
    """The part of P or C that sees heatmaps: all of C, all of P but what it makes of the image."""
    return network.get_layer("judge") if "image" in network.input else network


def _multiplies(layer):
    return isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense))


def _of_layer(layer):
    """Operations of one layer's forward for one image; padding counts as if it were multiplied."""
    if not _multiplies(layer):
        return 0
    # Each number of the output is the sum of as many products as a column of the kernel has numbers.
    kernel = layer.kernel.shape
    return 2 * math.prod(layer.output.shape[1:]) * math.prod(kernel[:-1])
