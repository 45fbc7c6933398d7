import math

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import heatmaps
from keras_apn import config
from keras_apn.adversarial import batch, losses


def constant(values):
    return tf.constant(np.asarray(values, np.float32))


@pytest.mark.parametrize("annotated", [1, 16], ids=["one joint", "all joints"])
def test_an_empty_prediction_costs_pi_over_4096_in_the_mean(annotated):
    # The squares of one Gaussian of sigma 1 sum to pi, spread over 64 x 64 pixels: 7.67e-4.
    mask = tf.constant([[True] * annotated + [False] * (16 - annotated)])
    true = heatmaps.draw(tf.fill([1, 16, 2], 31.0), mask, 64, 1.0)
    loss = losses.heatmap_loss(tf.zeros_like(true), true, mask, stacks=4)
    assert float(loss) == pytest.approx(math.pi / 4096, rel=3e-4)


def test_the_mean_is_over_the_elements_of_annotated_joints():
    # Two samples of two joints and 2 x 2 pixels; squares of 1 in three annotated maps, so 12 of 12 elements are 1 off.
    mask = tf.constant([[True, True], [True, False]])
    assert float(losses.heatmap_loss(tf.ones([2, 2, 2, 2]), tf.zeros([2, 2, 2, 2]), mask, stacks=4)) == 1.0
    # One map is 3 off and the other two are right: 4 elements of 9 over 12.
    predicted = np.zeros((2, 2, 2, 2), np.float32)
    predicted[0, :, :, 0] = 3
    assert float(losses.heatmap_loss(constant(predicted), tf.zeros([2, 2, 2, 2]), mask, stacks=4)) == 3.0


def test_maps_that_are_not_square_are_meant_over_their_own_pixels():
    loss = losses.heatmap_loss(tf.fill([1, 3, 5, 1], 3.0), tf.ones([1, 3, 5, 1]), tf.constant([[True]]), stacks=1)
    assert float(loss) == 4


def test_the_printed_sum_is_over_2_samples_stacks():
    # 3 annotated maps of 4 pixels that are 2 off: 48, over 2 x 2 samples x 4 stacks.
    mask = tf.constant([[True, True], [True, False]])
    loss = losses.heatmap_loss(tf.fill([2, 1, 4, 2], 2.0), tf.zeros([2, 1, 4, 2]), mask, stacks=4, reduction="sum")
    assert float(loss) == 48 / 16


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_unannotated_joints_change_no_heatmap_loss_and_get_no_gradient(reduction):
    mask = tf.constant([[True, False]])
    rng = np.random.default_rng(0)
    predicted, true = (rng.normal(size=(1, 4, 4, 2)).astype(np.float32) for _ in range(2))
    other, other_true = predicted.copy(), true.copy()
    other[..., 1], other_true[..., 1] = 7, -3
    found, changed = constant(predicted), constant(other)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([found, changed])
        first = losses.heatmap_loss(found, constant(true), mask, stacks=1, reduction=reduction)
        second = losses.heatmap_loss(changed, constant(other_true), mask, stacks=1, reduction=reduction)
    assert float(first) == float(second) > 0
    assert not tape.gradient(second, changed).numpy()[..., 1].any()


def test_pixels_weigh_what_they_are_given():
    true = constant([[1, 0.5], [0, 0]])[None, :, :, None]
    weights = constant([[31, 16], [1, 1]])[None, :, :, None]
    # Nothing is predicted: 31 x 1 + 16 x 0.25 + 0 + 0, over 4 pixels.
    loss = losses.heatmap_loss(tf.zeros_like(true), true, tf.constant([[True]]), stacks=1, weights=weights)
    assert float(loss) == 8.75


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_heatmap_loss_is_0_where_nothing_is_annotated(reduction):
    mask = tf.zeros([1, 2], tf.bool)
    assert (
        float(losses.heatmap_loss(tf.ones([1, 2, 2, 2]), tf.zeros([1, 2, 2, 2]), mask, stacks=1, reduction=reduction))
        == 0
    )


def test_an_unknown_reduction_is_refused():
    maps = tf.zeros([1, 2, 2, 1])
    with pytest.raises(ValueError, match=r"`reduction` must be one of .* Received: median"):
        losses.heatmap_loss(maps, maps, tf.constant([[True]]), stacks=1, reduction="median")


