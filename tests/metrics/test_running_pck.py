"""The Keras metrics of joints that are not MPII's, by hand; those of MPII's are beside the functions' tests."""

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline import skeleton
from keras_apn.metrics import running_pck

UNIT = {"kind": "pair", "joints": ["a", "c"]}
THREE = skeleton.from_json({"name": "three", "joints": ["a", "b", "c"], "counted": ["a", "b"], "unit": UNIT})
# Two people with a, b and c on a line, 10 and 20 long.
TRUE = np.array([[[0, 0], [0, 5], [0, 10]], [[0, 0], [0, 10], [0, 20]]], np.float32)


def fed(metric, away, *sizes, annotated=True):
    """The metric after joints that lie `away`, [2, 3] pixels, from their places."""
    found = TRUE + np.stack([away, np.zeros((2, 3))], axis=-1).astype(np.float32)
    known = np.broadcast_to(np.asarray(annotated), (2, 3))
    metric.update_state(*map(tf.constant, (found, TRUE, *sizes, known)))
    return float(metric.result())


def test_pck_is_at_a_fifth_of_the_pairs_distance():
    away = [[2.0, 2.01, 0], [4.0, 3.9, 9]]
    assert fed(running_pck.PCK(skeleton=THREE), away) == pytest.approx(3 / 4)
    assert fed(running_pck.PCK(skeleton=THREE, mean="pooled_3"), away) == pytest.approx(4 / 6)
    assert fed(running_pck.PCK(0.45, skeleton=THREE, mean="pooled_3"), away) == 1


def test_a_pair_that_is_half_known_counts_nowhere():
    known = [[True, True, False], [True, True, True]]
    metric = running_pck.PCK(skeleton=THREE, mean="mean_2")
    assert fed(metric, [[0, 0, 0], [9, 0, 0]], annotated=known) == 0.5
    assert metric.by_joint() == {"a": 0.0, "b": 100.0, "c": 100.0}


def test_a_size_of_another_unit_counts_by_its_threshold():
    # 0.2 of the pair's distance, given as the person's size: two fifths of a head size's tolerance.
    sizes = np.array([10, 20], np.float32)
    metric = running_pck.PCKh(skeleton=THREE)
    assert fed(metric, [[2, 2.01, 0], [4.01, 3.9, 0]], sizes) == 0.5
    table = metric.table()
    assert (table["a"], table["b"], table["c"], table["mean_2"]) == (50, 50, 100, 50)


def test_names_of_the_metrics():
    assert (running_pck.PCKh().name, running_pck.PCK().name) == ("pckh", "pck")
    assert running_pck.PCKh(name="p", skeleton=THREE).name == running_pck.PCK(name="p", skeleton=THREE).name == "p"


def test_means_by_default():
    assert (running_pck.PCKh().mean, running_pck.PCK().mean) == ("mean_14", "pooled_14")
    assert (running_pck.PCKh(skeleton=THREE).mean, running_pck.PCK(skeleton=THREE).mean) == ("mean_2", "pooled_2")
