"""How well scores tell right joints from wrong ones, and whether they mean what they say: a table and its curves."""

from collections.abc import Sequence
from typing import Any

from keras_apn.report import cells, plots
from keras_apn.report.runs import Run

SCORES = {"peak": "height of the peak", "plausible": "plausible, by P"}
MEASURES = {"ap": ("average precision", False), "auc": ("AUC", False), "ece": ("calibration error", True)}


def of_runs(runs: Sequence[Run]) -> dict[str, Any] | None:
    """What the template shows: a `table`, as `cells` has them, and `plots`, of each score that a run has.

    None where no joints were annotated.
    """
    known = {
        score: {n: told for n, run in enumerate(runs) if (told := (run.scores.get("right") or {}).get(score))}
        for score in SCORES
    }
    known = {score: found for score, found in known.items() if found}
    if not known:
        return None
    columns = {
        f"{SCORES[score]}: {title}": ([cells.cell(found.get(n, {}).get(key), 3) for n in range(len(runs))], least)
        for score, found in known.items()
        for key, (title, least) in MEASURES.items()
    }
    return {
        "table": cells.by_run(runs, columns),
        "plots": [_plot(runs, found, SCORES[score]) for score, found in known.items()],
    }


def _plot(runs, found, title):
    told = "; ".join(f"{runs[n].name} {of['ece']:.3f}" for n, of in found.items())
    return {
        "source": plots.drawn(2.8, 2.6, lambda axes: _draw(axes, found, title)),
        "alt": f"Share of right joints over the score, {title}. Expected calibration error: {told}.",
    }


def _draw(axes, found, title):
    axes.plot([0, 1], [0, 1], color=plots.GREY, linewidth=0.8)
    for n, of in found.items():
        axes.plot(of["curve"]["score"], of["curve"]["right"], **plots.line_style(n), **plots.marker_style(n))
    axes.set(title=title, xlabel="score", ylabel="right, share", xlim=(0, 1), ylim=(0, 1))
