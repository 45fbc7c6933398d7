"""Tables of a report as rows of cells, which the page's template draws.

A table is a dict of `columns`, a list of titles, and `rows`, dicts of `name`, `run` (its number, None where the row is
no run's) and `cells`: dicts of `text`, `best` (bold) and `bar` (a percent to draw, or None).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keras_apn.report import comparison
from keras_apn.report.runs import Run

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

# Titles of `discrimination.Discrimination.scores`, and whether the least is best, or None for no best.
DISCRIMINATION = {
    "pose": {
        "auc": ("AUC", False),
        "peak_auc": ("the peak's AUC", None),
        "moved_auc": ("AUC on moved joints", False),
        "calibration": ("calibration error", True),
        "toward": ("pulls to the truth", None),
    },
    "confidence": {
        "auc": ("AUC", False),
        "peak_auc": ("the peak's AUC", None),
        "amplitude": ("logit, maps times 1.2", None),
        "calibration": ("calibration error", True),
        "toward": ("pulls to the truth", None),
    },
}


def label(title: str) -> str:
    """A title of `Skeleton.titles` in words."""
    words = {"mean": "mean of", "pooled": "pooled"}
    kind, _, count = title.partition("_")
    return f"{words[kind]} {count}" if kind in words and count.isdecimal() else "area" if title == "auc" else title


def number(value: float | None, digits: int = 1, sign: bool = False) -> str:
    """A number in text; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return MISSING
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", MINUS)


def span(edges: Sequence[float] | None, sign: bool = False) -> str:
    """An interval in text."""
    return f"{number(edges[0], sign=sign)} to {number(edges[1], sign=sign)}" if edges else MISSING


def cell(value: float | None, digits: int = 1, bar: bool = False) -> dict[str, Any]:
    """A cell of a number; `bar` draws it as a percent."""
    return {"text": number(value, digits), "value": value, "best": False, "bar": value if bar else None}


def _text(text):
    return {"text": str(text), "value": None, "best": False, "bar": None}


def _mark(cells, least=False):
    """Marks the best of several runs' cells, all of those that print alike."""
    known = [c for c in cells if c["value"] is not None]
    if len(known) > 1:
        best = (min if least else max)(known, key=lambda c: c["value"])
        for one in known:
            one["best"] = one["text"] == best["text"]


def by_run(runs: Sequence[Run], columns: Mapping[str, tuple[list, bool | None]]) -> dict[str, list]:
    """A table of runs; `columns` is a dict of title to `(cells, whether the least is best or None for no best)`."""
    for cells, least in columns.values():
        if least is not None:
            _mark(cells, least)
    rows = [
        {"name": run.name, "run": n, "cells": [cells[n] for cells, _ in columns.values()]} for n, run in enumerate(runs)
    ]
    return {"columns": list(columns), "rows": rows}


def scores(runs: Sequence[Run], key: str) -> dict[str, list]:
    """The runs' table: rates, errors, what else is known of them. `key` is that of the rates, as `pckh@0.5`."""

    def column(value, digits=1, least=False):
        return [cell(value(run), digits) for run in runs], least

    def epochs(run):
        done = run.state.get("epoch")
        return _text(MISSING if done is None else f"{run.state['best_epoch']} of {done}")

    columns = {label(title): column(lambda run, t=title: run.scores[key][t]) for title in runs[0].skeleton.titles}
    for name in ("mean", "median"):
        columns[f"{name} error"] = column(lambda run, n=name: run.scores["error_head_sizes"][n], 2, True)
    columns["hidden AP"] = column(lambda run: (run.scores["occlusion_ap"] or {}).get(run.skeleton.mean))
    columns["implau\N{SOFT HYPHEN}sible"] = column(lambda run: (run.scores["implausible"] or {}).get("either"), 1, True)
    columns["million weights"] = [cell(run.parameters / 1e6, 2) for run in runs], None
    columns["best epoch"] = [epochs(run) for run in runs], None
    return by_run(runs, columns)


def where(runs: Sequence[Run], numbers: dict[str, int], key: str, compared: dict[str, Any]) -> dict[str, list]:
    """Joint by joint, a column a run, and how far the leader is ahead.

    Args:
        runs: the `runs.Run`s shown.
        numbers: dict of name to a run's number.
        key: that of the rates.
        compared: from `comparison.compare`.
    """
    columns = [{"name": run.name, "run": numbers[run.name]} for run in runs]
    rows = []
    each = [comparison.rates(run.scores, key) for run in runs]
    for title in [t for t in _titles(runs, compared) if any(rates[t] is not None for rates in each)]:
        cells = [cell(rates[title], bar=True) for rates in each]
        _mark(cells)
        lead = compared["lead"] and compared["lead"][title]
        rows.append({"name": label(title), "cells": cells, "lead": lead})
    return {"columns": columns, "rows": rows}


