import dataclasses
import json
import os
import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data_pipeline.records import dataset
from data_pipeline.skeleton import COLUMNS, INDEX, JOINTS
from keras_apn import config, train
from keras_apn.evaluation import scoring
from keras_apn.metrics import pck
from keras_apn.models import generator
from keras_apn.training import checkpoints, history, panel, tensorboard
from keras_apn.training.build import build_model

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
MODEL = config.ModelConfig(crop_size=32, stacks=1, features=4, levels=1, discriminator_features=4)


@pytest.fixture(scope="module")
def settings(tiny_config):
    """Two epochs of one step, with everything that the curves can show, and panels at each."""
    varied = {"average_decay": 0.9, "learning_rate": 1e-3, "discriminator_learning_rate": 1e-4, "steps_per_epoch": 1}
    training = dataclasses.replace(tiny_config.training, **varied, panel_epochs=1)
    return dataclasses.replace(tiny_config, model=MODEL, training=training)


@pytest.fixture(scope="module")
def validation(tiny_config):
    return dataset.load(dataset.find(tiny_config.data.validation_records), patch_size=56, batch_size=3)


@pytest.fixture(scope="module")
def trained(settings, tmp_path_factory):
    workdir = str(tmp_path_factory.mktemp("trained"))
    train.train(settings, workdir)
    return workdir


def written(workdir, part):
    """What TensorBoard reads of "train" or "validation"."""
    found = EventAccumulator(os.path.join(workdir, "tensorboard", part))
    found.Reload()
    return found


def curve(workdir, part, tag):
    """Steps and values of a curve, as a list of pairs."""
    return [(event.step, event.value) for event in written(workdir, part).Scalars(tag)]


def callback(model, workdir, validation, **training):
    made = tensorboard.TensorBoardLogs(str(workdir), validation, config.TrainingConfig(**training))
    made.set_model(model)
    return made


@pytest.fixture(scope="module")
def model():
    return build_model(config.Config(model=MODEL), steps_per_epoch=10)


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("loss", "loss/total"),
        ("loss_occlusion", "loss/occlusion"),
        ("loss_p_moved", "loss/p_moved"),
        ("weight_c", "weight/c"),
        ("adversarial_c", "adversarial/c"),
        ("gradient_ratio_p", "gradient_ratio/p"),
        ("c_fake_share", "fake_share/c"),
        ("p_auc", "auc/p"),
        ("p_peak_auc", "auc/p_peak"),
        ("p_moved_auc", "auc/p_moved"),
        ("p_calibration", "calibration/p"),
        ("c_amplitude", "amplitude/c"),
        ("p_toward", "toward/p"),
        ("p_accuracy_fake", "accuracy/p_fake"),
        ("epsilon", "threshold/epsilon"),
        ("something_else", "something_else"),
    ],
)
def test_tags_are_grouped(name, tag):
    assert tensorboard.tag(name) == tag


def test_everything_that_an_epoch_logs_is_a_curve(trained, model):
    lines = history.read(trained)
    assert {tensorboard.tag(name) for name in model.logged} <= set(written(trained, "train").Tags()["scalars"])
    for name in model.logged:
        expected = [(line["epoch"], pytest.approx(line[name], rel=1e-6)) for line in lines]
        assert curve(trained, "train", tensorboard.tag(name)) == expected
    losses = [(line["epoch"], pytest.approx(line["val_loss"], rel=1e-6)) for line in lines]
    assert curve(trained, "validation", "loss/total") == losses
    for name in ("p_moved_auc", "p_calibration", "c_amplitude", "c_calibration"):
        known = [(line["epoch"], pytest.approx(line[f"val_{name}"], rel=1e-6)) for line in lines]
        assert curve(trained, "validation", tensorboard.tag(name)) == known


def test_pckh_is_that_of_the_last_weights_and_not_of_the_averaged(trained):
    lines = history.read(trained)
    for tag, name in (("pckh/mean_14", "val_pckh"), ("pckh/mean_14_averaged", "val_pckh_averaged")):
        expected = [(line["epoch"], pytest.approx(100 * line[name], rel=1e-5)) for line in lines]
        assert curve(trained, "validation", tag) == expected


