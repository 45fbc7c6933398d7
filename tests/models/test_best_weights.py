"""Best weights in files that both lanes read, and the model that is shipped in them."""

import pathlib

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from keras_apn import config
from keras_apn.inference import pose_estimator
from keras_apn.models import best_weights, networks

SHIPPED = pathlib.Path(config.__file__).parent / "shipped" / "apn-mobile"
# Of the shipped model's pose maps of one drawn person, as Keras 2.15 gave them.
HEIGHTS = [
    0.3100, 0.5629, 0.4602, 0.4401, 0.7302, 0.5152, 0.5563, 0.1970, 0.1636, 0.0267, 0.1641, 0.3804, 0.1895, 0.0828,
    0.5125, 0.1124,
]  # fmt: skip
# Most of it is the drawing's: of other versions of OpenCV. Layers in each other's place move heights by a tenth.
MOST_APART = 1e-2


def small_networks(small):
    p, c = networks.discriminators(small.model)
    return {"generator": networks.generator(small.model), p.name: p, c.name: c}


@pytest.fixture
def small():
    return config.Config(
        model=config.ModelConfig(crop_size=32, stacks=2, features=8, levels=2, discriminator_features=8)
    )


def test_portable_weights_come_back_into_all_three_networks(small, tmp_path):
    saved, fresh = small_networks(small), small_networks(small)
    best_weights.save(str(tmp_path), saved, portable=True)
    assert not list(tmp_path.glob("best/*.h5"))
    assert not list(tmp_path.glob("best/*partial*"))
    for name, network in fresh.items():
        pose_estimator.load_best(network, str(tmp_path), name)
        for weight, expected in zip(network.get_weights(), saved[name].get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)


def test_a_runs_own_weights_come_before_portable_ones(small, tmp_path):
    generator = networks.generator(small.model)
    best_weights.save(str(tmp_path), {"generator": generator}, portable=True)
    assert best_weights.find(str(tmp_path), "generator").endswith(".npz")
    best_weights.save(str(tmp_path), {"generator": generator})
    assert best_weights.find(str(tmp_path), "generator") == best_weights.path(str(tmp_path), "generator")


@pytest.mark.parametrize("damage", ["another network's", "cut short", "no archive"])
def test_portable_weights_that_do_not_fit_are_the_users_mistake(small, tmp_path, damage):
    larger = config.Config(model=config.ModelConfig(crop_size=32, stacks=2, features=16, levels=2))
    saved = larger if damage == "another network's" else small
    best_weights.save(str(tmp_path), {"generator": networks.generator(saved.model)}, portable=True)
    file = pathlib.Path(best_weights.find(str(tmp_path), "generator"))
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:-200])
    elif damage == "no archive":
        file.write_bytes(b"weights")
    with pytest.raises(UserError, match="cannot be read as the weights"):
        pose_estimator.load_best(networks.generator(small.model), str(tmp_path), "generator")


def test_the_shipped_model_answers_alike_in_both_lanes():
    picture = scenes.sample(3, 1)[1][:256, :256] / np.float32(255.0)
    crop = np.zeros((1, 256, 256, 3), np.float32)
    crop[0, : picture.shape[0], : picture.shape[1]] = picture
    generator = networks.generator(config.load(str(SHIPPED)).model)
    pose_estimator.load_best(generator, str(SHIPPED), "generator")
    heights = np.max(generator(crop, training=False)["stack2_pose"], (1, 2))[0]
    np.testing.assert_allclose(heights, HEIGHTS, rtol=0, atol=MOST_APART)
