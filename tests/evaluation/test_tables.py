import numpy as np

from data_pipeline.skeleton import MPII16
from keras_apn.evaluation import scoring, tables
from keras_apn.metrics import plausibility


def found(people=4, **changes):
    true = np.random.default_rng(0).uniform(0, 100, (people, 16, 2))
    everything = np.ones((people, 16), bool)
    return {"predicted": true, "true": true, "head_size": np.full(people, 10.0), "annotated": everything, **changes}


def test_the_papers_columns_and_all_means():
    header, row, *_ = tables.table({"G": scoring.score(found(), "pckh")}, "pckh").splitlines()
    assert header.split() == ["pckh@0.5", *MPII16.titles]
    assert row.split() == ["G", *["100.00"] * 11]


def test_what_is_not_known_is_said_or_left_out():
    text = tables.table({"G": scoring.score(found(), "pck")}, "pck")
    assert "visibility: not known" in text
    assert "occlusion AP" not in text
    assert "implausible" not in text


def test_everything_that_is_known_has_its_line():
    visible = np.ones((4, 16), bool)
    visible[0] = False
    known = found(visible=visible, occluded=np.where(visible, 0.1, 0.9))
    ranges = plausibility.fit(known["true"], known["head_size"], known["annotated"])
    text = tables.table({"G": scoring.score(known, "pckh", ranges)}, "pckh")
    for words in ("visible: G", "occluded: G", "error: G", "occlusion AP", "occluded, %", "implausible poses, %: G"):
        assert words in text


def test_a_joint_that_nobody_has_annotated_is_a_dash():
    annotated = np.ones((4, 16), bool)
    annotated[:, 9] = False
    row = tables.table({"G": scoring.score(found(annotated=annotated), "pckh")}, "pckh").splitlines()[1]
    assert row.split()[1:3] == ["-", "100.00"]


def test_what_is_known_of_the_discriminators_has_its_lines():
    pose = {"auc": 0.75, "peak_auc": None, "moved_auc": 0.5, "calibration": 0.125}
    rows = {"G": scoring.score(found(), "pckh") | {"discriminators": {"pose": pose, "confidence": None}}}
    last = tables.table(rows, "pckh").splitlines()[-1]
    assert " ".join(last.split()) == "P: G auc 0.750 peak_auc - moved_auc 0.500 calibration 0.125"
