import types

import numpy as np
import pytest

from data_pipeline.skeleton import MPII16
from keras_apn import config
from keras_apn.metrics import pck
from keras_apn.report import findings, seeds

PEOPLE = 100


def run(name, right, seed, **settings):
    """A run that finds all joints of the first `right` people, and of nobody else."""
    normalised = np.where(np.arange(PEOPLE)[:, None] < right, 0.1, 0.9).repeat(16, axis=1)
    visible = np.ones(normalised.shape, bool)
    visible[:, 10] = False  # Right wrists.
    return types.SimpleNamespace(
        skeleton=MPII16,
        name=name,
        config=config.Config(training=config.TrainingConfig(seed=seed, **settings)),
        normalised=normalised,
        found={"visible": visible, "occlusion_known": np.ones(PEOPLE, bool)},
        scores=pck.score(normalised, visible),
    )


def alone_and_full():
    alone = [run(f"alone-seed{seed}", right, seed, pull="wrong") for seed, right in ((0, 40), (1, 44))]
    return [alone[0], run("full-seed0", 60, 0), alone[1], run("full-seed1", 70, 1)]


def test_runs_that_differ_in_their_seed_alone_are_one_setting():
    found = seeds.groups(alone_and_full())
    assert {name: [one.name for one in own] for name, own in found.items()} == {
        "alone": ["alone-seed0", "alone-seed1"],
        "full": ["full-seed0", "full-seed1"],
    }


@pytest.mark.parametrize(
    ("names", "name"),
    [(("a_1", "a_2"), "a"), (("first", "second"), "first"), (("0", "1"), "0"), (("x 3", "y 4"), "x 3")],
)
def test_a_setting_is_called_what_its_runs_have_in_common(names, name):
    assert list(seeds.groups([run(names[0], 1, 0), run(names[1], 1, 1)])) == [name]


def test_settings_of_one_name_keep_their_own():
    found = seeds.groups([run("a-1", 1, 0), run("a-2", 1, 1), run("a-3", 1, 0, delta=0.7), run("a-4", 1, 1, delta=0.7)])
    assert list(found) == ["a", "a-3"]


def test_means_spreads_and_differences():
    told = seeds.compare(alone_and_full(), "pckh")
    assert told["full"]["mean"]["mean_14"] == pytest.approx(65)
    assert told["full"]["spread"]["mean_14"] == pytest.approx(10 / np.sqrt(2))
    assert told["full"]["mean"]["hidden wrist"] == pytest.approx(65)
    assert told["full"]["mean"]["hidden elbow"] is None
    gain = told["full"]["to_first"]["mean_14"]
    assert gain["value"] == pytest.approx(23)
    # Of the seeds' differences 20 and 26.
    assert gain["spread"] == pytest.approx(6 / np.sqrt(2))
    assert gain["interval"][0] < 23 < gain["interval"][1]
    assert gain["sure"]
    assert told["full"]["to_first"]["hidden elbow"]["value"] is None
    assert "to_first" not in told["alone"]


def test_one_run_of_each_setting_is_nothing_to_average():
    assert seeds.compare(alone_and_full()[:2], "pckh") is None
    assert seeds.table(None, "mean_14") is None


def test_a_setting_with_one_seed_stands_beside_others():
    told = seeds.compare([*alone_and_full(), run("third", 42, 0, delta=0.7)], "pckh")
    assert told["third"]["spread"]["mean_14"] is None
    assert told["third"]["to_first"]["mean_14"]["spread"] is None
    assert not told["third"]["to_first"]["mean_14"]["sure"]


def test_the_table_has_means_then_differences():
    table = seeds.table(seeds.compare(alone_and_full(), "pckh"), "mean_14")
    assert [row["name"] for row in table["rows"]] == ["alone (2)", "full (2)", "full \N{MINUS SIGN} alone"]
    assert [row["cells"][0]["text"] for row in table["rows"]] == ["42.0", "65.0", "+23.0"]
    assert table["rows"][1]["cells"][0]["note"] == "\N{PLUS-MINUS SIGN} 7.1"
    assert table["rows"][2]["cells"][0]["note"].endswith(", \N{PLUS-MINUS SIGN} 4.2")
    assert [row["cells"][0]["best"] for row in table["rows"]] == [False, False, True]


@pytest.mark.parametrize(
    ("runs", "answer", "reason"),
    [
        (alone_and_full(), "Yes: full.", "(2 of full and 2 of alone) full is ahead of alone by 23.0 points"),
        (alone_and_full()[::-1], "No: full stays ahead.", "full is ahead of alone by 23.0 points"),
        ([run("a-0", 40, 0), run("a-1", 44, 1), run("b", 43, 0, delta=0.7)], "It cannot be told.", "leaves room"),
    ],
    ids=["better", "worse", "alike"],
)
def test_the_answer_is_of_the_means(runs, answer, reason):
    compared = {"headline": "mean_14", "leader": None, "rival": None, "seeds": seeds.compare(runs, "pckh")}
    found = findings.verdict(runs, "pckh@0.5", compared, ["seed"])
    assert found[0] == answer
    assert reason in found[1]
