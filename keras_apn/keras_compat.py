"""Where Keras 2.15 and Keras 3 differ, and what serves both; no other module asks which of them runs.

TensorFlow Addons, the other difference between the lanes of requirements.txt, is the matter of `augmentation.warp`.
BUILD_NOTES 19 has what was done so that nothing else differs.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf


def same_everywhere(value: Any, name: str | None = None) -> tf.Variable:
    """A variable that every replica changes alike; `add_weight` spells its aggregation differently."""
    return tf.Variable(value, trainable=False, name=name, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA)


def counter(name: str) -> tf.Variable:
    """A scalar int64 variable that counts on every replica alike."""
    return same_everywhere(tf.constant(0, tf.int64), name)


@contextlib.contextmanager
def precision(name: str) -> Iterator[None]:
    """What is built within computes in `name`, one of `config.PRECISIONS`, and keeps its weights in float32."""
    before = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy(name if name == "float32" else f"mixed_{name}")
    try:
        yield
    finally:
        keras.mixed_precision.set_global_policy(before)


def beside(optimizer: keras.optimizers.Optimizer, variable: Any, name: str) -> Any:
    """A new variable of an optimizer, zeros in the shape of one that it moves."""
    if hasattr(optimizer, "_index_dict"):
        return optimizer.add_variable_from_reference(model_variable=variable, variable_name=name)
    return optimizer.add_variable_from_reference(variable, name=name)


def index(optimizer: keras.optimizers.Optimizer, variable: Any) -> int:
    """A variable's place among those that an optimizer moves."""
    if hasattr(optimizer, "_index_dict"):
        return optimizer._index_dict[optimizer._var_key(variable)]
    return optimizer._get_variable_index(variable)


def handle(variable: Any) -> tf.Tensor:
    """The resource of a variable, TensorFlow's or Keras 3's, for an operation that takes it as it is.

    The graph that is built notes that it uses the variable, as it does of those that are read.
    """
    variable = variable if isinstance(variable, tf.Variable) else variable.value
    graph = tf.compat.v1.get_default_graph()
    if hasattr(graph, "watch_variable"):
        graph.watch_variable(variable)
    return variable.handle


def clear(variables: Iterable) -> None:
    """Sets a metric's variables to zero, whatever their shape; Keras 2 does so with scalars only."""
    for variable in variables:
        variable.assign(tf.zeros(variable.shape))
