"""Gradients of a batch that is too large for the device, part by part."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def accumulated(compute: Callable, example: dict[str, tf.Tensor], parts: int) -> Any:
    """The mean of what a function gives for equal parts of a batch, one after the other.

    Args:
        compute: a function from an example of a part to a nest of float tensors of fixed shapes.
        example: a dict of [B, ...] tensors; `parts` divides B.
        parts: how many; with 1 it is simply called.

    Returns:
        `compute`'s nest.
    """
    if parts == 1:
        return compute(example)
    split = {name: tf.reshape(value, [parts, -1, *value.shape[1:]]) for name, value in example.items()}

    def part(n):
        return {name: value[n] for name, value in split.items()}

    # A function of its own, so that the graph holds the networks once, whatever the number of parts.
    function = tf.function(lambda example: compute(example)).get_concrete_function(part(0))
    begun = tf.nest.map_structure(lambda found: tf.zeros(found.shape, found.dtype), function.structured_outputs)

    def add(n, sums):
        return n + 1, tf.nest.map_structure(tf.add, sums, function(part(n)))

    _, sums = tf.while_loop(lambda n, _: n < parts, add, (tf.constant(0), begun), parallel_iterations=1)
    return tf.nest.map_structure(lambda total: total / parts, sums)
