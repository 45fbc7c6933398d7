"""How well P and C know good joints from bad ones: by hand, against exact areas, and in a validation."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import heatmaps
from data_pipeline.records import dataset
from keras_apn import config
from keras_apn.adversarial import discrimination
from keras_apn.adversarial.batch import Batch
from keras_apn.metrics import ranking
from keras_apn.models import networks
from keras_apn.models.networks import Networks
from keras_apn.training import loop, run_records
from keras_apn.training.build import build_model

CROP, SIZE, PEOPLE = 32, 8, 3


def added(metric, *values, counted=None):
    """A metric after one batch: a row of scores and of labels."""
    arrays = [tf.constant([value], tf.float32) for value in values]
    metric.update_state(*arrays, tf.ones(arrays[0].shape, tf.bool) if counted is None else tf.constant([counted]))
    return float(metric.result())


@pytest.mark.parametrize(
    ("scores", "given", "area"),
    [
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], 1.0),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 0.0),
        ([0.4, 0.6, 0.3, 0.7], [1, 1, 0, 0], 0.5),
        # Pairs: 0.6 beats both; 0.3 ties with one and loses to the other.
        ([0.6, 0.3, 0.3, 0.5], [1, 1, 0, 0], 2.5 / 4),
        ([0.5] * 4, [1, 0, 0, 1], 0.5),
        ([2.0, 1.0, -1.0, 0.0], [1, 1, 0, 0], 1.0),
    ],
    ids=["right", "wrong", "half", "a tie", "all tied", "beyond the ends"],
)
def test_areas_by_hand(scores, given, area):
    assert added(ranking.AreaUnderCurve(), scores, given) == area


def test_what_does_not_count_is_left_out():
    scores, given, counted = [0.9, 0.1, 0.2, 0.8], [1, 0, 1, 0], [True, True, False, False]
    assert added(ranking.AreaUnderCurve(), scores, given, counted=counted) == 1
    assert added(ranking.CalibrationError(), scores, given, counted=counted) == pytest.approx(0.1)
    metric = ranking.CountedMean()
    metric.update_state(tf.constant([[1.0, 2.0, np.nan]]), tf.constant([[True, True, False]]))
    assert float(metric.result()) == 1.5


@pytest.mark.parametrize("given", [[0, 0, 0], [1, 1, 1]], ids=["no positive", "no negative"])
def test_one_class_has_no_area(given):
    assert np.isnan(added(ranking.AreaUnderCurve(), [0.1, 0.5, 0.9], given))


def exact(scores, given):
    """The area by all pairs."""
    positives, negatives = scores[given == 1][:, None], scores[given == 0][None]
    return np.mean((positives > negatives) + 0.5 * (positives == negatives))


@pytest.mark.parametrize("spread", [0.05, 1.0, 20.0], ids=["timid", "usual", "sure"])
def test_the_area_by_bins_is_the_exact_one(spread):
    random = np.random.default_rng(0)
    given = random.integers(0, 2, 3000).astype(np.float32)
    logits = (spread * (random.normal(size=3000) + given)).astype(np.float32)
    metric = ranking.AreaUnderCurve()
    for part in np.split(np.arange(3000), 5):
        values = discrimination._spread(tf.constant(logits[None, part])), tf.constant(given[None, part])
        metric.update_state(*values, tf.ones((1, len(part)), tf.bool))
    assert 0.7 < exact(logits, given) < 0.8
    assert float(metric.result()) == pytest.approx(exact(logits, given), abs=1e-3)


def test_calibration_by_hand():
    # Bins of a fifteenth: 0.50 and 0.52 share one, with half of them right; 0.9 is all right, 0.1 all wrong.
    probabilities, given = [0.50, 0.52, 0.9, 0.9, 0.1, 1.0], [1, 0, 1, 1, 0, 1]
    expected = (abs(1.02 - 1) + abs(1.8 - 2) + 0.1 + 0) / 6
    assert added(ranking.CalibrationError(), probabilities, given) == pytest.approx(expected, abs=1e-6)


def test_metrics_forget():
    for metric in (ranking.AreaUnderCurve(), ranking.CalibrationError()):
        added(metric, [0.9, 0.1], [1, 0])
        metric.reset_state()
        assert np.isnan(float(metric.result()))


def generator(stacks=1, single_task=False):
    """A G whose maps are not looked at."""
    return networks.generator(
        config.ModelConfig(crop_size=CROP, stacks=stacks, features=4, levels=1, single_task=single_task)
    )


def height_judge(rate=1.0, bias=0.0, name="c"):
    """Logits that are `rate` times the peak's height, and a bias: a C, or a P that does not look at the image."""
    pose, occlusion = (keras.Input((SIZE, SIZE, 16), name=task) for task in ("pose", "occlusion"))
    peaks = keras.layers.GlobalMaxPooling2D()(pose)
    return keras.Model({"pose": pose, "occlusion": occlusion}, keras.layers.Rescaling(rate, bias)(peaks), name=name)


