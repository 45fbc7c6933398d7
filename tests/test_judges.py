import shutil

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.errors import UserError
from keras_apn import best, config, inference, judges, networks


@pytest.fixture(scope="module")
def judged_workdir(tiny_workdir, tiny_config, tmp_path_factory):
    """A copy of `tiny_workdir` with weights of P and C."""
    workdir = tmp_path_factory.mktemp("judged") / "run"
    shutil.copytree(tiny_workdir, workdir)
    for network in networks.discriminators(tiny_config.model):
        network.save_weights(best.path(workdir, network.name))
    return str(workdir)


@pytest.fixture
def crops():
    return tf.constant(np.random.default_rng(0).uniform(size=(2, 32, 32, 3)).astype(np.float32))


def test_joints_are_those_of_the_estimator_alone(judged_workdir, crops):
    judged = judges.from_workdir(judged_workdir).joints_in_crop(crops)
    for name, values in inference.from_workdir(judged_workdir).joints_in_crop(crops).items():
        np.testing.assert_allclose(judged[name].numpy(), values.numpy(), atol=1e-5)


def test_verdicts_are_the_sigmoids_of_the_logits(judged_workdir, crops):
    judge = judges.from_workdir(judged_workdir)
    judged, maps = judge.joints_in_crop(crops), judge.estimator.heatmaps(crops)
    logits = {
        "plausible": judge.pose_discriminator({"image": crops, **maps}, training=False),
        "confident": judge.confidence_discriminator(maps, training=False),
    }
    for name, values in logits.items():
        np.testing.assert_allclose(judged[name].numpy(), 1 / (1 + np.exp(-values.numpy())), atol=1e-5)
        assert judged[name].shape == (2, 16)


def test_a_run_without_discriminators_has_none_to_ask(tmp_path):
    config.Config(model=config.ModelConfig(discriminators=False)).save(str(tmp_path))
    with pytest.raises(UserError, match="was trained with --nodiscriminators"):
        judges.from_workdir(str(tmp_path))


def test_a_workdir_without_their_weights_is_the_users_mistake(tiny_workdir):
    with pytest.raises(UserError, match="holds no weights yet"):
        judges.from_workdir(str(tiny_workdir))
