"""What the metrics are called, and the bins at either end; areas and errors by hand are in `test_discrimination`."""

import pytest
import tensorflow as tf

from keras_apn.metrics import ranking


@pytest.mark.parametrize(
    ("kind", "name", "weight", "shape"),
    [
        (ranking.AreaUnderCurve, "auc", "counts", (2, ranking.BINS)),
        (ranking.CalibrationError, "calibration", "sums", (ranking.CALIBRATION_BINS, 3)),
        (ranking.CountedMean, "counted_mean", "sums", (2,)),
    ],
)
def test_names(kind, name, weight, shape):
    metric = kind()
    assert metric.name == name
    assert kind(name="p_auc").name == "p_auc"
    (found,) = metric.variables
    assert found.name.split("/")[-1].split(":")[0] == weight
    assert tuple(found.shape) == shape


@pytest.mark.parametrize("low", [0.0, 1 - 2 / ranking.BINS], ids=["the lowest", "the highest"])
def test_neighbouring_bins_at_the_ends_are_two(low):
    metric = ranking.AreaUnderCurve()
    scores = tf.constant([[low + 0.5 / ranking.BINS, low + 1.5 / ranking.BINS]])
    metric.update_state(scores, tf.constant([[0, 1]]), tf.ones((1, 2), tf.bool))
    assert float(metric.result()) == 1


@pytest.mark.parametrize("low", [0.0, 1 - 2 / ranking.CALIBRATION_BINS], ids=["the lowest", "the highest"])
def test_errors_of_neighbouring_bins_at_the_ends_do_not_cancel(low):
    metric = ranking.CalibrationError()
    width = 1 / ranking.CALIBRATION_BINS
    probabilities = [low + 0.5 * width, low + 1.5 * width]
    metric.update_state(tf.constant([probabilities]), tf.constant([[1.0, 0.0]]), tf.ones((1, 2), tf.bool))
    assert float(metric.result()) == pytest.approx((1 - probabilities[0] + probabilities[1]) / 2, abs=1e-5)


def test_a_mean_is_of_all_batches():
    metric = ranking.CountedMean()
    for values in ([[1.0, 2.0], [3.0, 4.0]], [[10.0, 0.0]]):
        counted = tf.constant(values) > 0
        metric.update_state(tf.constant(values), counted)
    assert float(metric.result()) == 4
