import json
import types

import numpy as np
import pytest

from data_pipeline import dataset
from data_pipeline.errors import UserError
from keras_apn import evaluate


@pytest.fixture(scope="module")
def paths(tiny_records):
    return dataset.find(str(tiny_records / "validation-*.tfrecord"))


def test_collect_gathers_every_person_once_whatever_the_batch(paths):
    whole, ragged = evaluate.collect(paths, 32, 5), evaluate.collect(paths, 32, 2)
    assert len(whole["true"]) == 5
    for name, values in whole.items():
        np.testing.assert_array_equal(ragged[name], values)


def test_the_truth_scored_against_itself_gives_100(paths):
    truth = evaluate.collect(paths, 32, 4)
    table = evaluate.score({**truth, "predicted": truth["true"]}, "pckh")["pckh@0.5"]
    assert {value for key, value in table.items() if key != "auc"} == {100.0}


def test_mean_pose_leaves_out_what_is_not_annotated():
    true = np.zeros((2, 16, 2))
    true[0], true[1] = 4.0, 8.0
    annotated = np.ones((2, 16), bool)
    annotated[1, 3] = False
    mean = evaluate.mean_pose({"true": true, "annotated": annotated})
    assert mean[0].tolist() == [6.0, 6.0]
    assert mean[3].tolist() == [4.0, 4.0]


def test_the_programs_json_has_stable_keys(tiny_workdir, tmp_path, capsys):
    path = tmp_path / "scores.json"
    evaluate.main(
        types.SimpleNamespace(
            workdir=str(tiny_workdir),
            records=None,
            flip=False,
            baseline=True,
            batch_size=4,
            sheet=str(tmp_path / "s.png"),
            json=str(path),
        )
    )
    told = json.loads(path.read_text())
    columns = ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]
    assert list(told["pckh@0.5"]) == [*columns, "mean_14", "pooled_14", "pooled_16", "auc"]
    assert set(told["visible"]) == set(told["occluded"]) == {"wrist", "elbow"}
    assert told["people"] == 5
    assert set(told["mean_pose"]) == {"pckh@0.5", "visible", "occluded", "people"}
    printed = capsys.readouterr().out
    assert "pckh@0.5" in printed
    assert "mean pose" in printed
    assert (tmp_path / "s.png").stat().st_size > 1000


def test_records_that_are_not_there_are_the_users_mistake(tiny_workdir):
    with pytest.raises(UserError, match="No records match"):
        evaluate.evaluate(str(tiny_workdir), records="nowhere-*.tfrecord")
