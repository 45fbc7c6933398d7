"""Training with less memory: what a stack computes is forgotten, and computed again where its gradient needs it."""

import math

import keras
import tensorflow as tf

from keras_apn.models import blocks
from keras_apn.models.generator import CONTEXT, context_layer, last_stack

# What the last stack has none of, and the one before it only the first.
ONWARD = ("merge", "stem")


class Recomputed:
    """G in training, in parts that are computed again in the backward pass: the stem, and each stack.

    A step remembers what enters each part, and all of one part at a time. The gradients are the plain forward's. Batch
    norm sees every batch twice, so that its moving averages get the square root of their momentum, which comes to the
    same.

    Args:
        generator: from `build_generator`; its batch norms' momentum is changed.
        context: whether to give what `generator.with_context` does.
    """

    def __init__(self, generator: keras.Model, context: bool = False) -> None:
        self._stem, self._stacks = _parts(generator, context)
        for layer in generator.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = math.sqrt(blocks.BATCH_NORM_MOMENTUM)

    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The generator's dict of heatmaps of [B, S, S, 3] crops, as in training."""
        maps, entering = {}, [_again(self._stem)(image)]
        for part in self._stacks:
            found = _again(part)(*entering)
            entering = [found.pop(name) for name in ONWARD if name in found]
            maps |= found
        return maps


def _again(part):
    """A part as a function that forgets what it computed within; the context that it gives has no gradient."""

    def computed(*inputs):
        found = part(inputs, training=True)
        if isinstance(found, dict) and CONTEXT in found:
            # Beside both heads' a third gradient, though it is zero, would be summed up (BUILD_NOTES 35).
            found = {**found, CONTEXT: tf.stop_gradient(found[CONTEXT])}
        return found

    return tf.recompute_grad(computed)


def _parts(generator, context):
    """`(stem, stacks)`: models that share the generator's layers; a stack's give its heatmaps, and what is `ONWARD`."""
    count = last_stack(generator)
    stem = generator.get_layer("stem_res3_add").output
    entries, stacks = [stem], []
    for n in range(1, count + 1):
        outputs = {name: maps for name, maps in generator.output.items() if name.startswith(f"stack{n}_")}
        onward = {name: generator.get_layer(f"stack{n}_{name}").output for name in ONWARD[: count - n]}
        if context and n == count:
            outputs[CONTEXT] = context_layer(generator).output
        stacks.append(keras.Model(entries, outputs | onward, name=f"stack{n}"))
        entries = list(onward.values())
    return keras.Model(generator.input, stem, name="stem"), stacks
