"""A step on every replica, and what the replicas tell each other; nothing, and no operation, where there is one."""

from collections.abc import Callable, Iterator

import tensorflow as tf

# How a variable is made that every replica changes by itself; read outside of a step, it is the mean of all.
OWN = {"synchronization": tf.VariableSynchronization.ON_READ, "aggregation": tf.VariableAggregation.MEAN}


def over(strategy: tf.distribute.Strategy, step: Callable) -> Callable[[Iterator], dict[str, tf.Tensor]]:
    """A step as every replica takes it at once.

    Keras has the same, but takes the mean of what the replicas give, which Keras 3.15 cannot over several workers.

    Args:
        strategy: a `tf.distribute.Strategy`; the default one has a single replica.
        step: a function from a batch, or a replica's share of it, to a dict of tensors.

    Returns:
        A `tf.function` from an iterator of batches to what the first replica's step gives.
    """

    def take(batches):
        given = strategy.run(step, args=(next(batches),))
        return {name: strategy.experimental_local_results(value)[0] for name, value in given.items()}

    return tf.function(take, autograph=False, reduce_retracing=True)


def count() -> int:
    """How many replicas take part, over all workers."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _total(values):
    """The sum of a tensor, or of each of a list, over the replicas."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def mean(value: tf.Tensor) -> tf.Tensor:
    """The mean of a tensor over the replicas."""
    return _total(value) / count() if count() > 1 else value


def means(scalars: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """The means of a dict of scalars over the replicas."""
    if count() == 1:
        return scalars
    return dict(zip(scalars, tf.unstack(mean(tf.stack(list(scalars.values())))), strict=True))


def everywhere(condition: tf.Tensor) -> tf.Tensor:
    """Whether a scalar bool is True on every replica."""
    return _total(1.0 - tf.cast(condition, tf.float32)) == 0.0 if count() > 1 else condition


def joint_norms(norms: list[tf.Tensor]) -> list[tf.Tensor]:
    """The norms of vectors of which every replica has a part, from a list of the norms of the parts."""
    return [tf.sqrt(total) for total in _total([tf.square(norm) for norm in norms])] if count() > 1 else norms
