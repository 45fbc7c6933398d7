"""Runs that differ in their seed alone, as one: means, spreads, and differences that seeds cannot explain."""

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.metrics import pck
from keras_apn.report import cells, comparison
from keras_apn.report.runs import Run

# What ends the name of one of several seeds: "full-seed0", "full_2", "full 10".
NUMBERED = re.compile(r"[-_. ]*(seed)?[-_. ]*\d+$")


def groups(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs by setting, in their order; each named by what its runs' names have before the seed."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        settings = run.config.as_json()
        settings["training"]["seed"] = None
        found.setdefault(json.dumps(settings, sort_keys=True), []).append(run)
    named: dict[str, list[Run]] = {}
    for own in found.values():
        names = {NUMBERED.sub("", run.name) for run in own}
        name = names.pop() if len(own) > 1 and len(names) == 1 else own[0].name
        named[name if name and name not in named else own[0].name] = own
    return named


def compare(runs: Sequence[Run], metric: str) -> dict[str, Any] | None:
    """Compares settings that were trained with several seeds.

    Args:
        runs: scored `runs.Run`s.
        metric: a key of `pck.THRESHOLDS`.

    Returns:
        A dict that goes into JSON, by the names of `groups`: `runs`, their names; by title of `comparison.titles`
        `mean` and `spread`, the standard deviation of single runs (None of one); and, but for the first, `to_first`,
        by title the difference of the means: `value`, its 95 % `interval` over people, `sure` where that leaves out 0,
        and `spread`, the standard deviation of the differences of equal seeds (None where fewer than two are). None
        where every setting has one run.
    """
    grouped = groups(runs)
    if len(grouped) == len(runs):
        return None
    threshold, key = pck.THRESHOLDS[metric], f"{metric}@{pck.THRESHOLDS[metric]}"
    drawn = comparison.resample(len(runs[0].normalised))
    hidden = ~runs[0].found["visible"] & runs[0].found["occlusion_known"][:, None]
    rates = {name: [comparison.rates(run.scores, key) for run in own] for name, own in grouped.items()}
    sampled = {
        name: [comparison.resampled_rates(run.normalised, hidden, threshold, drawn, run.skeleton) for run in own]
        for name, own in grouped.items()
    }
    first, *others = grouped
    shown = comparison.titles(runs[0].skeleton)
    told = {name: _row(own, rates[name], shown) for name, own in grouped.items()}
    for name in others:
        told[name]["to_first"] = {
            title: _difference(title, [(grouped[one], rates[one], sampled[one]) for one in (name, first)])
            for title in shown
        }
    return told


def table(told: dict[str, Any] | None, headline: str, skeleton: Skeleton = MPII16) -> dict[str, list] | None:
    """What `compare` gives as a table of the page; None of None."""
    if told is None:
        return None
    titles, (first, *others) = (headline, *skeleton.columns, *comparison.hidden_titles(skeleton)), told
    rows = []
    for name, own in told.items():
        found = [_cell(own["mean"][title], own["spread"][title]) for title in titles]
        rows.append({"name": f"{name} ({len(own['runs'])})", "run": None, "cells": found})
    for name in others:
        each = [told[name]["to_first"][title] for title in titles]
        found = [_cell(one["value"], one["spread"], one["interval"], one["sure"], sign=True) for one in each]
        rows.append({"name": f"{name} {cells.MINUS} {first}", "run": None, "cells": found})
    return {"columns": [cells.label(title) for title in titles], "rows": rows}


def _cell(value, spread, interval=None, best=False, sign=False):
    notes = [cells.span(interval, sign=True)] if interval else []
    notes += [] if spread is None else [f"\N{PLUS-MINUS SIGN} {cells.number(spread)}"]
    return {**cells.cell(value), "text": cells.number(value, sign=sign), "best": best, "note": ", ".join(notes)}


def _row(runs, rates, titles):
    known = {title: [of[title] for of in rates] for title in titles}
    whole = {title: values for title, values in known.items() if None not in values}
    return {
        "runs": [run.name for run in runs],
        "mean": {title: float(np.mean(whole[title])) if title in whole else None for title in known},
        "spread": {title: _spread(whole.get(title, [])) for title in known},
    }


def _difference(title, both):
    """What the first of two `(runs, rates, resampled rates)` has more."""
    (runs, rates, sampled), (others, other_rates, other_sampled) = both
    if any(of[title] is None for of in (*rates, *other_rates)):
        return {"value": None, "interval": None, "sure": False, "spread": None}
    own, other = ([of[title] for of in each] for each in (rates, other_rates))
    edges = comparison.interval(
        np.mean([of[title] for of in sampled], axis=0) - np.mean([of[title] for of in other_sampled], axis=0)
    )
    seeds, other_seeds = ([run.config.training.seed for run in each] for each in (runs, others))
    gains = [own[seeds.index(s)] - other[other_seeds.index(s)] for s in seeds if s in other_seeds]
    return {
        "value": float(np.mean(own) - np.mean(other)),
        "interval": edges,
        "sure": bool(edges and (edges[0] > 0 or edges[1] < 0)),
        "spread": _spread(gains),
    }


def _spread(values):
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
