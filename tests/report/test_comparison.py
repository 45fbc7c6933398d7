import types

import numpy as np
import pytest

from data_pipeline.skeleton import INDEX, MPII16
from keras_apn.metrics import pck
from keras_apn.report import comparison


def run(name, normalised):
    visible = np.ones(normalised.shape, bool)
    scores = pck.score(normalised, visible)
    found = {"visible": visible, "occlusion_known": np.ones(len(normalised), bool)}
    return types.SimpleNamespace(name=name, skeleton=MPII16, normalised=normalised, found=found, scores=scores)


def people(right, count=100):
    """`count` people of whom the first `right` are found in every joint, the others in none."""
    return np.where(np.arange(count)[:, None] < right, 0.1, 0.9).repeat(16, axis=1)


def test_resamples_draw_as_many_people_and_the_same_ones_again():
    drawn = comparison.resample(7)
    assert (drawn.sum(axis=1) == 7).all()
    np.testing.assert_array_equal(drawn, comparison.resample(7))


def test_everyone_drawn_once_gives_the_plain_rates():
    generator = np.random.default_rng(0)
    normalised = np.where(generator.random((50, 16)) < 0.1, np.nan, generator.random((50, 16)))
    visible = generator.random((50, 16)) < 0.7
    found = comparison.resampled_rates(normalised, ~visible, 0.5, np.ones((1, 50), np.float32))
    plain = pck.rates(normalised, 0.5)
    for title in (*MPII16.columns, "mean_14", "pooled_14"):
        assert found[title][0] == pytest.approx(plain[title], rel=1e-5)
    hidden = pck.by_visibility(normalised, visible, 0.5)["occluded"]
    assert found["hidden wrist"][0] == pytest.approx(hidden["wrist"], rel=1e-5)


def test_the_interval_is_that_of_a_share():
    # 95 % of a share of 0.5 among 100 people: 0.5 +- 1.96 * sqrt(0.25 / 100).
    compared = comparison.compare([run("a", people(50))], "pckh")
    assert compared["intervals"]["a"]["mean_14"] == pytest.approx([40.2, 59.8], abs=1.5)
    assert (compared["leader"], compared["rival"], compared["lead"]) == ("a", None, None)


def test_a_better_run_leads_the_first():
    compared = comparison.compare([run("a", people(50)), run("b", people(80)), run("c", people(60))], "pckh")
    assert (compared["leader"], compared["rival"]) == ("b", "a")
    assert compared["lead"]["mean_14"]["value"] == pytest.approx(30.0)
    assert compared["lead"]["mean_14"]["sure"] is True
    assert compared["to_first"]["c"]["mean_14"]["value"] == pytest.approx(10.0)


def test_a_first_run_that_leads_is_compared_with_the_next():
    compared = comparison.compare([run("a", people(80)), run("b", people(40)), run("c", people(60))], "pckh")
    assert (compared["leader"], compared["rival"]) == ("a", "c")


def test_differences_are_of_the_same_people():
    # The same people but one more: as resamples draw the same people for both, the difference is never below 0.
    compared = comparison.compare([run("a", people(50)), run("b", people(51))], "pckh")
    low, high = compared["lead"]["mean_14"]["interval"]
    assert 0.0 <= low < high < 4.0
    assert compared["lead"]["mean_14"]["sure"] is False


def test_hidden_joints_are_of_people_whose_occlusion_is_known():
    one = run("a", people(50))
    one.found["visible"][:] = False
    assert comparison.compare([one], "pckh")["intervals"]["a"]["hidden wrist"] == pytest.approx([40.2, 59.8], abs=1.5)
    # Those who are not found are not known: what is left is found.
    one.found["occlusion_known"][50:] = False
    assert comparison.compare([one], "pckh")["intervals"]["a"]["hidden wrist"] == [100, 100]


def test_a_joint_that_nobody_has_is_not_compared():
    normalised = people(50)
    normalised[:, INDEX["head_top"]] = np.nan
    compared = comparison.compare([run("a", normalised), run("b", normalised)], "pckh")
    assert compared["intervals"]["a"]["head"] is None
    assert compared["to_first"]["b"]["head"] == {"value": None, "interval": None, "sure": False}