def judged(p=None, c=None, **settings):
    """A `Discrimination` of these networks."""
    training = config.TrainingConfig(epsilon=0.6, **settings)
    return discrimination.Discrimination(Networks(generator(), p, c), training, config.DataConfig())


def example(**changes):
    """Joints on whole pixels that are annotated and visible; heads are 2 pixels."""
    joint = np.arange(16)
    joints = np.stack([1 + joint % 6, 1 + (joint // 4 + joint) % 6], axis=-1).astype(np.float32)
    values = {
        "crop": np.zeros((PEOPLE, CROP, CROP, 3), np.float32),
        "joints_heatmap": np.tile(joints, (PEOPLE, 1, 1)),
        "annotated": np.ones((PEOPLE, 16), bool),
        "visible": np.ones((PEOPLE, 16), bool),
        "occlusion_known": np.ones(PEOPLE, bool),
        "head_size_heatmap": np.full(PEOPLE, 2, np.float32),
    }
    return {name: tf.constant(changes.get(name, value)) for name, value in values.items()}


def answer(given, wrong, height=0.3):
    """G's maps: the truth, but of the `wrong` joints a peak of some height in a far corner."""
    joints = given["joints_heatmap"].numpy()
    wrong = np.broadcast_to(wrong, joints.shape[:2])
    far = np.where((joints < SIZE / 2), SIZE - 1.0, 0.0).astype(np.float32)
    everywhere = tf.ones(wrong.shape, tf.bool)
    pose = heatmaps.draw(tf.constant(np.where(wrong[..., None], far, joints)), everywhere, SIZE, 1.0)
    pose *= np.where(wrong, height, 1.0).astype(np.float32)[:, None, None]
    return {"pose": pose, "occlusion": tf.zeros_like(pose)}


def add(found, given, maps):
    found.update(maps, given["crop"], Batch(given, size=SIZE, sigma=1.0))


def scores(found, given, maps):
    found.reset()
    add(found, given, maps)
    return found.scores()


WRONG = np.arange(16) % 3 == 0


def test_a_p_that_is_right_is_perfect():
    given = example()
    found = scores(judged(p=height_judge(40.0, -20.0), c=height_judge(40.0, -20.0)), given, answer(given, WRONG))
    assert found["pose"]["auc"] == found["pose"]["peak_auc"] == found["confidence"]["auc"] == 1
    assert found["pose"]["calibration"] == pytest.approx(0, abs=1e-3)


def test_a_p_that_is_wrong_is_worse_than_the_peak():
    given = example()
    found = scores(judged(p=height_judge(-1.0)), given, answer(given, WRONG))
    assert found == {"pose": found["pose"], "confidence": None}
    assert found["pose"]["auc"] == 0
    assert found["pose"]["peak_auc"] == 1


@pytest.mark.parametrize("rate", [2.0, -2.0], ids=["rises", "falls"])
def test_amplitude_is_the_change_of_cs_logit(rate):
    given = example()
    found = scores(judged(c=height_judge(rate)), given, answer(given, WRONG))
    assert found["pose"] is None
    mean = np.where(WRONG, 0.3, 1.0).mean()
    assert found["confidence"]["amplitude"] == pytest.approx(0.2 * rate * mean, rel=1e-5)


@pytest.mark.parametrize(("rate", "share"), [(2.0, 0.0), (-2.0, 1.0)], ids=["to the peak", "from the peak"])
def test_toward_is_the_share_of_wrong_joints_that_are_pulled_to_their_place(rate, share):
    given = example()
    maps = answer(given, WRONG)
    found = scores(judged(p=height_judge(rate), c=height_judge(rate)), given, maps)
    assert found["pose"]["toward"] == found["confidence"]["toward"] == share
    # Whose pull is at the true place of every second joint, and of the others nowhere.
    every_second = (np.arange(16) % 2).astype(np.float32)
    knowing = scores(judged(p=place_judge(every_second)), given, maps)
    assert knowing["pose"]["toward"] == pytest.approx(np.mean(every_second[WRONG]))


def test_what_is_not_annotated_or_outside_counts_nowhere():
    joints, annotated = example()["joints_heatmap"].numpy().copy(), np.ones((PEOPLE, 16), bool)
    joints[:, 4], annotated[:, 7] = (-3, 2), False
    given = example(joints_heatmap=joints, annotated=annotated)
    found = judged(p=height_judge(), c=height_judge())
    maps = answer(given, WRONG)
    before = scores(found, given, maps)
    # Whatever G says of them.
    spoiled = maps["pose"].numpy().copy()
    spoiled[..., [4, 7]] = 5.0
    assert scores(found, given, maps | {"pose": tf.constant(spoiled)}) == before
    count = float(tf.reduce_sum(found.metrics["p"]["auc"].counts))
    assert count == PEOPLE * 14
    assert float(tf.reduce_sum(found.metrics["p"]["moved_auc"].counts)) <= count


def test_one_class_of_labels_has_no_area_and_is_not_logged():
    given = example()
    found = judged(p=height_judge(), c=height_judge())
    told = scores(found, given, answer(given, np.zeros(16, bool)))
    assert told["pose"]["auc"] is told["pose"]["peak_auc"] is told["confidence"]["auc"] is None
    assert told["pose"]["calibration"] is not None
    logs = found.logs()
    assert set(logs) == {"p_moved_auc", "p_calibration", "c_amplitude", "c_calibration"}
    assert all(np.isfinite(value) for value in logs.values())  # Nor has a pull of wrong joints where there are none.


def test_no_people_have_no_scores():
    found = judged(p=height_judge(), c=height_judge())
    given = example(annotated=np.zeros((PEOPLE, 16), bool))
    told = scores(found, given, answer(given, WRONG))
    assert {value for values in told.values() for value in values.values()} == {None}
    assert found.logs() == {}
    assert judged().scores() == {"pose": None, "confidence": None}


def place_judge(weights=1.0):
    """A P that knows where everybody's joints are: how far their maps overlap the true ones, times weights of 16."""
    pose, occlusion = (keras.Input((SIZE, SIZE, 16), name=task) for task in ("pose", "occlusion"))
    truth = heatmaps.draw(example()["joints_heatmap"][:1], tf.ones((1, 16), tf.bool), SIZE, 1.0).numpy()
    overlap = keras.layers.Lambda(lambda maps: tf.reduce_sum(maps * truth * weights, axis=(1, 2)))(pose)
    return keras.Model({"pose": pose, "occlusion": occlusion}, overlap)


def test_a_p_that_knows_the_pose_tells_moved_joints_the_same_in_every_epoch():
    given = example()
    found = judged(p=place_judge())
    maps = answer(given, WRONG)
    first = scores(found, given, maps)
    assert first["pose"]["moved_auc"] == 1
    counts = found.metrics["p"]["moved_auc"].counts
    kept, moved = tf.convert_to_tensor(counts)[1].numpy().sum(), tf.convert_to_tensor(counts)[0].numpy().sum()
    assert kept > moved > 0
    add(found, given, maps)
    both = tf.convert_to_tensor(counts).numpy().copy()
    scores(found, given, maps)
    add(found, given, maps)
    np.testing.assert_array_equal(tf.convert_to_tensor(counts).numpy(), both)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({}, "pc"),
        ({"confidence_discriminator": False}, "p"),
        ({"pose_discriminator": False}, "c"),
        ({"single_task": True}, "pc"),
        ({"pose_context": "image"}, "pc"),
        ({"discriminators": False}, ""),
    ],
    ids=["both", "P alone", "C alone", "single task", "P of the image", "none"],
)
def test_a_validation_holds_the_scores_of_its_people(tiny_config, changes, keys):
    """In graphs, on every person once, and again the same."""
    model_config = dataclasses.replace(tiny_config.model, features=4, levels=1, discriminator_features=4, **changes)
    training = dataclasses.replace(tiny_config.training, epsilon=1.001)
    settings = dataclasses.replace(tiny_config, model=model_config, training=training)
    model = build_model(settings, 1)
    records = run_records.survey(settings, settings.data.validation_records, 0.0)
    batches = run_records.held_out(settings, records)
    validation = loop.Validation(batches, run_records.held_out_steps(settings, records))
    logs = validation.scores(model)
    assert set(logs) <= {"loss", "pckh"} | {f"{k}_{name}" for k in keys for name in discrimination.MEASURES[k]}
    assert {name for name in logs if name.endswith("calibration")} == {f"{k}_calibration" for k in keys}
    assert ("p_moved_auc" in logs) == ("p" in keys)
    assert validation.scores(model) == logs
    if keys:
        people = sum(float(tf.reduce_sum(tf.cast(batch["annotated"], tf.float32))) for batch in batches)
        counts = model.discrimination.metrics[keys[0]]["calibration"].sums
        assert 0 < float(tf.reduce_sum(tf.convert_to_tensor(counts)[:, 0])) <= people
        found = discrimination.measure(
            model.networks,
            settings,
            dataset.find(settings.data.validation_records),
            settings.training.batch_size,
        )
        for key in keys:
            for name, value in found[discrimination.NAMES[key]].items():
                assert value is None or value == pytest.approx(logs[f"{key}_{name}"], abs=1e-5)
