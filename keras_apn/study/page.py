"""The page of a study: one self-contained HTML file of tables and curves."""

import os
from typing import Any

import numpy as np

from keras_apn.report import cells, plots
from keras_apn.report.page import environment
from keras_apn.study.results import OTHERS

TEMPLATE = "page.html.jinja"
# Where there is no number.
DASH = "\N{EN DASH}"
# What is drawn over the epochs, and what its plot is called.
CURVES = {
    "val_pckh": "score of validation people",
    "val_p_auc": "P's AUC on G's joints",
    "val_c_auc": "C's AUC on G's joints",
    "p_fake_share": "share of p_fake that is 1",
    "val_p_toward": "P's pulls to the truth",
    "val_c_toward": "C's pulls to the truth",
}


def render(title: str, results: dict[str, list[dict[str, Any]]], found: dict[str, Any]) -> str:
    """The page as HTML.

    Args:
        title: of the study.
        results: of `results.read`.
        found: of `results.summary`.
    """
    pages = environment(os.path.dirname(os.path.abspath(__file__)))
    pages.filters.update(label=cells.label, number=number, signed=signed, span=span, duration=duration)
    rates = [title for title in found["titles"] if title != found["headline"]]
    return pages.get_template(TEMPLATE).render(
        title=title,
        found=found,
        rates=[found["headline"], *rates],
        others=list(OTHERS),
        shares=[title for title, way in OTHERS.items() if way[0] == "discriminators"],
        keys=[plots.key(n, "line") for n in range(len(results))],
        curves=curves(results),
    )


def curves(results: dict[str, list[dict[str, Any]]]) -> list[dict[str, str]]:
    """Plots over the epochs, means over the seeds of every row: dicts of `source` and `alt`."""
    drawn = []
    for name, title in CURVES.items():
        series = {n: _mean(own, name) for n, own in enumerate(results.values())}
        if any(value is not None for _, values, _ in series.values() for value in values):
            drawn.append({"source": plots.training(series, title), "alt": f"{title}, by epoch"})
    return drawn


def _mean(results, name):
    """`(epochs, values, nothing)` of the runs of a row, as `plots.training` takes them: as far as all of them go."""
    # A result that was measured before this was known has no such curve.
    each = [result["curves"].get(name) or [None] * result["epochs"] for result in results]
    shortest = min(map(len, each))
    values = [[run[epoch] for run in each] for epoch in range(shortest)]
    means = [None if None in of_epoch else float(np.mean(of_epoch)) for of_epoch in values]
    return list(range(1, shortest + 1)), means, [None] * shortest


def number(value: float | None, digits: int = 2) -> str:
    """A number, or a dash where there is none."""
    return DASH if value is None else f"{value:.{digits}f}"


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return DASH if value is None else f"{value:+.2f}"


def span(edges: list[float] | None) -> str:
    """An interval in words."""
    return "" if edges is None else f"{edges[0]:+.2f} to {edges[1]:+.2f}"


def duration(seconds: float) -> str:
    """Seconds as minutes, or hours and minutes."""
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"
