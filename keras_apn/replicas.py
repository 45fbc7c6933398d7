"""What the replicas of a training step tell each other; nothing, and no operation, where there is one."""

import tensorflow as tf


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
