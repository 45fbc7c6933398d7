import dataclasses
import json
import shutil

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from keras_apn import config
from keras_apn.evaluation import calibrating
from keras_apn.inference import discriminator_scores
from keras_apn.models import best_weights, networks, platt_scaling


def _people(people=400, seed=0):
    """Logits four times as steep as they should be, with their labels."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0.5, 1.0, (people, 16))
    return 4.0 * true, rng.uniform(size=true.shape) < 1 / (1 + np.exp(-true)), rng.uniform(size=true.shape) < 0.8


def test_probabilities_are_mended_on_people_that_the_line_was_not_fitted_to():
    scaling, about = calibrating.calibrate(*_people())
    assert abs(scaling.scale - 0.25) < 0.02
    assert about["people"] == 400
    assert about["joints"] == _people()[2].sum()
    assert about["ece_before"] > 0.1
    assert about["ece_after"] <= about["ece_cross_validated"] + 0.01 < 0.04


def test_joints_that_are_not_annotated_count_nowhere():
    logits, right, annotated = _people()
    expected = calibrating.calibrate(logits, right, annotated)
    changed = np.where(annotated, logits, 1e6), np.where(annotated, right, ~right), annotated
    assert calibrating.calibrate(*changed) == expected


@pytest.mark.parametrize("people", [0, 9])
def test_too_few_people_are_refused(people):
    with pytest.raises(UserError, match=f"10 annotated people at least. Received: {people}"):
        calibrating.calibrate(*_people(people))


def test_right_is_within_p_fakes_threshold():
    found = {
        "true": np.zeros((1, 16, 2), np.float32),
        "predicted": np.zeros((1, 16, 2), np.float32),
        "head_size": np.array([10.0], np.float32),
        "annotated": np.ones((1, 16), bool),
    }
    found["predicted"][0, :3, 0] = 4.9, 5.0, 5.1
    found["annotated"][0, 5] = False
    right = calibrating.right_joints(found, 0.5)[0]
    assert right[:6].tolist() == [True, False, False, True, True, False]


@pytest.fixture
def workdir(tiny_workdir, tiny_config, tmp_path):
    shutil.copytree(tiny_workdir, tmp_path / "run")
    for network in networks.discriminators(tiny_config.model):
        network.save_weights(best_weights.path(tmp_path / "run", network.name))
    return str(tmp_path / "run")


def test_a_run_is_calibrated_once(workdir, monkeypatch, capsys):
    monkeypatch.setattr(calibrating, "LEAST_PEOPLE", 1)
    scaling = calibrating.of_run(workdir)
    with open(platt_scaling.path(workdir), encoding="utf-8") as file:
        told = json.load(file)
    assert told["scale"] == scaling.scale
    assert {"people", "ece_before", "ece_after", "ece_cross_validated", "delta_head_sizes"} <= set(told)
    assert "P is calibrated on" in capsys.readouterr().err
    monkeypatch.setattr(calibrating.scoring, "collect", None)
    assert calibrating.of_run(workdir) == scaling
    # What finds joints in this run's name says it so.
    assert discriminator_scores.from_workdir(workdir).verdict == scaling


def test_a_run_that_cannot_be_calibrated_says_so_in_one_line(workdir, capsys):
    calibrating.where_possible(workdir)
    said = capsys.readouterr().out.strip()
    assert said.startswith("P is not calibrated: ")
    assert "\n" not in said


def test_a_run_without_p_is_left_alone(tmp_path, tiny_config, capsys):
    dataclasses.replace(tiny_config, model=config.ModelConfig(discriminators=False)).save(str(tmp_path))
    calibrating.where_possible(str(tmp_path))
    assert capsys.readouterr().err == ""
