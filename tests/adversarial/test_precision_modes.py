"""The training step in less than float32, and a batch in parts, on small real networks."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.step import example
from keras_apn import config
from keras_apn.adversarial.batch import Batch
from keras_apn.training.build import build_model

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
MODEL = config.ModelConfig(crop_size=32, stacks=1, features=8, levels=1, discriminator_features=4)


def build(**training):
    settings = {"optimizer": "adam", "batch_size": 4, "learning_rate": 3e-3, "foreground_weight": 30.0, **training}
    return build_model(config.Config(model=MODEL, training=config.TrainingConfig(**settings)), steps_per_epoch=100)


@pytest.mark.parametrize("mode", ["joint", "alternating"])
def test_a_batch_is_learned_in_bfloat16(mode):
    model, batch = build(precision="bfloat16", mode=mode), example(32, 4)
    first = float(model.update(batch)["loss"])
    # In joint mode a step moves G once.
    for _ in range(9 if mode == "alternating" else 17):
        last = float(model.update(batch)["loss"])
    assert last < 0.9 * first
    assert int(model.not_finite.numpy()) == 0
    assert {variable.dtype for variable in model.generator.get_weights()} == {np.dtype("float32")}


def gradients(precision, mode):
    """Of each phase of a step and each network, as one vector."""
    model, example_ = build(precision=precision, mode=mode, moved_joints=False), example(32, 4)
    batch = Batch(example_, size=8, sigma=model.data_config.sigma)
    found = {}
    for name, phase in model.phases.items():
        for key, arrays in phase(model.networks, batch, model.training_config, 0.0)[0].items():
            found[f"{name} {key}"] = np.concatenate([np.ravel(array) for array in arrays])
    return found


@pytest.mark.parametrize("mode", ["joint", "alternating"])
def test_gradients_in_bfloat16_point_where_those_of_float32_do(mode):
    expected = gradients("float32", mode)
    for name, found in gradients("bfloat16", mode).items():
        cosine = found @ expected[name] / (np.linalg.norm(found) * np.linalg.norm(expected[name]))
        assert cosine > 0.8


def test_heatmaps_and_logits_are_float32_in_bfloat16():
    model, batch = build(precision="bfloat16"), example(32, 2)
    maps = model.generator(batch["crop"])
    seen = {"pose": maps["stack1_pose"], "occlusion": maps["stack1_occlusion"]}
    assert {value.dtype for value in maps.values()} == {tf.float32}
    assert model.confidence_discriminator(seen).dtype == tf.float32


def test_a_batch_in_parts_is_the_mean_of_its_parts():
    """Of one batch twice: batch norm sees the same in each part as in the whole."""
    half = example(32, 2)
    whole = {name: tf.concat([value, value], axis=0) for name, value in half.items()}
    found = []
    for parts in (1, 2):
        model = build(accumulate=parts, optimizer="rmsprop", balance="fixed", reduction="mean")
        found.append({name: float(value) for name, value in model.update(whole).items()})
    assert found[1] == pytest.approx(found[0], rel=1e-3, abs=1e-6)
