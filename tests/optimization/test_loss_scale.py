import numpy as np
import pytest
import tensorflow as tf

from keras_apn.optimization import loss_scale
from keras_apn.optimization.loss_scale import FIRST, LossScale


def gradients(value):
    return {"g": [tf.constant([1.0, 2.0]), tf.constant(value)], "p": [tf.constant(3.0)]}


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_moves_nothing_and_halves_the_scale(value):
    scale = LossScale()
    kept = scale.kept(gradients(value))
    assert [g.numpy().tolist() for g in kept["g"] + kept["p"]] == [[0.0, 0.0], 0.0, 0.0]
    assert float(scale.scale) == FIRST / 2


def test_finite_gradients_are_kept_as_they_are():
    scale = LossScale()
    kept = scale.kept(gradients(5.0))
    assert [g.numpy().tolist() for g in kept["g"] + kept["p"]] == [[1.0, 2.0], 5.0, 3.0]
    assert float(scale.scale) == FIRST


def test_the_scale_doubles_after_enough_good_steps(monkeypatch):
    monkeypatch.setattr(loss_scale, "GROWTH_STEPS", 3)
    scale = LossScale()
    for value in (1.0, 1.0, np.inf, 1.0, 1.0):
        scale.kept(gradients(value))
    assert float(scale.scale) == FIRST / 2
    scale.kept(gradients(1.0))
    assert float(scale.scale) == FIRST
    scale.kept(gradients(1.0))
    assert float(scale.scale) == FIRST


def test_the_scale_does_not_vanish():
    scale = LossScale()
    for _ in range(30):
        scale.kept(gradients(np.nan))
    assert float(scale.scale) == 1.0
