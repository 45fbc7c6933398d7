import types

import numpy as np
import pytest

from data_pipeline.skeleton import MPII16
from keras_apn import config
from keras_apn.report import cells, findings


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\N{EN DASH}"), (float("nan"), "\N{EN DASH}"), (12.34, "12.3"), (-1.0, "\N{MINUS SIGN}1.0")],
    ids=["none", "no number", "number", "negative"],
)
def test_numbers_in_text(value, text):
    assert cells.number(value) == text


def test_a_span_has_signs_where_asked():
    assert cells.span([-1.0, 2.0], sign=True) == "\N{MINUS SIGN}1.0 to +2.0"
    assert cells.span(None) == "\N{EN DASH}"


def test_the_best_of_a_column_is_marked_with_all_that_print_alike():
    found = [cells.cell(value) for value in (50.01, 50.04, 40.0, None)]
    cells._mark(found)
    assert [one["best"] for one in found] == [True, True, False, False]


def test_the_least_is_best_of_errors():
    found = [cells.cell(value) for value in (0.5, 0.4)]
    cells._mark(found, least=True)
    assert [one["best"] for one in found] == [False, True]


def test_a_single_run_is_not_the_best():
    found = [cells.cell(50.0)]
    cells._mark(found)
    assert not found[0]["best"]


def test_settings_that_differ_are_apart_from_those_shared():
    one, other = (
        types.SimpleNamespace(name=name, config=config.Config(training=config.TrainingConfig(seed=seed)))
        for seed, name in enumerate("ab")
    )
    different, same = cells.settings([one, other])
    assert [(row["name"], [cell["text"] for cell in row["cells"]]) for row in different["rows"]] == [
        ("--seed", ["0", "1"])
    ]
    assert "seed" not in same
    assert same["stacks"] == 4
    assert cells.settings([one])[0] is None


def answer(leader, rival, value, edges, different=("stacks",)):
    runs = [
        types.SimpleNamespace(name=name, skeleton=MPII16, scores={"pckh@0.5": {"mean_14": 50.0}})
        for name in ("first", "second")
    ]
    lead = {"mean_14": {"value": value, "interval": edges, "sure": edges[0] > 0}}
    compared = {"headline": "mean_14", "leader": leader, "rival": rival, "lead": lead}
    return findings.verdict(runs, "pckh@0.5", compared, list(different))


@pytest.mark.parametrize(
    ("leader", "rival", "edges", "told"),
    [
        ("second", "first", [0.5, 3.0], "Yes: second."),
        ("first", "second", [0.5, 3.0], "No: first stays ahead."),
        ("second", "first", [-0.5, 3.0], "It cannot be told."),
    ],
    ids=["better", "worse", "unsure"],
)
def test_the_verdict(leader, rival, edges, told):
    said, reason = answer(leader, rival, 1.8, edges)
    assert said == told
    assert f"{leader} is ahead of {rival} by 1.8 points" in reason


def test_the_verdict_on_another_seed_is_luck():
    assert "luck of training" in answer("second", "first", 1.8, [0.5, 3.0], ["seed"])[1]
    assert "luck of training" not in answer("second", "first", 1.8, [0.5, 3.0], ["seed", "stacks"])[1]


def test_counts_by_visibility_leave_out_what_is_not_counted():
    away, visible = np.zeros((3, 16)), np.ones((3, 16), bool)
    away[0] = np.nan
    visible[:2] = False
    run = types.SimpleNamespace(
        skeleton=MPII16, normalised=away, found={"visible": visible, "occlusion_known": np.ones(3, bool)}
    )
    assert cells.count_by_visibility(run, "wrist", visible=False) == 2
    assert cells.count_by_visibility(run, "wrist", visible=True) == 2
    run.found["occlusion_known"][1] = False
    assert cells.count_by_visibility(run, "wrist", visible=False) == 0
    assert cells.count_by_visibility(run, "wrist", visible=True) == 2


def test_discriminators_that_are_not_there_are_dashes():
    pose = {"auc": 0.75, "peak_auc": 0.5, "moved_auc": None, "calibration": 0.125}
    each = (None, {"pose": pose, "confidence": None}, {"pose": {**pose, "auc": 0.25}, "confidence": None})
    named = [types.SimpleNamespace(name=str(n), scores={"discriminators": found}) for n, found in enumerate(each)]
    table = cells.discriminators(named)
    assert table["columns"][:2] == ["P: AUC", "P: the peak's AUC"]
    dash = "\N{EN DASH}"
    texts = [[one["text"] for one in row["cells"]] for row in table["rows"]]
    assert texts[:2] == [[dash] * 10, ["0.750", "0.500", dash, "0.125", *[dash] * 6]]
    assert [row["cells"][0]["best"] for row in table["rows"]] == [False, True, False]
    assert cells.discriminators(named[:1]) is None
