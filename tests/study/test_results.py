import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from keras_apn.evaluation import scoring
from keras_apn.study import page, results, runner, score
from keras_apn.study.plan import Plan, Training

PEOPLE = 30


def measured(name, seed, share, hidden=0.2):
    """A result of a run that finds so many joints, and who are the same for every run."""
    rng = np.random.default_rng(5)
    true = rng.uniform(0, 50, (PEOPLE, 16, 2))
    annotated, visible = rng.random((PEOPLE, 16)) < 0.9, rng.random((PEOPLE, 16)) >= hidden
    right = np.random.default_rng([seed, 1]).random((PEOPLE, 16)) < share
    found = {
        "true": true,
        "predicted": true + np.where(right, 0.0, 9.0)[..., None],
        "head_size": np.full(PEOPLE, 10.0),
        "annotated": annotated,
        "visible": visible & annotated,
        "occlusion_known": np.ones(PEOPLE, bool),
    }
    return {
        "name": name, "seed": seed, "flags": [f"--share={share}"], "metric": "pckh", "people": PEOPLE,
        "parameters": 1000, "seconds": 600.0, "step_seconds": 0.25 + seed, "epochs": 2, "best_epoch": 2,
        "scores": {**scoring.score(found, "pckh"), "discriminators": None},
        "curves": {"val_pckh": [0.1, 0.2], "loss": [2.0, 1.0], "val_p_auc": [None, None]} | {"val_c_auc": [None] * 2}
        | {"p_fake_share": [None] * 2},
        "counted": score.packed(annotated),
        "hits": score.packed(annotated & right),
        "hidden": score.packed(annotated & ~visible),
    }  # fmt: skip


def plan_of(*keys):
    return Plan("A study", "r/*", tuple(Training(name, seed, ("--a",)) for name, seed in keys))


@pytest.fixture
def found(tmp_path):
    """Two rows of two seeds, and a third of which one is done."""
    told = plan_of(("alone", 0), ("full", 0), ("late", 0), ("alone", 1), ("full", 1), ("late", 1))
    for training in told.trainings[:-1]:
        share = {"alone": 0.5, "full": 0.8, "late": 0.5}[training.name]
        write_json(runner.result_path(str(tmp_path), training.key), measured(training.name, training.seed, share))
    return results.read(told, str(tmp_path))


def test_bits_come_back():
    mask = np.random.default_rng(0).random((7, 16)) < 0.5
    np.testing.assert_array_equal(score.unpacked(score.packed(mask), 7), mask)


def test_results_are_read_by_row_and_seed(found):
    assert {name: [result["seed"] for result in own] for name, own in found.items()} == {
        "alone": [0, 1],
        "full": [0, 1],
        "late": [0],
    }


def test_means_and_spreads_are_over_seeds(found):
    told = results.summary(found)
    each = [results.rates(result)["mean_14"] for result in found["full"]]
    row = told["rows"]["full"]
    assert row["mean"]["mean_14"] == pytest.approx(np.mean(each))
    assert row["spread"]["mean_14"] == pytest.approx(abs(each[0] - each[1]) / np.sqrt(2))
    assert told["rows"]["late"]["spread"]["mean_14"] is None
    assert row["mean"]["P's AUC"] is None
    assert row["step_seconds"] == 0.75
    assert (told["baseline"], told["metric"], told["headline"], told["people"]) == ("alone", "pckh@0.5", "mean_14", 30)


def test_differences_are_paired_over_people_and_seeds(found):
    told = results.summary(found)["rows"]
    gain = told["full"]["to_baseline"]["mean_14"]
    assert gain["value"] == pytest.approx(told["full"]["mean"]["mean_14"] - told["alone"]["mean"]["mean_14"])
    assert 0 < gain["interval"][0] < gain["value"] < gain["interval"][1]
    # The same joints of the same people are found by equal runs: nothing is left to chance.
    assert told["late"]["to_baseline"]["mean_14"] == {"value": 0.0, "interval": [0.0, 0.0], "spread": None}
    assert "to_baseline" not in told["alone"]
    hidden = told["full"]["to_baseline"]["hidden wrist"]
    assert hidden["interval"][0] < hidden["value"] < hidden["interval"][1]


def test_rows_without_a_seed_in_common_are_not_compared():
    told = results.summary({"alone": [measured("alone", 0, 0.5)], "full": [measured("full", 1, 0.8)]})
    assert told["rows"]["full"]["to_baseline"]["mean_14"]["value"] is None


def test_results_on_other_people_are_refused(tmp_path):
    told = plan_of(("alone", 0), ("full", 0))
    write_json(runner.result_path(str(tmp_path), told.trainings[0].key), measured("alone", 0, 0.5))
    other = {**measured("full", 0, 0.5), "counted": score.packed(np.zeros((PEOPLE, 16), bool))}
    write_json(runner.result_path(str(tmp_path), told.trainings[1].key), other)
    with pytest.raises(UserError, match="results on different people"):
        results.read(told, str(tmp_path))


def test_the_page_holds_every_row_and_needs_nothing_else(found):
    del found["late"][0]["step_seconds"]  # As of a run before it was measured.
    html = page.render("A <study>", found, results.summary(found))
    assert "<td>750</td>" in html
    assert "A &lt;study&gt;" in html
    for name in found:
        assert html.count(f"> {name}</th>") >= 2
    assert f"{results.summary(found)['rows']['full']['to_baseline']['mean_14']['value']:+.2f}" in html
    assert 'src="http' not in html
    assert html.count("by epoch") == 1


def test_a_single_row_is_a_page_too():
    alone = {"alone": [measured("alone", 0, 0.5)]}
    html = page.render("One", alone, results.summary(alone))
    assert "More than" not in html
    assert 'class="sure"' not in html
