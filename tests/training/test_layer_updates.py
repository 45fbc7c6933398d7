"""How far a step moves each layer."""

import numpy as np
import pytest

from benchmarks.step import example
from keras_apn import config
from keras_apn.training import layer_updates
from keras_apn.training.build import build_model


def model_of(**training):
    sizes = config.ModelConfig(crop_size=32, stacks=1, features=8, levels=1, discriminator_features=4)
    return build_model(
        config.Config(model=sizes, training=config.TrainingConfig(batch_size=2, **training)), steps_per_epoch=10
    )


@pytest.mark.usefixtures("eagerly")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
def test_every_kernel_is_measured_and_a_starved_network_is_seen():
    model = model_of(optimizer="rmsprop", learning_rate=1e-12)
    before = layer_updates.kernels(model)
    assert {key: sum(np.size(kernel) > 0 for kernel in layers.values()) for key, layers in before.items()} == {
        key: sum("kernel" in v.name for v in network.trainable_variables)
        for key, network in model.networks.by_key.items()
    }
    model.update(example(32, 2))
    found = layer_updates.ratios(before, layer_updates.kernels(model))
    assert max(found["g"].values()) < 1e-6 < 1e-4 < np.median(list(found["p"].values()))


def test_a_ratio_is_of_norms():
    found = layer_updates.ratios({"g": {"layer": np.array([3.0, 4.0])}}, {"g": {"layer": np.array([3.0, 4.5])}})
    assert found == {"g": {"layer": 0.1}}
