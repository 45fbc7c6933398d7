"""The training step in less than float32, and a batch in parts, on small real networks."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.step import example
from keras_apn import config, networks

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")
MODEL = config.ModelConfig(crop_size=32, stacks=1, features=8, levels=1, discriminator_features=4)


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """Nothing is traced: for a few steps that takes longer than the steps."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def build(**training):
    settings = {"optimizer": "adam", "batch_size": 4, "learning_rate": 3e-3, "foreground_weight": 30.0, **training}
    return networks.adversarial_posenet(
        config.Config(model=MODEL, training=config.TrainingConfig(**settings)), steps_per_epoch=100
    )


@pytest.mark.parametrize(("precision", "mode"), [("bfloat16", "joint"), ("float16", "alternating")])
def test_a_batch_is_learned_in_less_than_float32(precision, mode):
    model, batch = build(precision=precision, mode=mode), example(32, 4)
    first = float(model.update(batch)["loss"])
    # float16 first finds its scale: steps whose gradients overflow move nothing.
    for _ in range(9):
        last = float(model.update(batch)["loss"])
    assert last < 0.9 * first
    assert int(model.not_finite.numpy()) == 0
    assert {variable.dtype for variable in model.generator.get_weights()} == {np.dtype("float32")}


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_heatmaps_and_logits_are_float32_in_every_precision(precision):
    model, batch = build(precision=precision), example(32, 2)
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