def differences(runs: Sequence[Run], compared: dict[str, Any]) -> dict[str, list] | None:
    """Every run against the first, with intervals; None for a single run."""
    titles = _titles(runs, compared)
    rows = []
    for n, run in enumerate(runs[1:], start=1):
        found = [compared["to_first"][run.name][title] for title in titles]
        cells = [
            {**_text(number(one["value"], sign=True)), "best": one["sure"], "note": span(one["interval"], sign=True)}
            for one in found
        ]
        rows.append({"name": f"{run.name} {MINUS} {runs[0].name}", "run": n, "cells": cells})
    return {"columns": [label(title) for title in titles], "rows": rows} if rows else None


def _titles(runs, compared):
    """What is compared joint by joint, and the headline."""
    skeleton = runs[0].skeleton
    return *skeleton.columns, *comparison.hidden_titles(skeleton), compared["headline"]


def visibility(runs: Sequence[Run]) -> dict[str, list] | None:
    """Wrists and elbows by visibility (the paper's Table 3), with the number of joints; None where it is not known."""
    if all(share is None for seen in ("visible", "occluded") for share in runs[0].scores[seen].values()):
        return None
    columns, names = {}, runs[0].skeleton.by_visibility
    for joint in names:
        for seen in ("visible", "occluded"):
            columns[f"{seen} {joint}"] = [cell(run.scores[seen][joint], bar=True) for run in runs], False
    table = by_run(runs, columns)
    counts = [
        _text(count_by_visibility(runs[0], joint, seen == "visible"))
        for joint in names
        for seen in ("visible", "occluded")
    ]
    table["rows"].append({"name": "number of joints", "run": None, "cells": counts})
    return table


def count_by_visibility(run: Run, joint: str, visible: bool) -> int:
    """How many joints of a column are counted and visible, or occluded."""
    joints = list(run.skeleton.columns[joint])
    counted = ~np.isnan(run.normalised[:, joints]) & run.found["occlusion_known"][:, None]
    return int((counted & (run.found["visible"][:, joints] == visible)).sum())


def occlusion(runs: Sequence[Run]) -> dict[str, list] | None:
    """Average precision of occlusion; None where no run predicts it."""
    if not any(run.scores["occlusion_ap"] for run in runs):
        return None
    skeleton = runs[0].skeleton
    columns = {
        label(title): ([cell((run.scores["occlusion_ap"] or {}).get(title)) for run in runs], False)
        for title in (*skeleton.columns, skeleton.mean)
    }
    table = by_run(runs, columns)
    share = next(run.scores["occlusion_ap"]["share"] for run in runs if run.scores["occlusion_ap"])
    cells = [cell(share[title]) for title in skeleton.columns]
    table["rows"].append({"name": "chance (joints that are hidden, %)", "run": None, "cells": [*cells, _text("")]})
    return table


def implausible(runs: Sequence[Run]) -> dict[str, list] | None:
    """Percents of poses that no person has; None where the training poses are not known."""
    if not any(run.scores["implausible"] for run in runs):
        return None
    names = {"limbs": "limb lengths", "symmetry": "symmetry", "either": "either"}
    columns = {title: ([cell(run.scores["implausible"][name]) for run in runs], True) for name, title in names.items()}
    table = by_run(runs, columns)
    truth = runs[0].scores["implausible"]["truth"]
    cells = [_text(MISSING), _text(MISSING), cell(truth)]
    table["rows"].append({"name": "the true poses", "run": None, "cells": cells})
    return table


def verdicts(runs: Sequence[Run], threshold: float) -> dict[str, list] | None:
    """What P and C say of joints that are found and of those that are not; None where no run has them."""
    if not any(run.judge for run in runs):
        return None

    def mean(run, name, found):
        counted = list(run.skeleton.counted)
        away, values = run.normalised[:, counted], run.found.get(name)
        chosen = (away <= threshold) if found else (away > threshold)
        return 100.0 * float(values[:, counted][chosen].mean()) if values is not None and chosen.any() else None

    columns = {
        f"{who}, joints {'found' if found else 'missed'}": (
            [cell(mean(run, name, found), bar=True) for run in runs],
            None,
        )
        for who, name in (("P", "plausible"), ("C", "confident"))
        for found in (True, False)
    }
    return by_run(runs, columns)


def discriminators(runs: Sequence[Run]) -> dict[str, list] | None:
    """How well P and C know good joints from bad ones (BUILD_NOTES 44); None where no run has them."""
    if not any(run.scores["discriminators"] for run in runs):
        return None
    columns = {}
    for who, key in (("P", "pose"), ("C", "confidence")):
        found = [(run.scores["discriminators"] or {}).get(key) or {} for run in runs]
        for name, (title, least) in DISCRIMINATION[key].items():
            columns[f"{who}: {title}"] = [cell(scores.get(name), 3) for scores in found], least
    return by_run(runs, columns)


def settings(runs: Sequence[Run]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """`(different, same)`: the flags in which the runs differ, a column a run, and a dict of the others."""
    each = [run.config.flags() for run in runs]
    rows = [
        {"name": f"--{name}", "run": None, "cells": [_text(flags[name]) for flags in each]}
        for name in each[0]
        if any(flags[name] != each[0][name] for flags in each)
    ]
    different = {"columns": [run.name for run in runs], "rows": rows} if rows else None
    return different, {n: v for n, v in each[0].items() if all(flags[n] == v for flags in each)}
