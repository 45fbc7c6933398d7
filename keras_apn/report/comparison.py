"""Which run is ahead, and whether so few people can tell: bootstrap intervals of scores and of their differences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.skeleton import MPII16, Skeleton
from keras_apn.metrics import pck
from keras_apn.report.runs import Run

RESAMPLES, SEED, INTERVAL = 1000, 0, (2.5, 97.5)


def headline(metric: str, skeleton: Skeleton = MPII16) -> str:
    """The "mean" that a metric's tables are published in: LSP's PCK pools the joints, all others average them."""
    return skeleton.pooled if metric == "pck" else skeleton.mean


def hidden_titles(skeleton: Skeleton = MPII16) -> dict[str, str]:
    """Titles of the joints that something hides, left and right pooled, and the column of each: the paper's Table 3."""
    return {f"hidden {name}": name for name in skeleton.by_visibility}


def titles(skeleton: Skeleton = MPII16) -> tuple[str, ...]:
    """What is compared, in the order of tables."""
    return *skeleton.columns, *hidden_titles(skeleton), skeleton.mean, skeleton.pooled


def resample(people: int) -> np.ndarray:
    """How often each of N people is drawn in each of `RESAMPLES` samples of N, [R, N] float32."""
    generator = np.random.default_rng(SEED)
    return generator.multinomial(people, np.full(people, 1 / people), RESAMPLES).astype(np.float32)


def resampled_rates(
    normalised: np.ndarray,
    hidden: np.ndarray,
    threshold: float,
    drawn: np.ndarray,
    skeleton: Skeleton = MPII16,
) -> dict[str, np.ndarray]:
    """`pck.rates`, and those of `hidden_titles`, of every resample.

    Args:
        normalised: [N, J] from `pck.distances`.
        hidden: [N, J] bool, of what is counted, which joints are known to be hidden.
        threshold: in its unit.
        drawn: from `resample`.
        skeleton: whose joints they are.

    Returns:
        A dict of [R] percents for each of `titles`, NaN where a resample has no such joint.
    """
    counted, found = ~np.isnan(normalised), normalised <= threshold
    count, right = (drawn @ of.astype(np.float32) for of in (counted, found))
    count_hidden, right_hidden = (drawn @ (of & hidden).astype(np.float32) for of in (counted, found))
    chosen, columns = list(skeleton.counted), skeleton.columns
    with np.errstate(invalid="ignore"):
        each = 100.0 * right / count
        pooled = _pooled(right, count, chosen)
        table = {name: _mean(each[:, list(joints)]) for name, joints in columns.items()}
        table |= {
            title: _pooled(right_hidden, count_hidden, list(columns[name]))
            for title, name in hidden_titles(skeleton).items()
        }
        return {**table, skeleton.mean: _mean(each[:, chosen]), skeleton.pooled: pooled}


def _pooled(right, count, joints):
    """All of the joints together."""
    return 100.0 * right[:, joints].sum(axis=1) / count[:, joints].sum(axis=1)


def rates(scores: dict[str, Any], key: str) -> dict[str, float | None]:
    """A run's percents by `titles`, None where there is no such joint; `key` is that of its scores' rates."""
    return {**scores[key], **{f"hidden {name}": rate for name, rate in scores["occluded"].items()}}


def _mean(values):
    """The mean along axis 1 of what is not NaN."""
    known = ~np.isnan(values)
    return np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)


def interval(values: np.ndarray) -> list[float] | None:
    """The 95 % interval of resampled values, `[low, high]`; None where there is none."""
    values = values[~np.isnan(values)]
    return [float(edge) for edge in np.percentile(values, INTERVAL)] if values.size else None


def compare(runs: Sequence[Run], metric: str) -> dict[str, Any]:
    """Compares the runs' scores on the same people.

    Args:
        runs: scored `runs.Run`s, at least one.
        metric: a key of `pck.THRESHOLDS`.

    Returns:
        A dict that goes into JSON: `headline`, the title that decides; `intervals` by run and title; `leader`, the name
        of the run that is ahead; `rival`, whom it is compared with: the first run, or the best other one where the
        first leads (None for a single run); `lead`, leader minus rival, and `to_first`, by run, run minus first run:
        by title `{"value", "interval", "sure"}`, `sure` where the interval leaves out 0. Intervals are of the choice
        of people alone: each resample draws the same people for every run.
    """
    threshold, skeleton = pck.THRESHOLDS[metric], runs[0].skeleton
    title_of_all, shown = headline(metric, skeleton), titles(skeleton)
    drawn = resample(len(runs[0].normalised))
    hidden = ~runs[0].found["visible"] & runs[0].found["occlusion_known"][:, None]
    sampled = {run.name: resampled_rates(run.normalised, hidden, threshold, drawn, skeleton) for run in runs}
    each = {run.name: rates(run.scores, f"{metric}@{threshold}") for run in runs}

    def difference(one, other):
        return {title: _difference(each, sampled, one, other, title) for title in shown}

    first, *others = each
    order = sorted(each, key=lambda name: -(each[name][title_of_all] or 0.0))
    leader = order[0]
    rival = first if leader != first else next(iter(order[1:]), None)
    return {
        "headline": title_of_all,
        "intervals": {name: {title: interval(values[title]) for title in shown} for name, values in sampled.items()},
        "leader": leader,
        "rival": rival,
        "lead": difference(leader, rival) if rival else None,
        "to_first": {name: difference(name, first) for name in others},
    }


def _difference(each, sampled, one, other, title):
    if each[one][title] is None or each[other][title] is None:
        return {"value": None, "interval": None, "sure": False}
    edges = interval(sampled[one][title] - sampled[other][title])
    value = each[one][title] - each[other][title]
    return {"value": value, "interval": edges, "sure": edges[0] > 0 or edges[1] < 0}
