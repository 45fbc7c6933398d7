import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn.models import discriminator_layers
from keras_apn.models.discriminators import build_confidence_discriminator, build_pose_discriminator, judge, sees

SIZES = {"crop_size": 32, "features": 8, "levels": 2}
BUILDERS = {"P": build_pose_discriminator, "C": build_confidence_discriminator}
kinds = pytest.mark.parametrize("kind", ["P", "P of the image", "C"])
designs = pytest.mark.parametrize("design", ["pooled", "encoder_decoder"])


def build(kind, design="pooled", **changes):
    keras.utils.set_random_seed(0)
    if kind == "P":
        changes["context_channels"] = 5
    return BUILDERS[kind[0]](**{**SIZES, "design": design, **changes})


@pytest.fixture(scope="module")
def judges():
    return {
        (kind, design): build(kind, design)
        for kind in ("P", "P of the image", "C")
        for design in ("pooled", "encoder_decoder")
    }


@pytest.fixture(scope="module")
def seen():
    """What can be seen of two people, by name, and three sets of their heatmaps."""
    rng = np.random.default_rng(0)
    contexts = {
        "image": tf.constant(rng.random((2, 32, 32, 3)), tf.float32),
        "features": tf.constant(rng.normal(size=(2, 8, 8, 5)), tf.float32),
        None: None,
    }
    maps = [
        {task: tf.constant(rng.random((2, 8, 8, 16)), tf.float32) for task in ("pose", "occlusion")} for _ in range(3)
    ]
    return contexts, maps


def inputs(network, contexts, maps):
    """What a network takes."""
    return maps if sees(network) is None else {sees(network): contexts[sees(network)], **maps}


def randomize(network, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(size=variable.shape, scale=scale / math.sqrt(max(variable.shape[0], 1))))


@designs
@pytest.mark.parametrize(
    ("kind", "context", "shape"),
    [("P", "features", (8, 8, 5)), ("P of the image", "image", (32, 32, 3)), ("C", None, None)],
)
def test_what_each_sees(judges, design, kind, context, shape):
    network = judges[kind, design]
    assert sees(network) == context
    expected = {"pose": (8, 8, 16), "occlusion": (8, 8, 16), **({context: shape} if context else {})}
    assert {name: tuple(value.shape[1:]) for name, value in network.input.items()} == expected


@designs
@kinds
def test_single_task_sees_no_occlusion(kind, design):
    assert set(build(kind, design, occlusion=False).input) - {"image", "features"} == {"pose"}


@designs
@kinds
def test_sixteen_float32_logits_a_person(judges, kind, design):
    assert judges[kind, design].output_shape == (None, 16)
    assert judges[kind, design].output.dtype == "float32"


@designs
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("P", "features"),
        ("P of the image", "image"),
        *((kind, task) for kind in ("P", "C") for task in ("pose", "occlusion")),
    ],
)
def test_the_logits_depend_on_all_that_is_seen(judges, seen, kind, design, name):
    contexts, (first, second, _) = seen
    network = judges[kind, design]
    before = inputs(network, contexts, first)
    other = {**second, **{key: None if value is None else value[::-1] for key, value in contexts.items()}}
    assert (network(before).numpy() != network({**before, name: other[name]}).numpy()).all()


@designs
@kinds
def test_gradient_reaches_both_heatmaps(judges, seen, kind, design):
    contexts, (first, *_) = seen
    with tf.GradientTape() as tape:
        tape.watch(first)
        logits = judges[kind, design](inputs(judges[kind, design], contexts, first), training=True)
    for gradient in tape.gradient(logits, first).values():
        assert np.abs(gradient).max() > 0


@designs
@kinds
@pytest.mark.parametrize("count", [1, 2, 3])
def test_judging_several_is_judging_each_by_itself(judges, seen, kind, design, count):
    contexts, maps = seen
    network = judges[kind, design]
    together = judge(network, contexts[sees(network)], *maps[:count], training=True)
    assert len(together) == count
    for logits, each in zip(together, maps[:count], strict=True):
        alone = network(inputs(network, contexts, each), training=True)
        np.testing.assert_allclose(logits, alone, rtol=1e-4, atol=1e-5)


