import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn import config
from keras_apn.models import blocks, generator, networks, recomputation
from keras_apn.training.build import build_model

BATCH, CROP, HEATMAP = 3, 32, 8


def build(stacks, single_task=False):
    keras.utils.set_random_seed(0)
    model = config.ModelConfig(crop_size=CROP, stacks=stacks, features=8, levels=1, single_task=single_task)
    return networks.generator(model)


def backward(generator, forward):
    """A graph that gives `(maps, gradients)` of a forward, from crops and the gradients at the maps."""

    @tf.function
    def run(image, upstream):
        with tf.GradientTape() as tape:
            maps = forward(image)
        outputs = [maps[name] for name in generator.output]
        return maps, tape.gradient(outputs, generator.trainable_variables, output_gradients=upstream)

    return run


def inputs(generator):
    rng = np.random.default_rng(0)
    image = tf.constant(rng.random((BATCH, CROP, CROP, 3)), tf.float32)
    return image, [tf.constant(rng.normal(size=(BATCH, HEATMAP, HEATMAP, 16)), tf.float32) for _ in generator.output]


def as_one(arrays):
    return np.concatenate([np.ravel(array) for array in arrays])


@pytest.mark.parametrize("stacks", [1, 2])
def test_what_p_sees_is_that_of_the_plain_forward(stacks):
    plain, forgetful = build(stacks), build(stacks)
    image, _ = inputs(plain)
    expected = generator.with_context(plain)(image, training=True)
    found = recomputation.Recomputed(forgetful, context=True)(image)
    assert set(found) == set(expected)
    assert found[generator.CONTEXT].shape == (BATCH, HEATMAP, HEATMAP, 8)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5)
    assert generator.CONTEXT not in recomputation.Recomputed(forgetful)(image)


@pytest.mark.parametrize(("stacks", "single_task"), [(1, False), (3, False), (2, True)])
def test_maps_gradients_and_moving_averages_are_those_of_the_plain_forward(stacks, single_task):
    plain, forgetful = build(stacks, single_task), build(stacks, single_task)
    image, upstream = inputs(plain)
    maps, gradients = backward(plain, lambda crops: plain(crops, training=True))(image, upstream)
    again, found = backward(forgetful, recomputation.Recomputed(forgetful))(image, upstream)
    assert list(again) == list(maps)
    for name, expected in maps.items():
        np.testing.assert_allclose(again[name], expected, atol=1e-6)
    difference = np.linalg.norm(as_one(found) - as_one(gradients)) / np.linalg.norm(as_one(gradients))
    assert difference < 1e-5
    # They have moved, and as far.
    fresh = build(stacks, single_task)
    assert np.abs(as_one(plain.get_weights()) - as_one(fresh.get_weights())).max() > 0.01
    np.testing.assert_allclose(as_one(forgetful.get_weights()), as_one(plain.get_weights()), atol=1e-5)


def test_every_convolution_of_the_forward_is_done_twice():
    def convolutions(generator, forward):
        graph = backward(generator, forward).get_concrete_function(*inputs(generator)).graph
        return sum(operation.type == "Conv2D" for operation in graph.get_operations())

    plain, forgetful = build(2), build(2)
    once = convolutions(plain, lambda crops: plain(crops, training=True))
    assert convolutions(forgetful, recomputation.Recomputed(forgetful)) == 2 * once


def test_a_batch_norm_that_sees_every_batch_twice_forgets_half_as_fast():
    generator = build(1)
    recomputation.Recomputed(generator)
    found = {n.momentum for n in generator.layers if isinstance(n, keras.layers.BatchNormalization)}
    (momentum,) = found
    assert momentum == pytest.approx(blocks.BATCH_NORM_MOMENTUM**0.5)


@pytest.mark.parametrize("mode", ["joint", "alternating"])
def test_a_training_learns_the_same(mode):
    def learned(recompute):
        settings = config.Config(
            model=config.ModelConfig(crop_size=CROP, stacks=2, features=4, levels=1, discriminator_features=4),
            training=config.TrainingConfig(mode=mode, recompute=recompute),
        )
        model = build_model(settings, steps_per_epoch=10)
        rng = np.random.default_rng(0)
        example = {
            "crop": tf.constant(rng.random((BATCH, CROP, CROP, 3)), tf.float32),
            "joints_heatmap": tf.constant(rng.uniform(0, HEATMAP - 1, (BATCH, 16, 2)), tf.float32),
            "annotated": tf.ones([BATCH, 16], tf.bool),
            "visible": tf.ones([BATCH, 16], tf.bool),
            "head_size_heatmap": tf.ones([BATCH]),
            "occlusion_known": tf.constant([True, False, True]),
        }
        return {name: float(value) for name, value in model.update(example).items()}

    assert learned(True) == pytest.approx(learned(False), rel=1e-3, abs=1e-6)
