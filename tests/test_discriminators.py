import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn.discriminators import (
    build_confidence_discriminator,
    build_pose_discriminator,
    judge_both,
    network_inputs,
)

SIZES = {"crop_size": 32, "features": 8, "levels": 2}
BUILDERS = {"P": build_pose_discriminator, "C": build_confidence_discriminator}
kinds = pytest.mark.parametrize("kind", BUILDERS)


@pytest.fixture(scope="module")
def judges():
    keras.utils.set_random_seed(0)
    return {kind: build(**SIZES) for kind, build in BUILDERS.items()}


@pytest.fixture(scope="module")
def seen():
    """An image and two sets of heatmaps of two people."""
    rng = np.random.default_rng(0)
    image = tf.constant(rng.random((2, 32, 32, 3)), tf.float32)
    first, second = (
        {task: tf.constant(rng.random((2, 8, 8, 16)), tf.float32) for task in ("pose", "occlusion")} for _ in range(2)
    )
    return image, first, second


def test_p_sees_the_image_and_both_heatmaps(judges):
    assert {name: value.shape[1:] for name, value in judges["P"].input.items()} == {
        "image": (32, 32, 3),
        "pose": (8, 8, 16),
        "occlusion": (8, 8, 16),
    }


def test_c_sees_both_heatmaps_and_no_image(judges):
    assert {name: value.shape[1:] for name, value in judges["C"].input.items()} == {
        "pose": (8, 8, 16),
        "occlusion": (8, 8, 16),
    }


@kinds
def test_single_task_sees_no_occlusion(kind):
    assert set(BUILDERS[kind](**SIZES, occlusion=False).input) - {"image"} == {"pose"}


@kinds
def test_sixteen_float32_logits_a_person(judges, kind):
    assert judges[kind].output_shape == (None, 16)
    assert judges[kind].output.dtype == "float32"


@pytest.mark.parametrize(
    ("kind", "task"), [("P", "image"), ("P", "pose"), ("P", "occlusion"), ("C", "pose"), ("C", "occlusion")]
)
def test_the_logits_depend_on_all_that_is_seen(judges, seen, kind, task):
    image, first, second = seen
    before = network_inputs(judges[kind], image, first)
    other = {**second, "image": image[::-1]}
    assert (judges[kind](before).numpy() != judges[kind]({**before, task: other[task]}).numpy()).all()


@kinds
def test_gradient_reaches_both_heatmaps(judges, seen, kind):
    image, first, _ = seen
    with tf.GradientTape() as tape:
        tape.watch(first)
        logits = judges[kind](network_inputs(judges[kind], image, first), training=True)
    for gradient in tape.gradient(logits, first).values():
        assert np.abs(gradient).max() > 0


@kinds
def test_judging_both_is_judging_each_by_itself(judges, seen, kind):
    image, real, fake = seen
    together = judge_both(judges[kind], image, real, fake)
    for logits, maps in zip(together, (real, fake), strict=True):
        alone = judges[kind](network_inputs(judges[kind], image, maps), training=True)
        np.testing.assert_allclose(logits, alone, rtol=1e-4, atol=1e-5)


@kinds
@pytest.mark.parametrize(("crop_size", "levels"), [(40, 2), (32, 0)], ids=["no multiple", "flat"])
def test_a_size_that_cannot_be_halved_is_refused(kind, crop_size, levels):
    with pytest.raises(ValueError, match=rf"multiple of 4 \* 2\*\*levels.*crop_size={crop_size}, levels={levels}"):
        BUILDERS[kind](crop_size=crop_size, features=8, levels=levels)