@designs
@kinds
def test_people_are_judged_each_by_themselves(judges, seen, kind, design):
    # But for P's view of the image, which is normalised, no one's verdict depends on who is beside.
    contexts, (first, second, _) = seen
    network = judges[kind, design]
    mixed = {task: tf.concat([first[task][:1], second[task][1:]], 0) for task in first}
    before, after = (judge(network, contexts[sees(network)], maps, training=True)[0] for maps in (first, mixed))
    np.testing.assert_allclose(after[0], before[0], rtol=1e-4, atol=1e-5)
    assert (after[1].numpy() != before[1].numpy()).all()


@pytest.mark.parametrize(
    ("kind", "design"),
    [("C", "pooled"), *((kind, "encoder_decoder") for kind in ("P", "P of the image", "C"))],
)
def test_no_normalisation_hides_the_height_of_all_maps(judges, seen, kind, design):
    contexts, (first, *_) = seen
    network = judges[kind, design]
    higher = {task: 2 * maps for task, maps in first.items()}
    once, twice = (judge(network, contexts[sees(network)], maps, training=True)[0] for maps in (first, higher))
    assert (np.abs(once - twice) > 1e-3).mean() > 0.9


@pytest.mark.parametrize("kind", ["P", "P of the image"])
def test_pooled_p_judges_places_and_never_heights(judges, seen, kind):
    contexts, (first, *_) = seen
    network = judges[kind, "pooled"]
    # Each joint's maps by a factor of its own; they are bright, so that `FAINT` is nothing beside their norms.
    first = {task: 20.0 * maps for task, maps in first.items()}
    factors = tf.constant(np.random.default_rng(1).uniform(0.5, 2, (2, 1, 1, 16)), tf.float32)
    other = {task: factors * maps for task, maps in first.items()}
    before, after = (judge(network, contexts[sees(network)], maps, training=True)[0] for maps in (first, other))
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-3)
    moved = {task: maps[:, ::-1] for task, maps in first.items()}
    assert np.abs(judge(network, contexts[sees(network)], moved, training=True)[0] - before).max() > 0.05


def gaussians(places, height=1.0, size=8):
    """[1, size, size, 16] Gaussians of sigma 1 at [16, 2] places."""
    away = np.arange(size)[None, :, None] - np.asarray(places, np.float64)[:, None]  # [16, size, 2]
    profile = np.exp(-0.5 * away**2)
    return tf.constant(height * np.einsum("jy,jx->yxj", profile[..., 1], profile[..., 0])[None], tf.float32)


@pytest.mark.parametrize("seed", range(5))
def test_cs_logits_rise_with_the_height_of_maps_whatever_its_weights(seed):
    # Weights whose logits are of a usual size: of hundreds, a shape that `FAINT` dims by a hundredth tells too.
    network = build("C")
    randomize(network, seed, 0.5)
    places = np.random.default_rng(seed).uniform(2, 5, (16, 2))
    logits = []
    for height in (0.25, 0.5, 1.0, 2.0):
        pose = gaussians(places, height)
        logits.append(network({"pose": pose, "occlusion": 0.5 * pose}).numpy()[0])
    assert (np.diff(logits, axis=0) > 0).all()
    assert np.ptp(logits[-1]) > 0.5


def test_pooled_p_sees_the_place_of_a_joint():
    # Only what each joint's own features say: moving one moves its logit, and that of no joint which is far from it.
    network = build("P", crop_size=64)
    together = network.get_layer("judge").get_layer("together_logits")
    together.set_weights([np.zeros_like(weight) for weight in together.get_weights()])
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(1, 16, 16, 5)), tf.float32)
    places = np.full((16, 2), 2)
    maps = np.zeros((1, 16, 16, 16), np.float32)
    maps[0, places[:, 1], places[:, 0], np.arange(16)] = 1
    logits = []
    for x in (12, 13):
        pose = maps.copy()
        pose[..., 3] = 0
        pose[0, 12, x, 3] = 1
        seen = {"features": features, "pose": tf.constant(pose), "occlusion": tf.zeros_like(pose)}
        logits.append(network(seen).numpy()[0])
    changed = np.abs(logits[1] - logits[0])
    assert changed[3] > 1e-3
    assert np.delete(changed, 3).max() < 1e-6


