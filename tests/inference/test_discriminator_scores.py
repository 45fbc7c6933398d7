import dataclasses
import shutil

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from keras_apn import config
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.models import best_weights, generator, networks


@pytest.fixture(scope="module")
def judged_workdir(tiny_workdir, tiny_config, tmp_path_factory):
    """A copy of `tiny_workdir` with weights of P and C."""
    return with_judges(tiny_workdir, tiny_config, tmp_path_factory.mktemp("judged"))


def with_judges(workdir, settings, folder, **changes):
    """A copy of a workdir with other settings of the networks, and weights of P and C where there are such."""
    copy, settings = folder / "run", dataclasses.replace(settings, model=dataclasses.replace(settings.model, **changes))
    shutil.copytree(workdir, copy)
    settings.save(copy)
    for network in networks.discriminators(settings.model):
        if network is not None:
            network.save_weights(best_weights.path(copy, network.name))
    return str(copy)


@pytest.fixture
def crops():
    return tf.constant(np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype(np.float32))


def test_joints_are_those_of_the_estimator_alone(judged_workdir, crops):
    judged = discriminator_scores.from_workdir(judged_workdir).joints_in_crop(crops)
    for name, values in pose_estimator.from_workdir(judged_workdir).joints_in_crop(crops).items():
        np.testing.assert_allclose(judged[name].numpy(), values.numpy(), atol=1e-5)


def test_verdicts_are_the_sigmoids_of_the_logits(judged_workdir, crops):
    estimator = discriminator_scores.from_workdir(judged_workdir)
    judged, maps = estimator.joints_in_crop(crops), estimator.heatmaps(crops)
    g, (p, c) = estimator.networks.generator, estimator.networks.discriminators.values()
    features = generator.with_context(g)(crops, training=False)[generator.CONTEXT]
    logits = {
        "plausible": p({"features": features, **maps}, training=False),
        "confident": c(maps, training=False),
    }
    for name, values in logits.items():
        np.testing.assert_allclose(judged[name].numpy(), 1 / (1 + np.exp(-values.numpy())), atol=1e-5)
        assert judged[name].shape == (2, 16)


def test_a_p_of_the_image_is_shown_the_image(tiny_workdir, tiny_config, tmp_path, crops):
    workdir = with_judges(tiny_workdir, tiny_config, tmp_path, pose_context="image")
    loaded = discriminator_scores.load(workdir)
    (maps,), context = loaded.predict(crops, training=False)
    np.testing.assert_array_equal(context, crops)
    expected = loaded.discriminators["p"]({"image": crops, **maps}, training=False)
    np.testing.assert_allclose(loaded.logits(maps, context)["p"], expected, atol=1e-5)


def test_with_the_flip_test_the_mean_of_the_maps_is_judged(judged_workdir, crops):
    estimator = discriminator_scores.from_workdir(judged_workdir, flip=True)
    maps, (_, context) = estimator.heatmaps(crops), estimator.networks.predict(crops, training=False)
    plain = discriminator_scores.from_workdir(judged_workdir).joints_in_crop(crops)
    found = estimator.joints_in_crop(crops)
    for name, values in discriminator_scores.probabilities(estimator.networks, maps, context).items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)
        assert (found[name].numpy() != plain[name].numpy()).any()


@pytest.mark.parametrize(
    ("left_out", "name", "probability"),
    [
        ("confidence_discriminator", "p", "plausible"),
        ("pose_discriminator", "c", "confident"),
    ],
    ids=["P alone", "C alone"],
)
def test_one_discriminator_by_itself_is_loaded(tiny_workdir, tiny_config, tmp_path, crops, left_out, name, probability):
    workdir = with_judges(tiny_workdir, tiny_config, tmp_path, **{left_out: False})
    loaded = discriminator_scores.load(workdir)
    assert set(loaded.discriminators) == {name}
    # Its weights are those in the folder.
    fresh = networks.discriminators(config.load(workdir).model)["pc".index(name)]
    fresh.load_weights(best_weights.path(workdir, fresh.name))
    for weight, expected in zip(loaded.discriminators[name].get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)
    found = discriminator_scores.from_workdir(workdir).joints_in_crop(crops)
    assert {"plausible", "confident"} & set(found) == {probability}


def test_a_run_without_discriminators_has_none_to_ask(tmp_path):
    config.Config(model=config.ModelConfig(discriminators=False)).save(str(tmp_path))
    with pytest.raises(UserError, match="was trained with --nodiscriminators"):
        discriminator_scores.from_workdir(str(tmp_path))


def test_a_workdir_without_their_weights_is_the_users_mistake(tiny_workdir):
    with pytest.raises(UserError, match="holds no weights yet"):
        discriminator_scores.from_workdir(str(tiny_workdir))
