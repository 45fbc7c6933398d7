"""What came out of a study: means and spreads over seeds, and differences to the first row, paired over people."""

import os
from typing import Annotated, Any

import msgspec
import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError, shortened
from data_pipeline.skeleton import MPII16, Skeleton, from_json
from keras_apn.metrics import pck
from keras_apn.report import comparison
from keras_apn.study.plan import Plan
from keras_apn.study.runner import result_path
from keras_apn.study.score import unpacked

# What is told of every row beside the rates of `comparison.titles`: where it stands in a run's scores.
MEAN = "mean"  # The skeleton's.
OTHERS = {
    "visible wrist": ("visible", "wrist"),
    "visible elbow": ("visible", "elbow"),
    "occlusion AP": ("occlusion_ap", MEAN),
    "impossible limbs, %": ("implausible", "limbs"),
    "impossible poses, %": ("implausible", "either"),
    "P's AUC": ("discriminators", "pose", "auc"),
    "the peak's": ("discriminators", "pose", "peak_auc"),
    "moved joints": ("discriminators", "pose", "moved_auc"),
    "P's pulls to the truth": ("discriminators", "pose", "toward"),
    "C's AUC": ("discriminators", "confidence", "auc"),
}


DAMAGED = "delete it, and a second start scores the run again"


class Result(msgspec.Struct):
    """What the file of a run must say; `score.measure` has its meaning."""

    name: str
    seed: Annotated[int, msgspec.Meta(ge=0)]
    flags: list[str]
    metric: str
    scores: dict[str, Any]
    parameters: int
    seconds: float
    people: Annotated[int, msgspec.Meta(ge=1, le=10**8)]
    counted: str
    hits: str
    hidden: str


def read(plan: Plan, output: str) -> dict[str, list[dict[str, Any]]]:
    """The results that are there, by row in the plan's order, those of a row by seed.

    Raises:
        UserError: a file is damaged, or runs were scored on different people.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in plan.names}
    for training in plan.trainings:
        path = result_path(output, training.key)
        if os.path.exists(path):
            told: dict[str, Any] = json_file.read(path, dict[str, Any], way=DAMAGED, not_finite=True)
            found[training.name].append(told)
            whole: Result = json_file.convert(told, Result, path, way=DAMAGED)
            if whole.metric not in pck.THRESHOLDS:
                raise UserError(
                    f"{path}: entry 'metric': must be one of {', '.join(pck.THRESHOLDS)}. Received: "
                    f"{shortened(whole.metric)}; {DAMAGED}"
                )
    kept = {name: sorted(results, key=lambda result: result["seed"]) for name, results in found.items() if results}
    people = {(result["people"], result["counted"]) for results in kept.values() for result in results}
    if len(people) > 1:
        raise UserError(f"{output} holds results on different people; delete those of other records in it")
    return kept


def skeleton(result: dict[str, Any]) -> Skeleton:
    """Whose joints a run finds; results of before there was a choice do not say."""
    return from_json(result["skeleton"], "a result") if "skeleton" in result else MPII16


def rates(result: dict[str, Any]) -> dict[str, float | None]:
    """A run's numbers by title: percents of `comparison.titles`, and `OTHERS`; None where one is not known."""
    key = f"{result['metric']}@{pck.THRESHOLDS[result['metric']]}"
    return {**comparison.rates(result["scores"], key), **{name: _at(result, way) for name, way in OTHERS.items()}}


def _at(result, way):
    value = result["scores"]
    for name in way:
        name = skeleton(result).mean if name == MEAN else name
        value = None if value is None else value.get(name)
    return value


def summary(results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Everything that the page shows, as a dict that goes into JSON.

    Args:
        results: of `read`, at least one run of the first row.

    Returns:
        `metric`, `headline`, `titles`, `people`, `baseline`; `rows` by name: `seeds`, `flags`, `parameters`, `mean` and
        `spread` (the standard deviation over seeds, None of one) by title, `seconds` of a run and `step_seconds`, the
        means (None where not known), and, but for the baseline, `to_baseline`: by title of `comparison.titles` the mean
        difference of the seeds that both have, its `interval` over people, 95 %, and its `spread` over seeds.
    """
    first, *others = results
    each = {name: [rates(result) for result in own] for name, own in results.items()}
    rows = {name: _row(own, each[name]) for name, own in results.items()}
    drawn = comparison.resample(results[first][0]["people"])
    by_seed = {
        name: {result["seed"]: (rates(result), _resampled(result, drawn)) for result in own}
        for name, own in results.items()
    }
    metric, own = results[first][0]["metric"], skeleton(results[first][0])
    titles = comparison.titles(own)
    for name in others:
        rows[name]["to_baseline"] = _differences(by_seed[first], by_seed[name], titles)
    return {
        "metric": f"{metric}@{pck.THRESHOLDS[metric]}",
        "headline": comparison.headline(metric, own),
        "titles": list(titles),
        "people": results[first][0]["people"],
        "baseline": first,
        "rows": rows,
    }


def _row(results, each):
    steps = [result["step_seconds"] for result in results if result.get("step_seconds")]
    known = {title: [run[title] for run in each if run[title] is not None] for title in each[0]}
    spread = {title: float(np.std(values, ddof=1)) if len(values) > 1 else None for title, values in known.items()}
    return {
        "seeds": [result["seed"] for result in results],
        "flags": results[0]["flags"],
        "parameters": results[0]["parameters"],
        "seconds": float(np.mean([result["seconds"] for result in results])),
        "step_seconds": float(np.mean(steps)) if steps else None,
        "mean": {title: float(np.mean(values)) if values else None for title, values in known.items()},
        "spread": spread,
    }


def _resampled(result, drawn):
    own = skeleton(result)
    counted, hits, hidden = (
        unpacked(result[name], result["people"], len(own)) for name in ("counted", "hits", "hidden")
    )
    normalised = np.where(counted, np.where(hits, 0.0, 2.0), np.nan)
    return comparison.resampled_rates(normalised, hidden, 1.0, drawn, own)


def _differences(first, other, titles):
    """By title what the other row has more, of the seeds that both have; None where they share none."""
    seeds = sorted(set(first) & set(other))
    found = {}
    for title in titles:
        gains = [other[seed][0][title] - first[seed][0][title] for seed in seeds if first[seed][0][title] is not None]
        if not gains:
            found[title] = {"value": None, "interval": None, "spread": None}
            continue
        resampled = np.mean([other[seed][1][title] - first[seed][1][title] for seed in seeds], axis=0)
        found[title] = {
            "value": float(np.mean(gains)),
            "interval": comparison.interval(resampled),
            "spread": float(np.std(gains, ddof=1)) if len(gains) > 1 else None,
        }
    return found
