"""Floating-point operations of networks and training steps: 2 x multiply-adds of convolutions, dense layers and einsum.

Everything else, such as batch norm, pooling, P's and C's reading of single joints and the optimizers, moves memory
rather than multiplying, and is not counted. A layer's gradient with respect to its inputs, and that with respect to its
weights, each cost what its forward does.
"""

import keras

from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.models import discriminator_layers, discriminators, generator
from keras_apn.models.operations import forward, multiplies, of_layer


def entry(network: keras.Model) -> int:
    """Operations of the layers that read a network's inputs: what its gradient with respect to them would add."""
    inputs = {id(tensor) for tensor in network.inputs}
    for layer in network.layers:
        # What has no weights hands a gradient on to the inputs alone.
        if not layer.weights and all(id(tensor) in inputs for tensor in _read(layer)):
            inputs.add(id(layer.output))
    return sum(of_layer(layer) for layer in network.layers if multiplies(layer) and id(_read(layer)[0]) in inputs)


def training(network: keras.Model) -> int:
    """Operations of a forward, and of the backward to a network's weights but not to its inputs, for one image."""
    return 3 * forward(network) - entry(network)


def step(model: AdversarialPoseNet) -> dict[str, int]:
    """Operations of a training step for one image, as `keras_apn.adversarial` computes it.

    Args:
        model: an `AdversarialPoseNet`.

    Returns:
        A dict of ints: `generator`, the forwards and backwards of G; `teaching`, those of P and C on real and on fake
        maps, to their weights; `pulling`, from P's and C's logits back to the fake maps, and the forwards that only
        this needs. The step is their sum.
    """
    judges = list(model.networks.discriminators.values())
    joint = model.training_config.mode == "joint" or not judges
    pull = sum(_pull(_judge(network)) for network in judges)
    # Joint: the pull goes back along teaching's forward. Alternating: P and C have changed since, P's context too.
    again = 0 if joint else sum(forward(network) for network in judges)
    # Alternating: what P sees of G when it learns the truth, a forward of all but the last maps.
    context = (
        0 if joint or model.networks.context != "features" else forward(model.generator) - _last_maps(model.generator)
    )
    return {
        "generator": (1 if joint else 2) * training(model.generator) + context,
        "teaching": sum(_teaching(network, 1 if joint else 2) for network in judges),
        "pulling": pull + again,
    }


def _teaching(network, phases):
    """P's or C's own step: true maps, some with moved joints, and fake ones, and once a phase P's view of the image."""
    judge = _judge(network)
    encoding = 0 if judge is network else phases * training(network.get_layer(discriminators.ENCODER))
    return 2 * training(judge) + encoding


def _pull(judge):
    """From the logits back to the maps; where joints are pooled, through the features and through the weights."""
    pooled = [layer for layer in judge.layers if isinstance(layer, discriminator_layers.PooledAtJoints)]
    return forward(judge) + sum(map(of_layer, pooled))


def _last_maps(network):
    """Operations of the convolutions that give G's last maps."""
    names = generator.last_outputs(network).values()
    return sum(of_layer(network.get_layer(f"{name}_maps_conv")) for name in names)


def _judge(network):
    """The part of P or C that sees heatmaps: all of C, all of P but what it makes of the image."""
    return network if discriminators.sees(network) is None else network.get_layer(discriminators.JUDGE)


def _read(layer):
    """The tensors that a layer reads; none for an input."""
    if isinstance(layer, keras.layers.InputLayer):
        return [layer.output]
    return layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
