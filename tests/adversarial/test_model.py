"""The training step. Most tests give it networks so small that everything can be worked out.

`maps_generator` is a G that predicts freely chosen maps for up to three people, told apart by the colour of their
crop, and an SGD step of rate 1 changes these maps by exactly minus the gradient at them.
"""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import heatmaps
from keras_apn import config
from keras_apn.adversarial.batch import Batch
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.models import networks
from keras_apn.training.build import build_model

CROP, SIZE = 32, 8
MODES = ["joint", "alternating"]
modes = pytest.mark.parametrize("mode", MODES)
LN2 = math.log(2)


def outputs(stacks=1, tasks=("pose", "occlusion")):
    return [f"stack{n}_{task}" for n in range(1, stacks + 1) for task in tasks]


def maps_generator(stacks=1, tasks=("pose", "occlusion")):
    image = keras.Input((CROP, CROP, 3), name="image")
    person = keras.layers.GlobalAveragePooling2D()(image)
    maps = {
        name: keras.layers.Reshape((SIZE, SIZE, 16))(
            keras.layers.Dense(SIZE * SIZE * 16, use_bias=False, kernel_initializer="zeros", name=name)(person)
        )
        for name in outputs(stacks, tasks)
    }
    return keras.Model(image, maps)


def set_maps(generator, **maps):
    """Makes G predict (3, SIZE, SIZE, 16) maps by output, a row for each person."""
    for name, values in maps.items():
        generator.get_layer(name).set_weights([np.reshape(values, (3, -1)).astype(np.float32)])


def predicted(generator):
    """G's maps of the three people by output, (3, SIZE, SIZE, 16)."""
    return {name: generator.get_layer(name).get_weights()[0].reshape(3, SIZE, SIZE, 16) for name in generator.output}


def dense_judge(context, tasks):
    """16 logits, zero at first, by one layer of all pixels that are seen: what comes first has the first weights."""
    maps = {task: keras.Input((SIZE, SIZE, 16), name=task) for task in tasks}
    seen = [keras.layers.Flatten()(value) for value in ([context] if context is not None else []) + [*maps.values()]]
    together = keras.layers.Concatenate()(seen) if len(seen) > 1 else seen[0]
    logits = keras.layers.Dense(16, kernel_initializer="zeros", name="logits")(together)
    return keras.Model({**maps} if context is None else {"context": context, **maps}, logits, name="judge")


def dense_p(tasks=("pose", "occlusion")):
    """A P whose context is the mean colour of the image."""
    seen = keras.Input((CROP, CROP, 3), name="image")
    context = keras.Model(seen, keras.layers.GlobalAveragePooling2D()(seen), name="context")
    judge = dense_judge(keras.Input((3,), name="context"), tasks)
    image = keras.Input((CROP, CROP, 3), name="image")
    maps = {task: keras.Input((SIZE, SIZE, 16), name=task) for task in tasks}
    return keras.Model({"image": image, **maps}, judge({"context": context(image), **maps}))


def dense_c(tasks=("pose", "occlusion")):
    return dense_judge(None, tasks)


def logits_layer(network):
    names = [layer.name for layer in network.layers]
    return (network.get_layer("judge") if "judge" in names else network).get_layer("logits")


def judge_by(network, kernel=None, bias=None):
    """Gives a dense P or C other weights: a kernel (n, 16) and a bias (16,)."""
    old = logits_layer(network).get_weights()
    logits_layer(network).set_weights([old[0] if kernel is None else kernel, old[1] if bias is None else bias])


@pytest.fixture
def build():
    """A compiled model of small networks; SGD with a rate for each network. P learns no moved joints unless told."""

    def make(*, stacks=1, tasks=("pose", "occlusion"), rates=(0.0, 0.0, 0.0), alone=False, total_steps=10, **settings):
        sigma = settings.pop("sigma", 1.0)
        settings.setdefault("moved_joints", False)
        judges = (None, None) if alone else (dense_p(tasks), dense_c(tasks))
        model = AdversarialPoseNet(
            maps_generator(stacks, tasks),
            *judges,
            training=config.TrainingConfig(**settings),
            data=config.DataConfig(sigma=sigma),
            total_steps=total_steps,
        )
        optimizers = [keras.optimizers.SGD(float(rate)) for rate in rates]
        model.compile(*optimizers[: 1 if alone else 3])
        return model

    return make


