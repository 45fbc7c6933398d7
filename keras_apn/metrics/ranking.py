"""How well scores rank, and how far probabilities are to be trusted: thin Keras metrics of labels and verdicts."""

import keras
import tensorflow as tf

from keras_apn import keras_compat

BINS, CALIBRATION_BINS = 2000, 15


class AreaUnderCurve(keras.metrics.Metric):
    """The area under the ROC curve of scores within 0 and 1, from a histogram of `BINS`; ties count half."""

    def __init__(self, name: str = "auc") -> None:
        super().__init__(name=name)
        self.counts = self.add_weight(name="counts", shape=(2, BINS), initializer="zeros")

    def update_state(self, scores: tf.Tensor, given: tf.Tensor, counted: tf.Tensor) -> None:
        """Adds a batch.

        Args:
            scores: [B, 16] float32 within 0 and 1; what lies outside falls into the last bin at that end.
            given: [B, 16] labels, 0 or 1.
            counted: [B, 16] bool, the others are left out.
        """
        place = tf.clip_by_value(tf.cast(scores * BINS, tf.int32), 0, BINS - 1) + BINS * tf.cast(given, tf.int32)
        found = tf.math.unsorted_segment_sum(tf.cast(counted, tf.float32), place, 2 * BINS)
        self.counts.assign_add(tf.reshape(found, (2, BINS)))

    def reset_state(self) -> None:
        """Forgets all batches."""
        keras_compat.clear((self.counts,))

    def result(self) -> tf.Tensor:
        """A scalar within 0 and 1; NaN where there is one class of labels alone."""
        negatives, positives = tf.unstack(tf.cast(tf.convert_to_tensor(self.counts), tf.float64))
        above = tf.cumsum(negatives, exclusive=True) + 0.5 * negatives
        return tf.reduce_sum(positives * above) / (tf.reduce_sum(positives) * tf.reduce_sum(negatives))


class CalibrationError(keras.metrics.Metric):
    """The expected calibration error of probabilities, over `CALIBRATION_BINS` equal bins."""

    def __init__(self, name: str = "calibration") -> None:
        super().__init__(name=name)
        # Of each bin the number of joints, the sum of their probabilities and that of their labels.
        self.sums = self.add_weight(name="sums", shape=(CALIBRATION_BINS, 3), initializer="zeros")

    def update_state(self, probabilities: tf.Tensor, given: tf.Tensor, counted: tf.Tensor) -> None:
        """Adds a batch: [B, 16] probabilities, labels (0 or 1), and whether they count."""
        place = tf.clip_by_value(tf.cast(probabilities * CALIBRATION_BINS, tf.int32), 0, CALIBRATION_BINS - 1)
        values = tf.stack([tf.ones_like(probabilities), probabilities, tf.cast(given, tf.float32)], axis=-1)
        values = tf.where(counted[..., None], values, 0.0)
        self.sums.assign_add(tf.math.unsorted_segment_sum(values, place, CALIBRATION_BINS))

    def reset_state(self) -> None:
        """Forgets all batches."""
        keras_compat.clear((self.sums,))

    def result(self) -> tf.Tensor:
        """A scalar within 0 and 1, the mean distance of probability and share of ones; NaN where nothing counted."""
        count, probability, ones = tf.unstack(tf.convert_to_tensor(self.sums), axis=-1)
        return tf.reduce_sum(tf.abs(probability - ones)) / tf.reduce_sum(count)


class CountedMean(keras.metrics.Metric):
    """A mean over what counts."""

    def __init__(self, name: str = "counted_mean") -> None:
        super().__init__(name=name)
        self.sums = self.add_weight(name="sums", shape=(2,), initializer="zeros")

    def update_state(self, values: tf.Tensor, counted: tf.Tensor) -> None:
        """Adds a batch: [B, 16] values, and whether they count."""
        shares = tf.stack([tf.where(counted, values, 0.0), tf.cast(counted, tf.float32)])
        self.sums.assign_add(tf.reduce_sum(shares, axis=(1, 2)))

    def reset_state(self) -> None:
        """Forgets all batches."""
        keras_compat.clear((self.sums,))

    def result(self) -> tf.Tensor:
        """A scalar; NaN where nothing counted."""
        total, count = tf.unstack(tf.convert_to_tensor(self.sums))
        return total / count
