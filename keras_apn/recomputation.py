"""Training with less memory: what a stack computes is forgotten, and computed again where its gradient needs it."""

import math

import keras
import tensorflow as tf

from keras_apn import blocks
from keras_apn.generator import last_stack


class Recomputed:
    """G in training, in parts that are computed again in the backward pass: the stem, and each stack.

    A step remembers what enters each part, and all of one part at a time. The gradients are the plain forward's. Batch
    norm sees every batch twice, so that its moving averages get the square root of their momentum, which comes to the
    same.

    Args:
        generator: from `build_generator`; its batch norms' momentum is changed.
    """

    def __init__(self, generator):
        self._stem, self._stacks = _parts(generator)
        for layer in generator.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = math.sqrt(blocks.BATCH_NORM_MOMENTUM)

    def __call__(self, image):
        """The generator's dict of heatmaps of [B, S, S, 3] crops, as in training."""
        maps, stem = {}, _again(self._stem)(image)
        x = stem
        for part in self._stacks:
            found = _again(part)(x, stem)
            x = found.pop("merge", None)
            maps |= found
        return maps


def _again(part):
    """A part as a function that forgets what it computed within."""
    return tf.recompute_grad(lambda *inputs: part(inputs[: len(part.inputs)], training=True))


def _parts(generator):
    """`(stem, stacks)`: models that share the generator's layers; a stack's give its heatmaps, and what is merged."""
    count = last_stack(generator)
    stem = generator.get_layer("stem_res3_add").output
    merges = [generator.get_layer(f"stack{n}_merge").output for n in range(1, count)]
    stacks = []
    for n in range(1, count + 1):
        outputs = {name: maps for name, maps in generator.output.items() if name.startswith(f"stack{n}_")}
        if n < count:
            outputs["merge"] = merges[n - 1]
        entries = [stem] if n == 1 else [merges[n - 2], stem] if n < count else [merges[n - 2]]
        stacks.append(keras.Model(entries, outputs, name=f"stack{n}"))
    return keras.Model(generator.input, stem, name="stem"), stacks
