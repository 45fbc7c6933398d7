import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn.models import generator
from keras_apn.models.generator import build_generator

MAPS = (None, 8, 8, 16)


@pytest.fixture(scope="module")
def tiny():
    keras.utils.set_random_seed(0)
    return build_generator(crop_size=32, stacks=2, features=8, levels=2)


def test_outputs_of_both_tasks_have_a_name_for_each_stack(tiny):
    assert {name: output.shape for name, output in tiny.output.items()} == {
        "stack1_pose": MAPS,
        "stack1_occlusion": MAPS,
        "stack2_pose": MAPS,
        "stack2_occlusion": MAPS,
    }


def test_single_task_has_pose_outputs_only():
    model = build_generator(crop_size=32, stacks=2, features=8, levels=1, occlusion=False)
    assert {name: output.shape for name, output in model.output.items()} == {"stack1_pose": MAPS, "stack2_pose": MAPS}
    assert not [layer.name for layer in model.layers if "occlusion" in layer.name]


def test_the_maps_are_a_quarter_of_the_crop():
    model = build_generator(crop_size=64, stacks=1, features=2, levels=1)
    assert model.output["stack1_pose"].shape == (None, 16, 16, 16)


def test_first_predictions_are_near_zero(tiny):
    image = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    for training in (False, True):
        for maps in tiny(image, training=training).values():
            assert 0 < np.abs(maps).max() < 0.05


def test_layers_are_named_by_their_place(tiny):
    names = {layer.name for layer in tiny.layers}
    assert {"stem_entry_conv", "stack1_down2_1_conv", "stack2_up1_3_conv", "stack2_pose_maps_conv"} <= names


@pytest.mark.parametrize("source", ["pose_features", "occlusion_features", "pose_feedback", "occlusion_feedback"])
def test_the_next_stack_gets_features_and_predictions_of_both_tasks(tiny, source):
    merged = tiny.get_layer("stack1_merge").input
    assert any(tensor is tiny.get_layer(f"stack1_{source}_conv").output for tensor in merged)


def test_the_next_stack_gets_the_stem_too(tiny):
    merged = tiny.get_layer("stack1_merge").input
    stem = tiny.get_layer("stack1_stem")
    assert stem.input is tiny.get_layer("stem_res3_add").output
    assert any(tensor is stem.output for tensor in merged)
    assert len(merged) == 5


# Worked out from the layers: a batch norm has 4 c parameters, a convolution k k c d + d. With r = residual(c, c), the
# stem, each stack of 13 r and two heads (r, a convolution c to c, a batch norm, one c to 16), and between two stacks
# for each task a convolution c to c and one 16 to c, are:
#
#     c     r        stem     13 r       head      between   sum
#     512   857088   946048   11142144   1130000   271360    946048 + 4 * (11142144 + 2 * 1130000) + 3 * 2 * 271360
#     256   215552   354432   2802176    286480    70144     354432 + 4 * (2802176 + 2 * 286480) + 3 * 2 * 70144
#     64    13952    47680    181376     19408     5248      47680 + 2 * (181376 + 2 * 19408) + 2 * 5248
@pytest.mark.parametrize(
    ("stacks", "features", "count"),
    [(4, 512, 56182784), (4, 256, 14275840), (2, 64, 498560)],
    ids=["4 stacks of 512", "4 stacks of 256", "2 stacks of 64"],
)
def test_number_of_parameters(stacks, features, count):
    assert build_generator(stacks=stacks, features=features).count_params() == count


def test_the_head_of_section_2_1_goes_down_to_the_joints():
    network = build_generator(crop_size=32, stacks=2, features=64, levels=3, head="joints")
    for task in ("pose", "occlusion"):
        assert network.get_layer(f"stack1_{task}_conv").output.shape[1:] == (8, 8, 16)
        assert network.get_layer(f"stack1_{task}_features_conv").input.shape[1:] == (8, 8, 64)
    # The first convolution of each of the four heads, its batch norm, and the second: 64 to 16 channels, not 64.
    spared = 4 * ((64 * 65 + 4 * 64 + 65 * 16) - (65 * 16 + 4 * 16 + 17 * 16))
    wide = build_generator(crop_size=32, stacks=2, features=64, levels=3)
    assert wide.count_params() - network.count_params() == spared


def test_a_head_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"`head` must be one of \('wide', 'joints'\)\. Received: head=narrow"):
        build_generator(crop_size=32, stacks=1, features=8, levels=1, head="narrow")


@pytest.mark.parametrize("stacks", [0, -1])
def test_no_stack_is_refused(stacks):
    with pytest.raises(ValueError, match=rf"`stacks` must be at least 1\. Received: stacks={stacks}"):
        build_generator(stacks=stacks)


@pytest.mark.parametrize(
    ("crop_size", "levels"), [(250, 4), (0, 4), (64, 5), (64, 0)], ids=["no multiple", "nothing", "too deep", "flat"]
)
def test_a_size_that_cannot_be_halved_is_refused(crop_size, levels):
    with pytest.raises(ValueError, match=rf"multiple of 4 \* 2\*\*levels.*crop_size={crop_size}, levels={levels}"):
        build_generator(crop_size=crop_size, levels=levels)


def test_the_context_is_the_last_hourglass_before_its_heads():
    keras.utils.set_random_seed(0)
    network = build_generator(crop_size=32, stacks=2, features=8, levels=2)
    both = generator.with_context(network)
    image = tf.constant(np.random.default_rng(0).random((2, 32, 32, 3)), tf.float32)
    found, maps = both(image), network(image)
    assert set(found) - set(maps) == {generator.CONTEXT}
    assert found[generator.CONTEXT].shape == (2, 8, 8, 8)
    for name, value in maps.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6)
    # The last heads see nothing else.
    heads = [network.get_layer(f"stack2_{task}_res_apart") for task in ("pose", "occlusion")]
    assert all(head.input is generator.context_layer(network).output for head in heads)