def test_pckh_has_a_curve_for_each_column_and_joint(model, tmp_path):
    callback_ = callback(model, tmp_path, None, panel_epochs=0)
    true, annotated = np.zeros((4, 16, 2), np.float32), np.ones((4, 16), bool)
    found = true.copy()
    found[:1, INDEX["left_wrist"]] = (0.6, 0)  # 3 of 4
    found[:, INDEX["right_wrist"]] = (0, 9)  # 1 of 2 of those that are annotated
    found[3, INDEX["right_wrist"]] = 0
    annotated[:2, INDEX["right_wrist"]] = False
    annotated[:, INDEX["head_top"]] = False
    model.pckh.reset_state()
    model.pckh.update_state(*map(tf.constant, (found, true, np.ones(4, np.float32), annotated)))
    callback_.on_test_end()
    model.pckh.reset_state()  # As for the averaged weights.
    callback_.on_epoch_end(6, {})
    callback_.on_train_end()
    tags = set(written(tmp_path, "validation").Tags()["scalars"])
    assert tags == {
        *(f"pckh/{name}" for name in (*COLUMNS, "mean_14", "pooled_14", "pooled_16") if name != "head"),
        *(f"pckh_joint/{name}" for name in JOINTS if name != "head_top"),
    }
    values = {
        "pckh/wrist": (75 + 50) / 2,
        "pckh/elbow": 100,
        "pckh/mean_14": (11 * 100 + 75 + 50) / 13,
        "pckh_joint/left_wrist": 75,
        "pckh_joint/right_wrist": 50,
        "pckh_joint/pelvis": 100,
    }
    for tag, value in values.items():
        assert curve(tmp_path, "validation", tag) == [(7, pytest.approx(value, rel=1e-6))]


@pytest.mark.parametrize(
    ("schedule", "left"), [("constant", 1.0), ("cosine", 0.5), ("plateau", 0.1)], ids=["constant", "cosine", "plateau"]
)
def test_learning_rates_are_those_of_the_next_step(schedule, left):
    training = config.TrainingConfig(
        epochs=2, learning_rate=1e-3, discriminator_learning_rate=1e-4, learning_rate_schedule=schedule
    )
    model = build_model(config.Config(model=MODEL, training=training), steps_per_epoch=10)
    for optimizer in (model.optimizer, model.pose_optimizer, model.confidence_optimizer):
        optimizer.iterations.assign(10)  # Of 20.
    if schedule == "plateau":
        model.reduction.assign(0.1)
    expected = {"g": left * 1e-3, "p": left * 1e-4, "c": left * 1e-4}
    assert tensorboard.learning_rates(model) == pytest.approx(expected, rel=1e-5)


def test_learning_rates_are_curves(trained):
    assert curve(trained, "train", "learning_rate/g") == [(1, pytest.approx(1e-3)), (2, pytest.approx(1e-3))]
    assert curve(trained, "train", "learning_rate/c") == [(1, pytest.approx(1e-4)), (2, pytest.approx(1e-4))]


