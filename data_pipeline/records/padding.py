"""Batches of one size, as many as there are wanted."""

import tensorflow as tf


def padded(batches: tf.data.Dataset, batch_size: int, count: int) -> tf.data.Dataset:
    """So many batches of one size: what is missing are people of whom nothing is annotated.

    Args:
        batches: as `load` gives them; no more than `count`, and none larger than `batch_size`.
        batch_size: of every batch.
        count: of batches.

    Returns:
        A `tf.data.Dataset` like `batches`.
    """

    def fill(batch):
        missing = batch_size - tf.shape(batch["annotated"])[0]
        return {name: _lengthened(value, missing) for name, value in batch.items()}

    nobody = {name: tf.zeros([0, *spec.shape[1:]], spec.dtype) for name, spec in batches.element_spec.items()}
    rest = tf.data.Dataset.from_tensors(nobody).repeat()
    filled = batches.concatenate(rest).take(count).map(fill, num_parallel_calls=tf.data.AUTOTUNE)
    return filled.prefetch(tf.data.AUTOTUNE)


def _lengthened(value, missing):
    """A batch's tensor with so many rows of zeros, or of False, behind it."""
    return tf.concat([value, tf.zeros([missing, *value.shape[1:]], value.dtype)], axis=0)
