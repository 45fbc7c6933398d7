"""No sum of three or more: TensorFlow's order of summation would not be fixed (BUILD_NOTES 35)."""

import keras
import pytest
import tensorflow as tf

from benchmarks import fit_step
from keras_apn import config
from keras_apn.models import blocks
from keras_apn.training.build import build_model


def sums(function, *arguments):
    """How many tensors each sum of gradients in a function's graph adds."""
    graph = function.get_concrete_function(*arguments).graph.as_graph_def()
    nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    return [len([name for name in node.input if name[0] != "^"]) for node in nodes if node.op == "AddN"]


def test_a_tensor_that_is_used_three_times_would_be_found():
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sin(x) + tf.cos(x) + tf.exp(x)
        return tape.gradient(y, x)

    assert sums(tf.function(gradient), tf.ones([2])) == [3]


def test_what_is_apart_is_summed_first():
    x = keras.Input((4,))
    model = keras.Model(x, keras.layers.Add()([keras.layers.ReLU()(x), blocks.Apart()(x), blocks.Apart()(x)]))
    with tf.GradientTape() as tape:
        value = tf.ones([1, 4])
        tape.watch(value)
        y = model(value)
    assert tape.gradient(y, value).numpy().tolist() == [[3.0] * 4]


@pytest.mark.parametrize(
    ("model", "training"),
    [
        ({}, {}),
        ({}, {"mode": "alternating"}),
        ({}, {"recompute": True, "accumulate": 2}),
        ({"single_task": True}, {"precision": "bfloat16"}),
        ({"discriminator_design": "encoder_decoder", "pose_context": "image"}, {}),
    ],
)
def test_steps_sum_no_three_gradients(model, training):
    sizes = {"crop_size": 32, "stacks": 3, "features": 4, "levels": 1, "discriminator_features": 4}
    settings = config.Config(
        model=config.ModelConfig(**sizes, **model), training=config.TrainingConfig(batch_size=4, **training)
    )
    step = tf.function(build_model(settings, steps_per_epoch=10).train_step)
    found = sums(step, fit_step.patches(32, 4))
    assert len(found) > 50
    assert set(found) == {2}
    # Nor does TensorFlow make one sum of several.
    assert tf.config.optimizer.get_experimental_options()["arithmetic_optimization"] is False