def example(people=3, **changes):
    """Crops of one colour each, and joints on whole pixels that are annotated and visible; heads are 2 pixels."""
    crop = np.zeros((people, CROP, CROP, 3), np.float32)
    for person in range(people):
        crop[person, ..., person] = 1
    joint = np.arange(16)
    joints = np.stack([1 + joint % 6, 1 + (joint // 4 + joint) % 6], axis=-1).astype(np.float32)
    values = {
        "crop": crop,
        "joints_heatmap": np.tile(joints, (people, 1, 1)),
        "annotated": np.ones((people, 16), bool),
        "visible": np.ones((people, 16), bool),
        "head_size_heatmap": np.full(people, 2, np.float32),
        "occlusion_known": np.ones(people, bool),
    }
    return {name: tf.constant(changes.get(name, value)) for name, value in values.items()}


def where(*joints, people=3):
    """Flags (people, 16) that are True except at (person, joint)."""
    flags = np.ones((people, 16), bool)
    for person, joint in joints:
        flags[person, joint] = False
    return flags


def truth(data):
    drawn = heatmaps.targets(data["joints_heatmap"], data["annotated"], data["visible"], SIZE, 1.0)
    return {"pose": drawn[0].numpy(), "occlusion": drawn[1].numpy()}


def random_maps(seed=0, scale=0.3):
    return np.random.default_rng(seed).normal(size=(3, SIZE, SIZE, 16), scale=scale)


def randomize(model, seed=0):
    """Random maps of G and random weights of P and C."""
    rng = np.random.default_rng(seed)
    set_maps(model.generator, **{name: random_maps(seed + i) for i, name in enumerate(model.generator.output)})
    for network in (model.pose_discriminator, model.confidence_discriminator):
        judge_by(network, *(rng.normal(size=w.shape, scale=0.1) for w in logits_layer(network).get_weights()))


def values(network):
    return [v.numpy() for v in network.trainable_variables]


def moved(before, network):
    return any((a != b).any() for a, b in zip(before, values(network), strict=True))


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64))


# Which network each optimizer moves.


@modes
@pytest.mark.parametrize("mover", ["generator", "pose_discriminator", "confidence_discriminator"])
def test_each_optimizer_moves_its_own_network_only(build, mode, mover):
    names = ["generator", "pose_discriminator", "confidence_discriminator"]
    model = build(mode=mode, rates=[0.1 * (name == mover) for name in names])
    randomize(model)
    before = {name: values(getattr(model, name)) for name in names}
    model.update(example())
    assert [name for name in names if moved(before[name], getattr(model, name))] == [mover]


@pytest.mark.parametrize(("mode", "updates"), [("joint", 1), ("alternating", 2)], ids=MODES)
def test_updates_of_each_network_in_a_step(build, mode, updates):
    model = build(mode=mode)
    model.update(example())
    optimizers = (model.optimizer, model.pose_optimizer, model.confidence_optimizer)
    assert [int(optimizer.iterations) for optimizer in optimizers] == [updates] * 3
    assert int(model.step) == 1


# What G is pulled toward.


@pytest.fixture(scope="module")
def real_judges():
    keras.utils.set_random_seed(0)
    model = config.ModelConfig(
        crop_size=CROP, stacks=1, features=8, levels=1, discriminator_features=8, pose_context="image"
    )
    return networks.discriminators(model)


@modes
@pytest.mark.parametrize("key", ["p", "c"], ids=["P", "C"])
def test_the_adversarial_pull_on_g_raises_the_logits_of_the_real_discriminators(real_judges, mode, key):
    # The labels of all fakes are 0 here, so a G that shared the discriminator's goal would lower the logits.
    model = AdversarialPoseNet(
        maps_generator(),
        *real_judges,
        training=config.TrainingConfig(
            mode=mode, balance="fixed", alpha=1e3 * (key == "c"), beta=1e3 * (key == "p"), delta=1e-6, epsilon=1e-6
        ),
        data=config.DataConfig(),
        total_steps=10,
    )
    model.compile(keras.optimizers.SGD(1e-4), keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    set_maps(model.generator, stack1_pose=random_maps(1), stack1_occlusion=random_maps(2))
    data, network = example(), real_judges["pc".index(key)]

    def mean_logit():
        maps = {task: model.generator(data["crop"])[f"stack1_{task}"] for task in ("pose", "occlusion")}
        inputs = {**maps, "image": data["crop"]} if key == "p" else maps
        return float(tf.reduce_mean(network(inputs, training=True)))

    before, maps_before = mean_logit(), predicted(model.generator)
    logs = model.update(data)
    assert float(logs[f"{key}_fake_share"]) == 0
    assert mean_logit() > before + 1e-3
    for name, maps in predicted(model.generator).items():
        assert (maps != maps_before[name]).any()


@modes
@pytest.mark.parametrize("key", ["p", "c"], ids=["P", "C"])
def test_the_adversarial_pull_is_the_gradient_of_being_taken_for_real(build, mode, key):
    # G predicts the truth, so Eq. 1 has no pull. Logit j is w times pixel (0, 0) of map j: the gradient of
    # softplus(-logit), averaged over 3 x 16 joints, is -w sigmoid(-logit) / 48 at that pixel and 0 elsewhere.
    model = build(mode=mode, balance="fixed", alpha=float(key == "c"), beta=float(key == "p"), rates=(1.0, 0, 0))
    data = example()
    true = truth(data)
    set_maps(model.generator, stack1_pose=true["pose"], stack1_occlusion=true["occlusion"])
    network, w = {"p": model.pose_discriminator, "c": model.confidence_discriminator}[key], 2.0
    kernel = np.zeros(logits_layer(network).kernel.shape, np.float32)
    first = 3 if key == "p" else 0  # P's first three weights see the image; those of the pose maps are next.
    kernel[first + np.arange(16), np.arange(16)] = w
    judge_by(network, kernel)
    before = predicted(model.generator)
    model.update(data)
    changes = {name: maps - before[name] for name, maps in predicted(model.generator).items()}
    expected = np.zeros((3, SIZE, SIZE, 16))
    expected[:, 0, 0] = w / (1 + np.exp(w * true["pose"][:, 0, 0])) / 48
    np.testing.assert_allclose(changes["stack1_pose"], expected, rtol=1e-4, atol=1e-7)
    assert not changes["stack1_occlusion"].any()


@modes
def test_eq_1_alone_pulls_g_to_the_truth(build, mode):
    # Mean over 3 x 16 maps of 64 pixels: the gradient is 2 (predicted - true) / (48 x 64), twice in alternating mode.
    model = build(mode=mode, pose_share=0.0, confidence_share=0.0, rates=(1.0, 0.0, 0.0))
    data = example(visible=where((0, 3), (2, 5)))
    model.update(data)
    rate = 2 / (48 * 64)
    share = rate if mode == "joint" else 1 - (1 - rate) ** 2
    found = predicted(model.generator)
    for task, maps in truth(data).items():
        np.testing.assert_allclose(found[f"stack1_{task}"], share * maps, rtol=1e-4, atol=1e-8)


@pytest.fixture
def pulls(build):
    """What a step with these settings changes in G's maps, by output."""

    def changes(data, **settings):
        model = build(rates=(1.0, 0.0, 0.0), **settings)
        randomize(model)
        before = predicted(model.generator)
        logs = model.update(data)
        return {name: maps - before[name] for name, maps in predicted(model.generator).items()}, logs

    return changes


def norm(changes):
    return math.sqrt(sum(np.square(change, dtype=np.float64).sum() for change in changes))


@pytest.mark.parametrize(("key", "shares"), [("p", (0.3, 0.0)), ("c", (0.0, 0.3))], ids=["P", "C"])
def test_share_is_that_of_the_gradient_norm_at_the_last_heatmaps(pulls, key, shares):
    plain, _ = pulls(example(), pose_share=0.0, confidence_share=0.0)
    pulled, logs = pulls(example(), pose_share=shares[0], confidence_share=shares[1])
    added = norm(pulled[name] - plain[name] for name in plain)
    assert added == pytest.approx(0.3 * norm(plain.values()), rel=1e-3)
    assert float(logs[f"gradient_ratio_{key}"]) == pytest.approx(0.3, rel=1e-3)


def test_only_the_last_stack_meets_the_discriminators(pulls):
    plain, _ = pulls(example(), stacks=2, pose_share=0.0, confidence_share=0.0)
    pulled, _ = pulls(example(), stacks=2, pose_share=0.3, confidence_share=0.3)
    for task in ("pose", "occlusion"):
        np.testing.assert_array_equal(pulled[f"stack1_{task}"], plain[f"stack1_{task}"])
        assert (pulled[f"stack2_{task}"] != plain[f"stack2_{task}"]).any()


@modes
def test_fixed_balance_weighs_by_alpha_and_beta(build, mode):
    # Logits are 0: each discriminator's loss of G is ln 2.
    logs = build(mode=mode, balance="fixed").update(example())
    assert float(logs["adversarial_p"]) == pytest.approx(LN2 / 180)
    assert float(logs["adversarial_c"]) == pytest.approx(LN2 / 220)


def test_fixed_balance_logs_the_ratio_of_the_gradients(pulls):
    plain, _ = pulls(example(), balance="fixed", alpha=0.0, beta=0.0)
    pulled, logs = pulls(example(), balance="fixed", alpha=0.0, beta=0.5)
    added = norm(pulled[name] - plain[name] for name in plain)
    assert float(logs["gradient_ratio_p"]) == pytest.approx(added / norm(plain.values()), rel=1e-3)
    assert float(logs["gradient_ratio_c"]) == 0


# What is logged of Eq. 1.


def test_the_loss_is_the_sum_over_tasks_and_stacks(build):
    # Empty predictions of two stacks: each pose map's squares, and those of the one occluded joint.
    data = example(visible=where((1, 4)))
    logs = build(stacks=2).update(data)
    pose, occlusion = ((m.astype(np.float64) ** 2).sum() / (48 * 64) for m in truth(data).values())
    assert float(logs["loss_pose"]) == pytest.approx(2 * pose, rel=1e-5)
    assert float(logs["loss_occlusion"]) == pytest.approx(2 * occlusion, rel=1e-5)
    assert float(logs["loss"]) == pytest.approx(2 * (pose + occlusion), rel=1e-5)


def test_the_printed_sum_divides_by_the_stacks(build):
    data = example()
    logs = build(stacks=2, reduction="sum").update(data)
    # 1 / (2 M N) = 1 / 12 of two stacks.
    assert float(logs["loss"]) == pytest.approx(2 * (truth(data)["pose"] ** 2).sum() / 12, rel=1e-5)


def test_foreground_weight_reaches_the_loss(build):
    data = example()
    true = truth(data)["pose"].astype(np.float64)
    logs = build(foreground_weight=30.0).update(data)
    assert float(logs["loss"]) == pytest.approx(((1 + 30 * true) * true**2).sum() / (48 * 64), rel=1e-5)


def test_the_occlusion_map_is_weighed_by_the_pose_too(build):
    data = example()
    true = truth(data)["pose"].astype(np.float64)
    model = build(foreground_weight=30.0)
    # All joints are visible and called occluded: an error of the pose map's height, weighed as a joint and not as
    # background.
    set_maps(model.generator, stack1_occlusion=true)
    logs = model.update(data)
    assert float(logs["loss_occlusion"]) == pytest.approx(((1 + 30 * true) * true**2).sum() / (48 * 64), rel=1e-4)


def test_occlusion_targets_are_not_empty_where_a_joint_is_occluded(build):
    model = build()
    assert float(model.update(example())["loss_occlusion"]) == 0
    assert float(model.update(example(visible=where((2, 7))))["loss_occlusion"]) > 0


@pytest.mark.parametrize("key", ["p", "c"], ids=["P", "C"])
def test_the_discriminators_see_the_true_occlusion_maps(build, key):
    # Every logit is the sum of all pixels of all heatmaps; the fakes are empty, so ln 2 for each of them.
    model = build()
    network = {"p": model.pose_discriminator, "c": model.confidence_discriminator}[key]
    kernel = np.ones(logits_layer(network).kernel.shape, np.float32)
    if key == "p":
        kernel[:3] = 0
    judge_by(network, kernel / 100)
    losses = []
    for visible in (where(), where((0, 3), (0, 4), (2, 5))):
        data = example(visible=visible)
        logits = sum(maps.sum(axis=(1, 2, 3)) for maps in truth(data).values()) / 100
        logs = model.update(data)
        losses.append(float(logs[f"loss_{key}_real"]))
        assert losses[-1] == pytest.approx(softplus(-logits).mean(), rel=1e-5)
        assert float(logs[f"loss_{key}_fake"]) == pytest.approx(LN2, rel=1e-5)
    assert losses[1] < losses[0]


# Labels.


def lone_peaks(places):
    """(3, SIZE, SIZE, 16) maps with a 1 at each joint's place (3, 16, 2), whole pixels."""
    maps = np.zeros((3, SIZE, SIZE, 16))
    for person in range(3):
        for joint in range(16):
            x, y = places[person, joint].astype(int)
            maps[person, y, x, joint] = 1
    return maps


def wrong_at(data, *joints):
    """The true places, except that (person, joint) is found 4 pixels off: more than half a head of 2 pixels."""
    places = data["joints_heatmap"].numpy().copy()
    for person, joint in joints:
        places[person, joint, 0] = (places[person, joint, 0] + 4) % SIZE
    return places


@modes
def test_p_is_taught_by_sample_and_joint(build, mode):
    # P's logit of joint j is its bias. Joint 2 of person 0, 2 and 9 of person 1 are found, all others are not.
    model, data = build(mode=mode), example()
    found = [(0, 2), (1, 2), (1, 9)]
    lost = [(p, j) for p in range(3) for j in range(16) if (p, j) not in found]
    set_maps(model.generator, stack1_pose=lone_peaks(wrong_at(data, *lost)))
    bias = np.linspace(-2, 2, 16)
    judge_by(model.pose_discriminator, bias=bias)
    logs = model.update(data)
    marks = np.zeros((3, 16))
    marks[tuple(zip(*found, strict=True))] = 1
    assert float(logs["loss_p_real"]) == pytest.approx(softplus(-bias).mean(), rel=1e-5)
    assert float(logs["loss_p_fake"]) == pytest.approx((softplus(bias) - marks * bias).mean(), rel=1e-5)
    assert float(logs["p_fake_share"]) == pytest.approx(3 / 48)
    assert float(logs["p_accuracy_real"]) == pytest.approx((bias > 0).mean())
    assert float(logs["p_accuracy_fake"]) == pytest.approx(((bias > 0) == (marks > 0.5)).mean())


@modes
def test_c_is_taught_by_sample_and_joint(build, mode):
    # A map that is right or half as high is confident at epsilon 0.6; an empty one is not.
    model, data = build(mode=mode, epsilon=0.6), example()
    height = np.zeros((3, 16))
    height[0, 2], height[1, 2], height[1, 9] = 1, 0.5, 0.5
    set_maps(model.generator, stack1_pose=truth(data)["pose"] * height[:, None, None])
    bias = np.linspace(-2, 2, 16)
    judge_by(model.confidence_discriminator, bias=bias)
    logs = model.update(data)
    # A joint near the border has less than a whole Gaussian, so its empty map may count as near: none has here.
    marks = height > 0
    assert float(logs["c_fake_share"]) == pytest.approx(3 / 48)
    assert float(logs["loss_c_real"]) == pytest.approx(softplus(-bias).mean(), rel=1e-5)
    assert float(logs["loss_c_fake"]) == pytest.approx((softplus(bias) - marks * bias).mean(), rel=1e-5)


def test_thresholds_follow_the_schedule_with_the_step(build):
    model = build(
        threshold_schedule="linear", delta_start=2.0, delta=0.5, epsilon_start=1.0, epsilon=0.6, total_steps=2
    )
    logged = [model.update(example()) for _ in range(4)]
    assert [float(logs["delta"]) for logs in logged] == pytest.approx([2.0, 1.25, 0.5, 0.5])
    assert [float(logs["epsilon"]) for logs in logged] == pytest.approx([1.0, 0.8, 0.6, 0.6])


def test_delta_decides_the_label(build):
    # Found 4 pixels off with heads of 2: within 2.5 head sizes, not within half of one.
    data = example()
    everywhere = [(p, j) for p in range(3) for j in range(16)]
    for delta, share in ((4.0, 1.0), (0.5, 0.0)):
        model = build(delta=delta)
        set_maps(model.generator, stack1_pose=lone_peaks(wrong_at(data, *everywhere)))
        assert float(model.update(data)["p_fake_share"]) == share


# Joints that are not annotated.

UNKNOWN = [(0, 3), (0, 4), (2, 10)]


@modes
@pytest.mark.parametrize("changed", ["true coordinates", "visibility", "predictions"])
def test_unannotated_joints_change_nothing(build, mode, changed):
    def step(change):
        model = build(mode=mode, rates=(100.0, 0.1, 0.1), foreground_weight=2.0)
        randomize(model)
        data = example(annotated=where(*UNKNOWN), visible=where((1, 1)))
        if change == "true coordinates":
            joints = data["joints_heatmap"].numpy()
            joints[tuple(zip(*UNKNOWN, strict=True))] += 3
            data["joints_heatmap"] = tf.constant(joints)
        if change == "visibility":
            data["visible"] = tf.constant(where((1, 1), *UNKNOWN))
        if change == "predictions":
            maps = predicted(model.generator)
            for person, joint in UNKNOWN:
                for name in maps:
                    maps[name][person, ..., joint] = 5
            set_maps(model.generator, **maps)
        before = predicted(model.generator)
        logs = {name: float(value) for name, value in model.update(data).items()}
        pulled = {name: maps - before[name] for name, maps in predicted(model.generator).items()}
        return logs, pulled, values(model.pose_discriminator) + values(model.confidence_discriminator)

    logs, pulled, judges = step(None)
    other_logs, other_pulled, other_judges = step(changed)
    assert other_logs == pytest.approx(logs, rel=1e-5)
    for name, change in pulled.items():
        assert np.abs(change).max() > 0.1
        np.testing.assert_allclose(other_pulled[name], change, rtol=1e-3, atol=1e-5)
        for person, joint in UNKNOWN:
            assert not other_pulled[name][person, ..., joint].any()
    for weight, other in zip(judges, other_judges, strict=True):
        np.testing.assert_allclose(other, weight, rtol=1e-4, atol=1e-6)


@modes
def test_the_discriminators_learn_from_annotated_joints_alone(build, mode):
    # The logit of joint j is its bias; joints 8 to 15 are not annotated, and no joint is found or confident.
    model = build(mode=mode, delta=1e-6, epsilon=1e-6)
    bias = np.linspace(-2, 2, 16)
    for network in (model.pose_discriminator, model.confidence_discriminator):
        judge_by(network, bias=bias)
    logs = model.update(example(annotated=np.tile(np.arange(16) < 8, (3, 1))))
    known = bias[:8]
    for key in ("p", "c"):
        assert float(logs[f"loss_{key}_real"]) == pytest.approx(softplus(-known).mean(), rel=1e-5)
        assert float(logs[f"loss_{key}_fake"]) == pytest.approx(softplus(known).mean(), rel=1e-5)
        # All these logits are below 0: wrong of the real ones, right of the fakes.
        assert float(logs[f"{key}_accuracy_real"]) == 0
        assert float(logs[f"{key}_accuracy_fake"]) == 1
        assert float(logs[f"{key}_fake_share"]) == 0


@modes
def test_nothing_moves_where_nothing_is_annotated(build, mode):
    model = build(mode=mode, rates=(0.1, 0.1, 0.1))
    randomize(model)
    names = ["generator", "pose_discriminator", "confidence_discriminator"]
    before = {name: values(getattr(model, name)) for name in names}
    logs = model.update(example(annotated=np.zeros((3, 16), bool)))
    assert not [name for name in names if moved(before[name], getattr(model, name))]
    assert all(math.isfinite(value) for value in logs.values())


# Joints outside the crop, and people whose occlusion is not known.

OUTSIDE = (0, 3)


def with_one_outside():
    """Joints of which `OUTSIDE` is annotated and not in the crop."""
    joints = example()["joints_heatmap"].numpy()
    joints[OUTSIDE] = (-3, 4)
    return joints


@modes
def test_a_joint_outside_the_crop_is_not_before_p_and_c(build, mode):
    def step(changed=0.0, **changes):
        model = build(mode=mode, rates=(0.0, 0.1, 0.1))
        randomize(model)
        maps = predicted(model.generator)
        for name in maps:
            maps[name][OUTSIDE[0], ..., OUTSIDE[1]] += changed
        set_maps(model.generator, **maps)
        found = model.update(example(**changes))
        logs = {n: float(v) for n, v in found.items() if n.startswith(("loss_p_", "loss_c_", "p_", "c_"))}
        return logs, values(model.pose_discriminator) + values(model.confidence_discriminator)

    logs, judges = step(annotated=where(OUTSIDE))
    assert len(logs) == 10
    for changed in (0.0, 5.0):
        found, moved_judges = step(changed, joints_heatmap=with_one_outside())
        assert found == pytest.approx(logs, rel=1e-5)
        for weight, other in zip(judges, moved_judges, strict=True):
            np.testing.assert_allclose(other, weight, rtol=1e-4, atol=1e-6)
    # Within the crop it would count.
    assert step()[0] != pytest.approx(logs, rel=1e-5)


def test_a_joint_outside_the_crop_counts_in_eq_1_and_is_pulled_by_it_alone(build):
    # G predicts the truth, but 1 everywhere on the pose map of the joint that is outside.
    model = build(rates=(1.0, 0.0, 0.0), balance="fixed", alpha=1.0, beta=1.0)
    randomize(model)
    data = example(joints_heatmap=with_one_outside())
    true = truth(data)
    assert not true["pose"][0, ..., 3].any()
    pose = true["pose"].copy()
    pose[0, ..., 3] = 1
    set_maps(model.generator, stack1_pose=pose, stack1_occlusion=true["occlusion"])
    before = predicted(model.generator)
    logs = model.update(data)
    assert float(logs["loss_pose"]) == pytest.approx(1 / 48, rel=1e-5)
    change = predicted(model.generator)["stack1_pose"] - before["stack1_pose"]
    np.testing.assert_allclose(change[0, ..., 3], -2 / (48 * 64), rtol=1e-3)
    # P and C pull all others, which Eq. 1 does not.
    assert np.abs(change[0, ..., 4]).max() > 1e-4


KNOWN = np.array([True, False, True])


def test_the_occlusion_loss_has_no_term_of_people_whose_occlusion_is_not_known(build):
    # Person 0: joint 2 is 1 everywhere where it should be 0; 32 maps of 64 pixels count. Person 1 is 5 off.
    model = build(rates=(1.0, 0.0, 0.0), balance="fixed", alpha=1.0, beta=1.0)
    randomize(model)
    maps = np.zeros((3, SIZE, SIZE, 16))
    maps[0, ..., 2], maps[1] = 1, 5
    set_maps(model.generator, stack1_occlusion=maps)
    logs = model.update(example(occlusion_known=KNOWN))
    assert float(logs["loss_occlusion"]) == pytest.approx(1 / 32, rel=1e-5)
    change = predicted(model.generator)["stack1_occlusion"] - maps
    # Neither Eq. 1 nor P nor C pull.
    assert not change[1].any()
    assert change[0].any()
    assert change[2].any()


@modes
@pytest.mark.parametrize("key", ["p", "c"], ids=["P", "C"])
def test_p_and_c_see_no_occlusion_that_is_not_known(build, mode, key):
    # Every logit is a hundredth of the sum of all pixels of the occlusion maps.
    model = build(mode=mode)
    network = {"p": model.pose_discriminator, "c": model.confidence_discriminator}[key]
    kernel = np.zeros(logits_layer(network).kernel.shape, np.float32)
    kernel[-SIZE * SIZE * 16 :] = 0.01
    judge_by(network, kernel)
    set_maps(model.generator, stack1_occlusion=np.full((3, SIZE, SIZE, 16), 0.1))
    data = example(occlusion_known=KNOWN, visible=where((0, 3), (1, 4)))
    logs = model.update(data)
    for kind, sums in (("real", truth(data)["occlusion"].sum((1, 2, 3))), ("fake", np.full(3, 0.1 * 64 * 16))):
        logits = np.where(KNOWN, sums, 0) / 100
        expected = softplus(-logits if kind == "real" else logits).mean()
        assert float(logs[f"loss_{key}_{kind}"]) == pytest.approx(expected, rel=1e-4)


# Moved joints.


@modes
def test_the_third_term_of_p_by_hand(build, mode):
    # P's logit j is twice the pixel of the pose map where joint j truly is, less 1. Joint 2 of person 0 moves by 3
    # pixels; joint 5 of person 1 leaves the crop, and does not count. Person 2 is left whole, and alone is real to P.
    model, data = build(mode=mode, moved_joints=True), example()
    places = data["joints_heatmap"].numpy().copy()
    true = truth(data)["pose"]
    kernel, joints = np.zeros(logits_layer(model.pose_discriminator).kernel.shape, np.float32), np.arange(16)
    x, y = places[0].astype(int).T
    kernel[3 + (y * SIZE + x) * 16 + joints, joints] = 2
    judge_by(model.pose_discriminator, kernel, np.full(16, -1.0))
    places[0, 2] += (0, 3)
    places[1, 5] = (-5, 3)
    labels = np.ones((3, 16))
    labels[0, 2] = labels[1, 5] = 0
    scrambled = np.array([True, True, False])
    data |= {
        "moved_heatmap": tf.constant(places),
        "moved": tf.constant(labels < 0.5),
        "scrambled": tf.constant(scrambled),
    }
    assert (true[0, y, x, joints] == 1).all()
    logits = np.ones((3, 16))
    logits[0, 2] = 2 * math.exp(-4.5) - 1
    phase = {"joint": "joint", "alternating": "real"}[mode]
    gradients, logs = model.phases[phase](
        model.networks, Batch(data, size=SIZE, sigma=model.data_config.sigma), model.training_config, 0.0
    )
    counted, real = where((1, 5)) & scrambled[:, None], where() & ~scrambled[:, None]
    terms = np.where(labels > 0.5, softplus(-logits), softplus(logits))
    assert float(logs["loss_p_moved"]) == pytest.approx(terms[counted].mean(), rel=1e-5)
    assert float(logs["loss_p_real"]) == pytest.approx(terms[real].mean(), rel=1e-5)
    assert float(logs["p_accuracy_moved"]) == 1
    # The bias learns of all terms: of the real maps, of the moved, and in joint mode of the fakes, empty and wrong.
    sigmoid = 1 / (1 + np.exp(-logits))
    expected = sum(np.where(mask, sigmoid - labels, 0).sum(0) / mask.sum() for mask in (counted, real))
    if mode == "joint":
        expected += 1 / (1 + math.e) / 16
    np.testing.assert_allclose(gradients["p"][-1], expected, rtol=1e-4, atol=1e-6)
    assert "loss_c_moved" not in logs


@modes
def test_a_step_moves_joints_by_its_number(build, mode):
    # P sees the sum of all pixels times x: what it loses on moved joints depends on where they went.
    def losses(seed):
        model = build(mode=mode, moved_joints=True, seed=seed)
        rng = np.random.default_rng(0)
        judge_by(model.pose_discriminator, rng.normal(size=logits_layer(model.pose_discriminator).kernel.shape))
        return [float(model.update(example())["loss_p_moved"]) for _ in range(2)]

    first = losses(0)
    assert losses(0) == first
    assert first[0] != first[1]
    assert losses(1)[0] != first[0]


# How much P and C pull, and which joints.


@pytest.mark.parametrize(("bias", "fooled"), [(4.0, True), (0.0, False)], ids=["fooled", "not fooled"])
def test_the_share_of_a_fooled_discriminator_falls_with_its_loss(build, bias, fooled):
    model = build(pose_share=0.3, confidence_share=0.0, fooled=0.1)
    randomize(model)
    judge_by(model.pose_discriminator, bias=np.full(16, bias))
    logs = model.update(example())
    loss = float(logs["adversarial_p"]) / float(logs["weight_p"])
    assert (loss < 0.1) == fooled
    assert float(logs["gradient_ratio_p"]) == pytest.approx(0.3 * min(1.0, loss / 0.1), rel=1e-3)


def test_a_pull_that_vanishes_is_not_blown_up(build):
    # P and C look at nothing yet: their gradient at the maps is 0.
    logs = build().update(example())
    assert float(logs["weight_p"]) == float(logs["weight_c"]) == 0.0


@modes
@pytest.mark.parametrize("key", ["p", "c"], ids=["P", "C"])
@pytest.mark.parametrize("pull", ["all", "wrong", "minimax"])
def test_which_joints_are_pulled_and_whereto(build, mode, key, pull):
    # Logit j is the sum of map j. Three joints are right, all others are found elsewhere.
    data = example()
    found = [(0, 2), (1, 2), (1, 9)]
    lost = [(p, j) for p in range(3) for j in range(16) if (p, j) not in found]
    maps = {
        "p": lone_peaks(wrong_at(data, *lost)),
        "c": truth(data)["pose"] * ~where(*found)[:, None, None],
    }[key]

    def changes(weight):
        model = build(
            mode=mode,
            rates=(1.0, 0, 0),
            balance="fixed",
            pull=pull,
            alpha=weight * (key == "c"),
            beta=weight * (key == "p"),
        )
        network = {"p": model.pose_discriminator, "c": model.confidence_discriminator}[key]
        kernel = np.zeros(logits_layer(network).kernel.shape, np.float32)
        first = 3 if key == "p" else 0
        kernel[first : first + SIZE * SIZE * 16] = np.tile(np.eye(16), (SIZE * SIZE, 1))
        judge_by(network, kernel)
        set_maps(model.generator, stack1_pose=maps)
        model.update(data)
        return predicted(model.generator)["stack1_pose"]

    pulled = (changes(1.0) - changes(0.0)).mean((1, 2))
    wrong = where(*found)
    # To a higher logit; by minimax away from the label, so that a joint that is right falls.
    expected = {"all": 1, "wrong": wrong, "minimax": np.where(wrong, 1, -1)}[pull]
    np.testing.assert_array_equal(
        np.where(np.abs(pulled) > 1e-7, np.sign(pulled), 0), np.broadcast_to(expected, wrong.shape)
    )


@modes
def test_the_pull_begins_and_grows_as_told(build, mode):
    model = build(mode=mode, balance="fixed", beta=1.0, alpha=0.5, pull_start=0.2, pull_full=0.6, total_steps=10)
    logged = [model.update(example()) for _ in range(8)]
    ramp = [0, 0, 0, 0.25, 0.5, 0.75, 1, 1]
    assert [float(logs["weight_p"]) for logs in logged] == pytest.approx(ramp, abs=1e-6)
    assert [float(logs["weight_c"]) for logs in logged] == pytest.approx([0.5 * r for r in ramp], abs=1e-6)
    assert float(logged[0]["gradient_ratio_p"]) == 0


# The order of Algorithm 1.


def test_alternating_teaches_by_the_maps_before_gs_first_update_then_by_the_truth(build, monkeypatch):
    model = build(mode="alternating", rates=(1000.0, 0.0, 0.0), delta=1e-6, epsilon=1e-6)
    maps, data = random_maps(), example(visible=where((0, 3)))
    set_maps(model.generator, stack1_pose=maps)
    phases, move = [], model._move
    monkeypatch.setattr(model, "_move", lambda gradients, by: phases.append(gradients) or move(gradients, by))
    model.update(data)
    assert [set(gradients) for gradients in phases] == [{"g", "p", "c"}, {"p", "c"}, {"g"}]
    assert np.abs(predicted(model.generator)["stack1_pose"] - maps).max() > 0.1
    # Logits stay 0: the gradient at C's kernel is 1/2 of all fakes of label 0, and -1/2 of the truth, by joint.
    empty = np.zeros((3, SIZE, SIZE, 16))
    true = truth(data)
    for gradients, sign, seen in ((phases[0], 1, (maps, empty)), (phases[1], -1, (true["pose"], true["occlusion"]))):
        total = sign * 0.5 * np.concatenate([task.sum(0).ravel() for task in seen]) / 48
        np.testing.assert_allclose(gradients["c"][0], np.tile(total[:, None], 16), rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(gradients["p"][0][3:], np.tile(total[:, None], 16), rtol=1e-4, atol=1e-7)


def test_alternating_pulls_by_p_and_c_as_they_have_become(build):
    # G's maps stay empty and have label 0: C's logits of them are its bias, which falls by the fakes, then rises by the
    # truth, of which C has no weights before.
    rate = 16.0
    model = build(mode="alternating", rates=(0.0, 0.0, rate), balance="fixed", alpha=1.0)
    logs = model.update(example())
    bias = -rate * 0.5 / 16
    bias += rate / (1 + math.exp(bias)) / 16
    np.testing.assert_allclose(logits_layer(model.confidence_discriminator).get_weights()[1], bias, rtol=1e-5)
    assert float(logs["adversarial_c"]) == pytest.approx(softplus(-bias), rel=1e-5)


# Other forms of training.


@modes
def test_single_task_has_no_occlusion_anywhere(mode):
    settings = config.Config(
        model=config.ModelConfig(
            crop_size=CROP, stacks=1, features=4, levels=1, discriminator_features=4, single_task=True
        ),
        training=config.TrainingConfig(mode=mode),
    )
    model = build_model(settings, steps_per_epoch=10)
    logs = model.update(example(visible=where((0, 3))))
    assert set(model.generator.output) == {"stack1_pose"}
    assert set(model.pose_discriminator.input) == {"features", "pose"}
    assert set(model.confidence_discriminator.input) == {"pose"}
    assert not [name for name in logs if "occlusion" in name]
    assert float(logs["loss"]) == float(logs["loss_pose"])


@modes
def test_without_discriminators_g_trains_alone(build, mode):
    model = build(alone=True, mode=mode, rates=(1.0, 0.0, 0.0))
    logs = model.update(example())
    assert set(logs) == {"loss", "loss_pose", "loss_occlusion"}
    assert int(model.optimizer.iterations) == 1
    np.testing.assert_allclose(
        predicted(model.generator)["stack1_pose"], 2 / (48 * 64) * truth(example())["pose"], rtol=1e-5, atol=1e-9
    )


SOLOS = {"P": "confidence_discriminator", "C": "pose_discriminator"}


@modes
@pytest.mark.parametrize("only", SOLOS)
def test_one_discriminator_by_itself_trains(mode, only):
    model = real_model(mode=mode, model={SOLOS[only]: False})
    names = ["generator", {"P": "pose_discriminator", "C": "confidence_discriminator"}[only]]
    before = {name: values(getattr(model, name)) for name in names}
    logs = model.update(example())
    assert getattr(model, SOLOS[only]) is None
    assert all(moved(before[name], getattr(model, name)) for name in names)
    assert set(logs) == set(model.means)
    key, other = only.lower(), {"P": "c", "C": "p"}[only]
    assert {f"loss_{key}_real", f"loss_{key}_fake", f"adversarial_{key}", f"weight_{key}"} <= set(logs)
    assert ("loss_p_moved" in logs) == (only == "P")
    assert not [name for name in logs if other in name.split("_")]


@modes
@pytest.mark.parametrize("moved_joints", [False, True])
def test_a_step_logs_what_it_says(build, mode, moved_joints):
    model = build(mode=mode, moved_joints=moved_joints)
    assert set(model.update(example())) == set(model.means)


def test_called_it_is_g(build):
    model = build()
    set_maps(model.generator, stack1_pose=random_maps())
    np.testing.assert_allclose(model(example()["crop"])["stack1_pose"], random_maps(), rtol=1e-5, atol=1e-7)


# The whole, compiled.


@modes
def test_a_step_compiled_by_xla_is_the_eager_step(build, mode):
    found = []
    for function in (lambda f: f, lambda f: tf.function(f, jit_compile=True)):
        model = build(mode=mode, rates=(1.0, 0.1, 0.1))
        randomize(model)
        logs = function(model.update)(example(visible=where((0, 3)), annotated=where(*UNKNOWN)))
        found.append(({name: float(value) for name, value in logs.items()}, predicted(model.generator)["stack1_pose"]))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-4)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-4, atol=1e-6)


def real_model(model=None, **settings):
    training = {"optimizer": "adam", "learning_rate": 1e-3, "discriminator_learning_rate": 1e-3, **settings}
    sizes = config.ModelConfig(
        crop_size=CROP, stacks=1, features=8, levels=1, discriminator_features=8, **(model or {})
    )
    whole = config.Config(model=sizes, training=config.TrainingConfig(**training))
    return build_model(whole, steps_per_epoch=100)


def test_every_operation_of_a_step_has_an_xla_kernel():
    """Lowers a step of real networks to XLA; to compile that for a processor takes minutes."""
    step = tf.function(real_model().update, jit_compile=True)
    assert step.experimental_get_compiler_ir(example(people=2))(stage="hlo").startswith("HloModule")


@pytest.mark.slow
def test_one_batch_is_overfitted_with_p_and_c_on():
    rng = np.random.default_rng(0)
    data = example(
        crop=rng.random((3, CROP, CROP, 3), np.float32),
        joints_heatmap=rng.uniform(1, 6, (3, 16, 2)).astype(np.float32),
        visible=rng.random((3, 16)) < 0.7,
    )
    model = real_model(learning_rate=4e-3)
    step = tf.function(model.update)
    first = {name: float(value) for name, value in step(data).items()}
    for _ in range(150):
        logs = step(data)
    assert float(logs["loss"]) < first["loss"] / 4
    assert first["p_fake_share"] < 0.2
    assert float(logs["p_fake_share"]) > 0.8
