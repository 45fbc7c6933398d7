import dataclasses
import types

import cv2
import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.records import dataset
from data_pipeline.skeleton import INDEX, JOINTS, MPII16
from keras_apn.evaluation import scoring
from keras_apn.inference import discriminator_scores, pose_estimator
from keras_apn.models import networks
from keras_apn.report import panels, runs

WRIST, ANKLE, PELVIS = (INDEX[name] for name in ("left_wrist", "right_ankle", "pelvis"))


@pytest.fixture(scope="module")
def paths(tiny_records):
    return dataset.find(str(tiny_records / "validation-*.tfrecord"))


def person(annotated=True, visible=True, true=5.0):
    """A run that found one person, in crops of 32 pixels."""
    found = {
        "annotated": np.full((1, 16), annotated),
        "visible": np.full((1, 16), visible),
        "occlusion_known": np.ones(1, bool),
        "true": np.full((1, 16, 2), true),
        "predicted": np.full((1, 16, 2), 5.0, np.float32),
        "image": np.array(["a.jpg"], object),
        "person_index": np.array([3]),
    }
    estimator = types.SimpleNamespace(crop_size=32)
    return types.SimpleNamespace(
        name="run", skeleton=MPII16, found=found, estimator=estimator, normalised=np.full((1, 16), 0.1)
    )


def test_crops_of_some_are_those_of_all(paths):
    everyone = np.concatenate([example["crop"] for example in scoring.examples(paths, 32, 5)])
    found = panels.crops_of(paths, 32, [4, 1], batch_size=2)
    assert sorted(found) == [1, 4]
    for n, crop in found.items():
        np.testing.assert_array_equal(crop, everyone[n])


def test_hidden_joints_are_annotated_occluded_and_within_the_crop():
    run = person()
    run.found["visible"][0, [WRIST, ANKLE, PELVIS]] = False
    assert panels.hidden_joints(run, 0) == [WRIST, ANKLE]
    run.found["annotated"][0, WRIST] = False
    assert panels.hidden_joints(run, 0) == [ANKLE]
    run.found["true"][0, ANKLE] = 40.0
    assert panels.hidden_joints(run, 0) == []


def test_hidden_joints_are_not_too_many():
    assert len(panels.hidden_joints(person(visible=False), 0)) == panels.MOST_JOINTS


def test_where_occlusion_is_not_known_nothing_is_called_hidden_or_visible():
    run, crop = person(visible=False), np.zeros((32, 32, 3), np.float32)
    assert panels.truth(run, crop, 0).alt == "The annotated pose of a.jpg, person 3; 16 joints are hidden."
    run.found["occlusion_known"][0] = False
    tile = panels.truth(run, crop, 0)
    assert tile.caption == "truth, occlusion not known"
    assert tile.alt == "The annotated pose of a.jpg, person 3; which joints are hidden is not known."
    assert panels.hidden_joints(run, 0) == []


def test_a_prediction_tells_what_it_misses():
    run = person()
    run.normalised[0, WRIST], run.normalised[0, ANKLE] = 0.9, np.nan
    tile = panels.prediction(run, np.zeros((32, 32, 3), np.float32), 0, 0.5)
    assert tile.caption == "run: 12 of 13"
    assert tile.alt == "run's pose of a.jpg, person 3: 12 of 13 joints found. Missed: left wrist."


def test_a_jpeg_keeps_the_colours():
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 200
    encoded = np.frombuffer(tf.io.decode_base64(_websafe(panels.jpeg(red))).numpy(), np.uint8)
    assert cv2.imdecode(encoded, cv2.IMREAD_COLOR)[4, 4] == pytest.approx([0, 0, 200], abs=8)


def _websafe(uri):
    return uri.partition(",")[2].replace("+", "-").replace("/", "_").rstrip("=")


def test_a_heatmap_is_bright_where_it_is_high():
    heatmap = np.zeros((8, 8), np.float32)
    heatmap[6, 6] = 0.8
    tile = panels._heatmap(person(), np.zeros((32, 32, 3), np.float32), 0, WRIST, "pose", heatmap)
    assert tile.caption == f"{JOINTS[WRIST].replace('_', ' ')}: 0.80"
    encoded = np.frombuffer(tf.io.decode_base64(_websafe(tile.source)).numpy(), np.uint8)
    drawn = cv2.imdecode(encoded, cv2.IMREAD_COLOR).astype(int).sum(axis=-1)
    assert drawn[156, 156] > 300
    assert drawn[156, 60] < 30


@pytest.mark.parametrize(
    ("left_out", "said"),
    [("confidence_discriminator", "P"), ("pose_discriminator", "C")],
    ids=["P alone", "C alone"],
)
def test_figure_8_of_one_discriminator(tiny_config, paths, left_out, said):
    sizes = dataclasses.replace(tiny_config.model, **{left_out: False})
    both = networks.Networks(networks.generator(sizes), *networks.discriminators(sizes))
    judge = discriminator_scores.JudgedEstimator(both)
    config = dataclasses.replace(tiny_config, model=sizes)
    run = runs.Run("run", "", config, [], {}, judge, judge, {}, np.zeros((0, 16)), {})
    run = runs.score(run, paths, "pckh", None)
    drawn = panels.figure8(run, panels.crops_of(paths, 32, [0])[0], 0, 0.5)
    assert drawn["verdicts"].caption == said


def test_figure_8_without_p_and_c(tiny_workdir, paths):
    estimator = pose_estimator.from_workdir(str(tiny_workdir))
    run = runs.Run("run", "", None, [], {}, estimator, None, {}, np.zeros((0, 16)), {})
    run = runs.score(run, paths, "pckh", None)
    run.found["visible"][0] = False
    crop = panels.crops_of(paths, 32, [0])[0]
    drawn = panels.figure8(run, crop, 0, 0.5)
    assert drawn["verdicts"] is None
    assert len(drawn["pose"]) == len(drawn["occlusion"]) == len(panels.hidden_joints(run, 0)) > 0
