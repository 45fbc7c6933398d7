import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from keras_apn.models import best_weights, platt_scaling
from keras_apn.models.platt_scaling import Scaling


def test_the_line_that_made_the_labels_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(1.0, 3.0, 20_000)
    right = rng.uniform(size=logits.size) < Scaling(0.4, -0.7)(logits)
    found = platt_scaling.fit(logits, right)
    assert abs(found.scale - 0.4) < 0.03
    assert abs(found.offset + 0.7) < 0.05


def test_a_fit_agrees_in_the_mean():
    # What a maximum of the likelihood has: the mean probability is the share of Platt's labels.
    logits, right = np.array([-2.0, -1.0, 0.0, 1.0, 3.0, 4.0]), np.array([0, 0, 1, 0, 1, 1], bool)
    wanted = np.where(right, 4 / 5, 1 / 5)
    told = platt_scaling.fit(logits, right)(logits)
    np.testing.assert_allclose(told.sum(), wanted.sum(), atol=1e-5)
    np.testing.assert_allclose(told @ logits, wanted @ logits, atol=1e-5)


@pytest.mark.parametrize("right", [True, False])
def test_labels_of_one_class_give_finite_numbers(right):
    found = platt_scaling.fit(np.linspace(-3, 3, 50), np.full(50, right))
    assert np.isfinite([found.scale, found.offset]).all()
    assert (found(np.linspace(-3, 3, 50)) > 0.5).all() == right


@pytest.mark.parametrize("logits", [[], [np.nan, 1.0], [np.inf]])
def test_what_is_no_number_is_refused(logits):
    with pytest.raises(ValueError, match="`logits` must be finite numbers"):
        platt_scaling.fit(np.array(logits), np.zeros(len(logits), bool))


def test_tensors_and_arrays_have_the_same_probabilities():
    logits, scaling = np.array([[-40.0, 0.0, 3.0, 90.0]], np.float32), Scaling(0.5, 1.0)
    np.testing.assert_allclose(scaling(tf.constant(logits)).numpy(), scaling(logits), atol=1e-6)
    np.testing.assert_allclose(scaling(logits)[0, 1], 1 / (1 + np.exp(-1.0)))


def test_a_run_keeps_its_scaling_until_its_weights_change(tmp_path, tiny_config):
    from keras_apn.models import networks

    p, _ = networks.discriminators(tiny_config.model)
    assert platt_scaling.read(tmp_path) is None
    best_weights.save(tmp_path, {"pose_discriminator": p})
    platt_scaling.write(tmp_path, Scaling(0.5, -1.0), {"people": 7})
    scaling, told = platt_scaling.read(tmp_path)
    assert (scaling, told["people"]) == (Scaling(0.5, -1.0), 7)
    best_weights.save(tmp_path, {"pose_discriminator": p})
    assert platt_scaling.read(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"scale": "a", "offset": 0}', '{"scale": NaN, "offset": 0}', "[" * 10000, "\0"]
)
def test_a_damaged_file_is_the_users_mistake(tmp_path, text):
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "calibration.json").write_text(text)
    with pytest.raises(UserError, match=r"calibration.json.*; delete it, and evaluate"):
        platt_scaling.read(tmp_path)
