import base64
import itertools

import numpy as np
import pytest

from keras_apn.report import plots

TITLES = {"mean_14": "total", "wrist": "wrist"}
THRESHOLDS = [0.0, 0.25, 0.5]
DRAWN = {
    "key of a line": lambda: plots.key(0, "line"),
    "key of a mark": lambda: plots.key(1, "mark"),
    "key of a bar": lambda: plots.key(30, "bar"),
    "intervals": lambda: plots.intervals({"a": 50.0, "b": None}, {"a": [40.0, 60.0], "b": None}, "%"),
    "curves": lambda: plots.curves(
        {"a": THRESHOLDS, "b": THRESHOLDS}, {"a": [0.0, 10.0, 50.0], "b": [None] * 3}, "wrist", "head sizes"
    ),
    "bars": lambda: plots.bars(
        {"a": {"mean_14": 50.0, "wrist": None}}, TITLES, {"a": {"mean_14": [40.0, 60.0], "wrist": None}}
    ),
    "training": lambda: plots.training({0: ([1, 2], [0.5, 0.001], [None, 0.2]), 2: ([1], [float("nan")], [None])}, "t"),
    "verdicts": lambda: plots.verdicts(
        {"P": np.full(16, 0.5), "C": np.zeros(16)}, np.ones(16, bool), np.ones(16, bool), np.zeros(16, bool)
    ),
    "stacked": lambda: plots.stacked({"a": {"near": 40.0, "far": None}}, {"near": "near", "far": "elsewhere"}),
}


@pytest.mark.parametrize("name", DRAWN)
def test_plots_are_svg_and_the_same_each_time(name):
    uri = DRAWN[name]()
    kind, _, encoded = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(encoded)
    assert DRAWN[name]() == uri


def test_neighbouring_runs_differ_by_more_than_colour():
    looks = [
        (str(plots.DASHES[n % len(plots.DASHES)]), plots.MARKERS[n % len(plots.MARKERS)], plots.HATCHES[n % 7])
        for n in range(7)
    ]
    for one, other in itertools.pairwise(looks):
        assert all(a != b for a, b in zip(one, other, strict=True))