@pytest.mark.parametrize(
    ("settings", "divisor", "pose", "occlusion"),
    [
        ({}, None, 2 * 2.5 / 4, (5 + 9) / 2),
        ({"foreground_weight": 1.0}, None, 2 * 4.75 / 4, (9.5 + 13.5) / 2),
        ({"reduction": "sum"}, None, 2 * 2.5 / 4, (5 + 9) / 4),
        ({}, 4.0, 2 * 2.5 / 8, (5 + 9) / 8),
    ],
    ids=["plain", "foreground", "as printed", "part of a batch"],
)
def test_the_generators_loss_is_the_sum_over_stacks_and_tasks(settings, divisor, pose, occlusion):
    # Two joints' maps of two pixels: the pose's are 1 and 0.5, the occlusion's 0, and that of the second is not known.
    # Squares of both stacks: 1 and 0.25 of either joint's pose; 4 and 1, then 0 and 9, of the first one's occlusion.
    truth = {"pose": constant([[[[1, 1], [0.5, 0.5]]]]), "occlusion": constant(np.zeros((1, 1, 2, 2)))}
    stacks = [
        {"pose": constant(np.zeros((1, 1, 2, 2))), "occlusion": constant([[[[2, 7], [1, 7]]]])},
        {"pose": constant([[[[2, 2], [0, 0]]]]), "occlusion": constant([[[[0, 7], [3, 7]]]])},
    ]
    joints = {
        task: batch.Joints(tf.constant([mask]), divisor)
        for task, mask in (("pose", [True, True]), ("occlusion", [True, False]))
    }
    loss, logs = losses.generator_loss(stacks, truth, joints, config.TrainingConfig(**settings))
    expected = {"loss": pose + occlusion, "loss_pose": pose, "loss_occlusion": occlusion}
    assert {name: float(value) for name, value in logs.items()} == expected
    assert float(loss) == expected["loss"]


def test_a_part_of_a_batch_is_divided_by_what_it_is_given():
    mask, count = tf.constant([[True, False, True]]), tf.constant(8.0)
    assert float(losses.masked_mean(constant([[4, 99, 12]]), mask, count)) == 2
    assert float(losses.accuracy(constant([[2, 2, 2]]), constant([[1, 1, 0]]), mask, count)) == 1 / 8
    logits, marks = constant([[0, 5, 0]]), constant([[1, 1, 0]])
    assert float(losses.label_loss(logits, marks, mask, count)) == pytest.approx(2 * math.log(2) / 8)
    maps = tf.ones([1, 2, 2, 3])
    assert float(losses.heatmap_loss(2 * maps, 0 * maps, mask, stacks=1, count=count)) == 2 * 4 / 8


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("logit", [-3.0, 0.0, 0.7])
def test_label_loss_is_the_journals_form_for_binary_labels(label, logit):
    probability = 1 / (1 + math.exp(-logit))
    loss = losses.label_loss(constant([[logit]]), constant([[label]]), tf.constant([[True]]))
    assert float(loss) == pytest.approx(-math.log(1 - abs(probability - label)), rel=1e-5)


def test_label_loss_is_the_mean_over_annotated_joints():
    logits, marks = constant([[0, 50], [-2, 0]]), constant([[1, 0], [0, 1]])
    mask = tf.constant([[True, False], [True, True]])
    expected = (math.log(2) + math.log(1 + math.exp(-2)) + math.log(2)) / 3
    assert float(losses.label_loss(logits, marks, mask)) == pytest.approx(expected)


def test_no_gradient_flows_into_labels():
    logits, marks = constant([[0.3, -1.0]]), constant([[0.4, 0.9]])
    with tf.GradientTape() as tape:
        tape.watch([logits, marks])
        loss = losses.label_loss(logits, marks, tf.constant([[True, True]]))
    into_logits, into_labels = tape.gradient(loss, [logits, marks])
    assert into_labels is None
    assert into_logits.numpy().all()


def test_masked_mean_counts_annotated_values_only():
    assert float(losses.masked_mean(constant([[1, 100], [4, 7]]), tf.constant([[True, False], [True, True]]))) == 4


def test_masked_mean_of_nothing_is_0():
    assert float(losses.masked_mean(constant([[1, 100]]), tf.constant([[False, False]]))) == 0


def test_accuracy_is_the_share_of_annotated_joints_on_the_right_side():
    logits, marks = constant([[2, -1, 3, -4]]), constant([[1, 1, 0, 0]])
    assert float(losses.accuracy(logits, marks, tf.constant([[True] * 4]))) == 0.5
    assert float(losses.accuracy(logits, marks, tf.constant([[True, False, True, True]]))) == pytest.approx(2 / 3)


def test_a_logit_of_0_counts_as_0():
    mask = tf.constant([[True, True]])
    assert float(losses.accuracy(constant([[0, 0.5]]), constant([[0, 1]]), mask)) == 1