@pytest.mark.parametrize("way", ["pooling", "convolutions"])
def test_gradient_reaches_the_maps_by_pooling_and_by_convolutions(way):
    network = build("P")
    entry = network.get_layer("judge").get_layer("pose_entry_conv")
    if way == "pooling":
        # No convolution sees the maps.
        entry.set_weights([np.zeros_like(weight) for weight in entry.get_weights()])
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(1, 8, 8, 5)), tf.float32)
    pose = gaussians(rng.uniform(2, 5, (16, 2)))
    if way == "convolutions":
        # Where maps are not above 0 the pooling has no gradient.
        pose = -pose
    with tf.GradientTape() as tape:
        tape.watch(pose)
        logits = network({"features": features, "pose": pose, "occlusion": tf.zeros_like(pose)}, training=True)
    assert (np.abs(tape.gradient(logits, pose)).max((0, 1, 2)) > 0).all()


# The layers, by hand.


def test_features_pooled_at_joints_by_hand():
    maps, features = np.zeros((1, 2, 2, 2), np.float32), np.zeros((1, 2, 2, 1), np.float32)
    features[0, :, :, 0] = [[1, 2], [3, 4]]
    maps[0, 0, 0, 0], maps[0, 1, 1, 0], maps[0, 0, 1, 0] = 1, 2, -9  # What is below 0 weighs nothing.
    found = discriminator_layers.PooledAtJoints()([tf.constant(maps), tf.constant(features)]).numpy()
    assert found.shape == (1, 2, 1)
    assert found[0, 0, 0] == pytest.approx((1 * 1 + 4 * 4) / 5, rel=1e-3)
    # An empty map has no features.
    assert found[0, 1, 0] == 0


def test_a_map_is_drawn_to_the_features_that_are_wanted():
    maps = tf.constant(np.full((1, 2, 2, 1), 0.5), tf.float32)
    features = tf.constant(np.reshape([1, 2, 3, 4], (1, 2, 2, 1)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        pooled = discriminator_layers.PooledAtJoints()([maps, features])
    gradient = tape.gradient(pooled, maps).numpy().ravel()
    # 2 m (feature - mean) / sum of squares; the mean is 2.5 and the squares' sum 1.
    np.testing.assert_allclose(gradient, [-1.5, -0.5, 0.5, 1.5], atol=5e-3)


def test_readings_by_hand():
    layer = discriminator_layers.Readings()
    x = tf.constant([[[1.0, 2.0], [3.0, 4.0]]])
    layer.build((None, 2, 2))
    layer.set_weights([np.array([[1, 10], [100, 1000]]), np.array([0.5, -0.5])])
    assert layer(x).numpy().tolist() == [[21.5, 4299.5]]


def test_norms_and_shapes_by_hand():
    maps = np.zeros((1, 2, 2, 2), np.float32)
    maps[0, 0, :, 0] = 3, 4
    norms = discriminator_layers.Norms()(tf.constant(maps))
    np.testing.assert_allclose(norms, [[math.sqrt(25.01), 0.1]], rtol=1e-6)
    shapes = discriminator_layers.Divided()([tf.constant(maps), norms])
    np.testing.assert_allclose(shapes[0, 0, :, 0], np.array([3, 4]) / math.sqrt(25.01), rtol=1e-6)
    assert not shapes.numpy()[..., 1].any()


@pytest.mark.parametrize("rate", [-5.0, 0.0, 5.0])
def test_logits_of_amplitude_rise_by_every_rate(rate):
    layer = discriminator_layers.AmplitudeLogits()
    layer.build((None, 1))
    layer.set_weights([np.array([rate])])
    expected = math.log1p(math.exp(rate)) * np.log([0.5, 1.0, 2.0])
    np.testing.assert_allclose(layer(tf.constant([[0.5], [1.0], [2.0]]))[:, 0], expected, rtol=1e-5)
    assert (np.diff(expected) > 0).all()


@pytest.mark.parametrize("kind", BUILDERS)
@pytest.mark.parametrize(("crop_size", "levels"), [(40, 2), (32, 0)], ids=["no multiple", "flat"])
def test_a_size_that_cannot_be_halved_is_refused(kind, crop_size, levels):
    with pytest.raises(ValueError, match=rf"multiple of 4 \* 2\*\*levels.*crop_size={crop_size}, levels={levels}"):
        BUILDERS[kind](crop_size=crop_size, features=8, levels=levels)


@pytest.mark.parametrize("kind", BUILDERS)
def test_a_design_that_is_none_is_refused(kind):
    with pytest.raises(ValueError, match=r"`design` must be one of .*Received: design=other"):
        BUILDERS[kind](**SIZES, design="other")
