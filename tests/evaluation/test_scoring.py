import json

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import skeleton
from data_pipeline.records import dataset
from keras_apn.evaluation import scoring
from keras_apn.inference import pose_estimator, test_time_augmentation
from keras_apn.metrics import plausibility


@pytest.fixture(scope="module")
def paths(tiny_records):
    return dataset.find(str(tiny_records / "validation-*.tfrecord"))


class Guess:
    """An estimator that finds every joint in the middle."""

    scales, skeleton = test_time_augmentation.ONE_SCALE, skeleton.MPII16

    def joints_in_crop(self, crops):
        people = tf.shape(crops)[0]
        return {"joints": tf.fill([people, 16, 2], 15.5), "scores": tf.ones([people, 16])}


def test_every_person_is_collected_once_whatever_the_batch(paths):
    whole, *others = (scoring.collect(paths, 32, batch, Guess(), crops=True) for batch in (5, 1, 2, 3))
    assert len(whole["true"]) == 5
    for other in others:
        assert set(other) == set(whole)
        for name, values in whole.items():
            np.testing.assert_array_equal(other[name], values)


def test_what_is_collected(paths, tiny_workdir):
    found = scoring.collect(paths, 32, 3, pose_estimator.from_workdir(str(tiny_workdir)), crops=True)
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes == {
        "crop": (5, 32, 32, 3),
        "true": (5, 16, 2),
        "predicted": (5, 16, 2),
        "head_size": (5,),
        **dict.fromkeys(("annotated", "visible", "scores", "occluded"), (5, 16)),
        **dict.fromkeys(("occlusion_known", "image", "person_index"), (5,)),
        "crop_to_image": (5, 2, 3),
    }
    assert found["crop"].dtype == np.uint8
    assert all(isinstance(name, str) and name for name in found["image"])


def test_views_of_other_scales_are_cut_from_the_patch(paths):
    example = next(scoring.examples(paths, 32, 5, (1.0, 1.5)))
    plain, wide = (view.numpy() for view in example["views"])
    np.testing.assert_array_equal(plain, example["crop"])
    # Two thirds of the wide view's side show what the plain one shows.
    inner = tf.image.resize(wide[:, 5:27, 5:27], (32, 32)).numpy()
    assert np.abs(inner - plain).mean() < 0.05
    # And there is something around it.
    assert wide[:, :4].std() > 0.01


def test_the_truth_scored_against_itself_is_perfect(paths):
    truth = scoring.collect(paths, 32, 4)
    known = {**truth, "predicted": truth["true"], "occluded": ~truth["visible"] * 1.0}
    ranges = plausibility.fit(truth["true"], truth["head_size"], truth["annotated"])
    for metric, key in (("pckh", "pckh@0.5"), ("pck", "pck@0.2")):
        table = scoring.score(known, metric, ranges)
        assert set(table[key].values()) == {100.0}
        assert table["error_head_sizes"] == {"mean": 0, "median": 0}
        assert table["occlusion_ap"]["mean_14"] == pytest.approx(100)
        assert table["implausible"]["either"] == table["implausible"]["truth"] == 0


def hand_made(**changes):
    """One person whose head is 10 pixels, all found right."""
    true = np.zeros((1, 16, 2))
    true[0, :, 1] = 10.0 * np.arange(16)
    known = {"predicted": true.copy(), "true": true, "head_size": np.array([10.0])}
    return {**known, "annotated": np.ones((1, 16), bool), **changes}


def test_pck_and_pckh_of_the_same_error():
    found = hand_made()
    # |left shoulder - right hip| is 110 pixels, of which 0.2 are 22; half the head is 5.
    found["predicted"][0, skeleton.INDEX["left_wrist"]] += (6, 0)
    assert scoring.score(found, "pck")["pck@0.2"]["wrist"] == 100
    table = scoring.score(found, "pckh")
    assert table["pckh@0.5"]["wrist"] == 50
    assert table["error_head_sizes"]["mean"] == pytest.approx(0.6 / 14)


def test_keys_are_stable_and_what_is_not_known_is_null():
    told = json.loads(json.dumps(scoring.score(hand_made(), "pckh")))
    scores = ["pckh@0.5", "visible", "occluded", "curve", "people", "error_head_sizes"]
    assert list(told) == [*scores, "occlusion_ap", "implausible", "right"]
    assert list(told["pckh@0.5"]) == list(skeleton.MPII16.titles)
    assert told["visible"] == told["occluded"] == {"wrist": None, "elbow": None}
    assert told["occlusion_ap"] is told["implausible"] is None


def two_people(**changes):
    """Two people who are found, with all joints hidden, as is predicted, but the second's left wrist, which is seen."""
    both = {name: np.repeat(value, 2, axis=0) for name, value in hand_made(visible=np.zeros((1, 16), bool)).items()}
    both["visible"][1, skeleton.INDEX["left_wrist"]] = True
    return {**both, "occluded": np.ones((2, 16)), **changes}


def test_people_whose_occlusion_is_not_known_are_left_out_of_what_depends_on_it():
    everybody, first, nobody = (
        scoring.score(two_people(**known), "pckh")
        for known in ({}, {"occlusion_known": np.array([True, False])}, {"occlusion_known": np.zeros(2, bool)})
    )
    assert (everybody["visible"]["wrist"], first["visible"]["wrist"], nobody["visible"]["wrist"]) == (100, None, None)
    assert (everybody["occluded"]["wrist"], first["occluded"]["wrist"], nobody["occluded"]["wrist"]) == (100, 100, None)
    assert (everybody["occlusion_ap"]["wrist"], first["occlusion_ap"]["wrist"]) == (75, 100)
    assert nobody["occlusion_ap"] is None
    # What does not depend on it is of both.
    assert everybody["people"] == first["people"] == nobody["people"] == 2
    assert everybody["pckh@0.5"] == first["pckh@0.5"] == nobody["pckh@0.5"]


def test_mean_pose_leaves_out_what_is_not_annotated():
    true = np.zeros((2, 16, 2))
    true[0], true[1] = 4.0, 8.0
    annotated = np.ones((2, 16), bool)
    annotated[1, 3] = False
    mean = scoring.mean_pose({"true": true, "annotated": annotated})
    assert mean[0].tolist() == [6.0, 6.0]
    assert mean[3].tolist() == [4.0, 4.0]