def test_a_resumed_run_goes_on_in_the_same_curves(settings, trained, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    longer = dataclasses.replace(settings, training=dataclasses.replace(settings.training, epochs=3, panel_epochs=2))
    train.train(longer, str(tmp_path / "run"))
    for part, tag in (("train", "loss/total"), ("validation", "pckh/wrist")):
        found, before = curve(tmp_path / "run", part, tag), curve(trained, part, tag)
        assert found[:2] == before
        assert [step for step, _ in found] == [1, 2, 3]


def test_an_epoch_done_again_replaces_itself_and_what_came_after(model, tmp_path):
    for epochs, loss in (((0, 1, 2), 1.0), ((1,), 0.5)):
        once = callback(model, tmp_path, None, panel_epochs=0)
        for epoch in epochs:
            once.on_epoch_end(epoch, {"loss": loss})
        once.on_train_end()
    assert curve(tmp_path, "train", "loss/total") == [(1, 1.0), (2, 0.5)]


@pytest.mark.parametrize(
    ("every", "epochs", "steps"),
    [(2, 5, [2, 4, 5]), (5, 9, [5]), (0, 5, [])],
    ids=["and behind the last", "regular", "never"],
)
def test_panels_come_each_so_many_epochs(model, validation, tmp_path, every, epochs, steps):
    once = callback(model, tmp_path, validation, panel_epochs=every, epochs=epochs)
    for epoch in range(5):
        once.on_epoch_end(epoch, {"loss": 1.0})
    once.on_train_end()
    found = written(tmp_path, "validation")
    tags = [f"people/{n}" for n in (1, 2, 3, 4)] if steps else []
    assert sorted(found.Tags()["images"]) == tags
    for tag in tags:
        assert [event.step for event in found.Images(tag)] == steps


def test_there_is_no_panel_of_heatmaps_that_are_no_numbers(model, validation, tmp_path):
    once = callback(model, tmp_path, validation, panel_epochs=1)
    model.not_finite.assign(1)
    once.on_epoch_end(0, {"loss": float("nan")})
    model.not_finite.assign(0)
    once.on_train_end()
    assert written(tmp_path, "validation").Tags()["images"] == []
    ((step, value),) = curve(tmp_path, "train", "loss/total")
    assert step == 1
    assert np.isnan(value)


def everything(model):
    """All that training moves, and what an epoch has logged."""
    arrays = [w for network in checkpoints.networks(model).values() for w in network.get_weights()]
    return [*arrays, *(variable.numpy() for metric in model.metrics for variable in metric.variables)]


def test_panels_change_nothing(model, validation, tmp_path):
    model.pckh.update_state(tf.zeros([1, 16, 2]), tf.zeros([1, 16, 2]), tf.ones([1]), tf.ones([1, 16], tf.bool))
    before = everything(model)
    once = callback(model, tmp_path, validation, panel_epochs=1)
    once.on_test_end()
    once.on_epoch_end(0, {"loss": 1.0})
    for old, new in zip(before, everything(model), strict=True):
        np.testing.assert_array_equal(new, old)


def test_the_first_people_are_those_of_the_records_unaugmented(tiny_config, validation):
    example = next(scoring.examples(dataset.find(tiny_config.data.validation_records), 32, 4))
    found = tensorboard.first_people(validation, 32, 4)
    assert found["crop"].shape == (4, 32, 32, 3)
    for name, values in found.items():
        np.testing.assert_allclose(values, example[name].numpy(), atol=1e-5)
    assert len(tensorboard.first_people(validation, 32, 9)["crop"]) == 5


def image(workdir, tag):
    """The last image of a tag, [H, W, 3] uint8 RGB."""
    encoded = written(workdir, "validation").Images(tag)[-1].encoded_image_string
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def shown(monkeypatch, workdir, validation, **changes):
    """What `panel.draw` is given for a model, and the image that TensorBoard reads."""
    model = build_model(config.Config(model=dataclasses.replace(MODEL, **changes)), steps_per_epoch=10)
    drawn, draw = [], panel.draw
    monkeypatch.setattr(panel, "draw", lambda *given: drawn.append(given[:2]) or draw(*given))
    once = callback(model, workdir, validation, panel_epochs=1)
    once.on_epoch_end(0, {"loss": 1.0})
    once.on_train_end()
    np.testing.assert_array_equal(image(workdir, "people/1"), draw(*drawn[0]))
    return model, drawn[0]


def test_a_panel_shows_what_the_networks_say(monkeypatch, tmp_path, validation):
    model, (person, title) = shown(monkeypatch, tmp_path, validation)
    crop = tf.constant(tensorboard.first_people(validation, 32, 1)["crop"])
    maps = model.generator(crop, training=False)
    pose, occlusion = maps["stack1_pose"], maps["stack1_occlusion"]
    np.testing.assert_allclose(person["pose"], pose[0], atol=1e-5)
    np.testing.assert_allclose(person["occlusion"], occlusion[0], atol=1e-5)
    judged = {"pose": pose, "occlusion": occlusion}
    features = generator.with_context(model.generator)(crop, training=False)[generator.CONTEXT]
    plausible = tf.sigmoid(model.pose_discriminator({"features": features, **judged}, training=False))
    np.testing.assert_allclose(person["plausible"], plausible[0], atol=1e-5)
    confident = tf.sigmoid(model.confidence_discriminator(judged, training=False))
    np.testing.assert_allclose(person["confident"], confident[0], atol=1e-5)
    away = np.linalg.norm(person["joints"] - person["true"], axis=-1) / person["head_size"]
    np.testing.assert_array_equal(person["found"], person["annotated"] & (away <= pck.THRESHOLDS["pckh"]))
    count, of = person["found"].sum(), person["annotated"].sum()
    assert title == f"epoch 1, validation person 1: finds {count} of {of} joints"


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"discriminators": False}, {"plausible", "confident"}),
        ({"pose_discriminator": False}, {"plausible"}),
        ({"confidence_discriminator": False}, {"confident"}),
        ({"single_task": True}, {"occlusion", "occluded"}),
        (
            {"discriminators": False, "single_task": True},
            {"plausible", "confident", "occlusion", "occluded"},
        ),
    ],
    ids=["no discriminators", "no P", "no C", "single task", "neither"],
)
def test_what_a_model_lacks_is_left_out(monkeypatch, tmp_path, validation, changes, missing):
    model, (person, _) = shown(monkeypatch, tmp_path, validation, **changes)
    parts = {"plausible", "confident", "occlusion", "occluded", "pose"}
    assert parts - set(person) == missing
    judges = {"p": "plausible", "c": "confident"}
    assert set(tensorboard.learning_rates(model)) == {"g"} | {
        key for key, name in judges.items() if name not in missing
    }


def test_a_run_logs_its_last_steps_by_network_and_keeps_all_layers(trained):
    line = history.read(trained)[-1]
    with open(f"{trained}/updates.json") as file:
        kept = json.load(file)
    assert kept.pop("epoch") == line["epoch"]
    assert set(kept) == {"g", "p", "c"}
    for key, layers in kept.items():
        assert line[f"update_{key}"] == np.median(list(layers.values()))
        assert line[f"update_{key}_least"] == min(layers.values()) > 0
        assert curve(trained, "train", f"update/{key}") == [
            (each["epoch"], pytest.approx(each[f"update_{key}"], rel=1e-6)) for each in history.read(trained)
        ]
