"""The training step in less than float32, and a batch in parts, on small real networks."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks.step import example
from keras_apn import config
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
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_batch_is_learned_in_less_than_float32(precision, mode):
    model, batch = build(precision=precision, mode=mode), example(32, 4)
    first = float(model.update(batch)["loss"])
    # float16 first finds its scale: steps whose gradients overflow move nothing. In joint mode a step moves G once.
    for _ in range(9 if mode == "alternating" else 17):
        last = float(model.update(batch)["loss"])
    assert last < 0.9 * first
    assert int(model.not_finite.numpy()) == 0
    assert {variable.dtype for variable in model.generator.get_weights()} == {np.dtype("float32")}


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
@pytest.mark.parametrize("mode", ["joint", "alternating"])
def test_a_step_whose_gradients_overflow_moves_no_weight_momentum_or_count(mode, optimizer):
    model, batch = build(precision="float16", mode=mode, optimizer=optimizer), example(32, 4)
    kinds = {id(o): o for phase in model.objective.phases for o in model.optimizers_of(phase).values()}.values()

    def state():
        own = [v for o in kinds for v in (o.variables() if callable(o.variables) else o.variables)]
        own += [v for network in model.objective.networks.values() for v in network.trainable_variables]
        return [variable.numpy() for variable in own]

    model.loss_scale.scale.assign(2.0**4)
    model.update(batch)
    before = state()
    model.loss_scale.scale.assign(1e30)
    model.update(batch)
    for mine, expected in zip(state(), before, strict=True):
        np.testing.assert_array_equal(mine, expected)
    model.loss_scale.scale.assign(2.0**4)
    model.update(batch)
    assert all(int(o.iterations.numpy()) == 2 * (1 + (mode == "alternating")) for o in kinds)
    assert any((mine != expected).any() for mine, expected in zip(state(), before, strict=True))


def gradients(precision, mode):
    """Of each phase of a step and each network, as one vector."""
    model, batch = build(precision=precision, mode=mode, moved_joints=False), example(32, 4)
    scale = None if model.loss_scale is None else tf.constant(2.0**4)
    found = {}
    for name, phase in model.objective.phases.items():
        for key, arrays in phase(batch, progress=0.0, scale=scale)[0].items():
            found[f"{name} {key}"] = np.concatenate([np.ravel(array) for array in arrays])
    return found


@pytest.mark.parametrize("mode", ["joint", "alternating"])
def test_gradients_in_less_than_float32_point_where_those_of_float32_do(mode):
    expected = gradients("float32", mode)
    for precision in ("bfloat16", "float16"):
        for name, found in gradients(precision, mode).items():
            cosine = found @ expected[name] / (np.linalg.norm(found) * np.linalg.norm(expected[name]))
            assert cosine > 0.8


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
