import numpy as np
import pytest

from data_pipeline.skeleton import INDEX, NUM_JOINTS
from keras_apn.report import misses

WRIST, OTHER, ELBOW = (INDEX[name] for name in ("right_wrist", "left_wrist", "right_elbow"))
# Joints 10 apart, heads of size 1: nothing is near anything else.
TRUE = np.stack([10.0 * np.arange(NUM_JOINTS), np.zeros(NUM_JOINTS)], axis=-1)[None]


def kind_of(place, annotated=True):
    """The kind of the right wrist put at a place."""
    predicted, known = TRUE.copy(), np.full((1, NUM_JOINTS), annotated)
    predicted[0, WRIST] = place
    kinds = misses.classify(predicted, TRUE, np.ones(1), known, 0.5)
    assert (np.delete(kinds[0], WRIST) == -1).all()
    return "none" if kinds[0, WRIST] < 0 else misses.KINDS[kinds[0, WRIST]]


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (TRUE[0, WRIST] + [0.5, 0], "none"),
        (TRUE[0, WRIST] + [0.51, 0], "near"),
        (TRUE[0, WRIST] + [1.01, 0], "far"),
        (TRUE[0, OTHER] + [0, 0.4], "other side"),
        (TRUE[0, ELBOW] + [0, 0.4], "other joint"),
    ],
    ids=["at the threshold", "just outside", "far", "other wrist", "elbow"],
)
def test_kinds_of_misses(place, kind):
    assert kind_of(place) == kind


def test_what_is_not_annotated_is_no_miss():
    assert kind_of([500.0, 0.0], annotated=False) == "none"


def test_shares_are_of_the_misses():
    kinds = np.full((2, NUM_JOINTS), -1)
    kinds[0, WRIST], kinds[1, WRIST], kinds[1, ELBOW], kinds[1, INDEX["pelvis"]] = 0, 0, 3, 1
    found = misses.shares(kinds)
    assert found["misses"] == 3
    assert found["other side"] == pytest.approx(200 / 3)
    assert found["other joint"] == 0.0


def test_no_misses_have_no_kinds():
    assert misses.shares(np.full((2, NUM_JOINTS), -1))["far"] is None
