"""What a report says in words: is it better, and what does it get wrong."""

from collections.abc import Sequence
from typing import Any

from data_pipeline.skeleton import Skeleton
from keras_apn.evaluation import tables
from keras_apn.report.cells import MINUS, count_by_visibility, label, number, span
from keras_apn.report.runs import Run

WORST_JOINTS = 3
METRIC_NAMES = {
    "pckh": "PCKh@0.5",
    "pck": "PCK@0.2",
    "pck_box": "PCK@0.05 of the box",
    "pck_oks": "PCK at COCO's 2 sigma",
}
# Two seeds of one setting were 2 points apart with intervals that leave out zero.
LUCK = "They differ in the seed alone, so this is the luck of training."
ONE_TRAINING = "It is one training each: other seeds may come out otherwise."
# Of `misses.KINDS`.
KINDS = {
    "other side": "on the same joint of the other side",
    "other joint": "on another joint",
    "near": "just outside (within twice the threshold)",
    "far": "elsewhere",
}


def unit(metric: str, skeleton: Skeleton) -> str:
    """What a metric's distances are told in."""
    if metric == "pck":
        return "torso sizes" if skeleton.torso else tables.UNITS["pair"]
    return "2 sigma of the joint" if metric == "pck_oks" else tables.UNITS[skeleton.unit]


def verdict(runs: Sequence[Run], key: str, compared: dict[str, Any], different: Sequence[str]) -> tuple[str, str]:
    """Is it better?

    Args:
        runs: `runs.Run`s.
        key: that of the rates in their scores.
        compared: from `comparison.compare`, and `seeds` from `seeds.compare` where settings have several seeds.
        different: the names of the settings in which the runs differ.

    Returns:
        `(answer, reason)`, a few words and some sentences.
    """
    title, leader, rival = compared["headline"], compared["leader"], compared["rival"]
    if compared.get("seeds") and len(compared["seeds"]) > 1:
        return _over_seeds(compared["seeds"], title)
    score = next(run.scores[key][title] for run in runs if run.name == leader)
    if rival is None:
        edges = span(compared["intervals"][leader][title])
        return f"{number(score)} %", f"of the joints are found ({label(title)} joints; 95 % interval {edges})."
    lead, first = compared["lead"][title], runs[0].name
    by = f"{leader} is ahead of {rival} by {number(lead['value'])} points"
    edges = span(lead["interval"], sign=True)
    if not lead["sure"]:
        return "It cannot be told.", f"{by}, but the 95 % interval, {edges}, leaves room for no difference at all."
    answer = f"Yes: {leader}." if leader != first else f"No: {first} stays ahead."
    return answer, f"{by} (95 % interval {edges}). {LUCK if different == ['seed'] else ONE_TRAINING}"


def _over_seeds(told, title):
    """`verdict` of settings with several seeds: the best other one against the first."""
    first, *others = told
    best = max(others, key=lambda name: told[name]["mean"][title] or 0.0)
    lead = told[best]["to_first"][title]
    ahead, behind = (best, first) if (lead["value"] or 0.0) > 0 else (first, best)
    counts = " and ".join(f"{len(told[name]['runs'])} of {name}" for name in (ahead, behind))
    by = f"In the mean over seeds ({counts}) {ahead} is ahead of {behind} by {number(abs(lead['value'] or 0.0))} points"
    edges = f"95 % interval of {best} {MINUS} {first} {span(lead['interval'], sign=True)}"
    if not lead["sure"]:
        return "It cannot be told.", f"{by}, but the {edges} leaves room for no difference at all."
    spread = "" if lead["spread"] is None else f", {number(lead['spread'])} of standard deviation over seeds"
    return f"Yes: {best}." if ahead == best else f"No: {first} stays ahead.", f"{by} ({edges}{spread})."


def weak_points(run: Run, key: str) -> list[tuple[str, str]]:
    """What does it get wrong? A list of `(what, sentence)` of one run."""
    found = run.scores
    worst = sorted((found[key][name], name) for name in run.skeleton.columns if found[key][name] is not None)[
        :WORST_JOINTS
    ]
    points = [("Worst joints", ", ".join(f"{name} {number(rate, 0)} %" for rate, name in worst))]
    hidden = [_hidden(run, joint) for joint in run.skeleton.by_visibility if found["occluded"][joint] is not None]
    if hidden:
        points.append(("Hidden joints", "; ".join(hidden)))
    if left := found["implausible"]:
        told = f"{number(left['either'])} % of the poses are no person's (of the true ones {number(left['truth'])} %)"
        points.append(("Shape", told))
    missed = found["misses"]
    if missed["misses"]:
        kinds = ("other side", "other joint", "near")
        points.append(("Misses", "; ".join(f"{number(missed[kind], 0)} % {KINDS[kind]}" for kind in kinds)))
    return points


def _hidden(run, joint):
    occluded, visible = (number(run.scores[seen][joint], 0) for seen in ("occluded", "visible"))
    count = count_by_visibility(run, joint, visible=False)
    return f"{joint} {occluded} % where hidden ({count}), {visible} % where visible"
