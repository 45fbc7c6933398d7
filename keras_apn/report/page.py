"""The report's page: everything that its template shows, and the HTML."""

import os
from collections.abc import Sequence
from typing import Any

import jinja2

from keras_apn.metrics import pck
from keras_apn.report import cells, figures, findings, panels, plots, right_joints, samples, seeds
from keras_apn.report.runs import Run

TEMPLATE = "page.html.jinja"
# With more runs, those that are drawn are the first and the best others.
MOST_DRAWN = 4
STRIP = 4
GROUPS = {
    "worst": "Worst of {leader}",
    "median": "Median of {leader}",
    "best": "Best of {leader}",
    "gained": "Where {leader} gains most on {rival}",
    "lost": "Where {leader} loses most to {rival}",
}


def drawn_runs(runs: Sequence[Run], rates: dict[str, float | None]) -> list[Run]:
    """The runs that are drawn: all, or where there are too many the first and the best others; `rates` by name."""
    others = sorted(runs[1:], key=lambda run: -(rates[run.name] or 0.0))[: MOST_DRAWN - 1]
    return [run for run in runs if run is runs[0] or run in others]


def pictures(
    runs: Sequence[Run],
    leader: Run,
    rival: Run | None,
    paths: Sequence[str],
    threshold: float,
    gallery: int,
    count: int,
) -> dict[str, Any]:
    """The gallery and Figure 8.

    Args:
        runs: the `runs.Run`s that are drawn.
        leader, rival: the run whose best and worst are shown, and whom it is compared with or None.
        paths: shards.
        threshold: of the metric.
        gallery: people in each group of the gallery.
        count: people of Figure 8.

    Returns:
        A dict: `strip`, the worst people's truth and prediction; `groups`, by title lists of rows of `panels.Tile`s;
        `panels`, dicts of `truth` and `runs`, what `panels.figure8` gives for each.
    """
    skeleton = leader.skeleton
    chosen = samples.gallery(leader.normalised, threshold, max(gallery, STRIP), skeleton)
    strip, chosen = chosen["worst"][:STRIP], {name: people[:gallery] for name, people in chosen.items()}
    if rival:
        chosen |= samples.changed(leader.normalised, rival.normalised, threshold, gallery, skeleton)
    order = samples.ranked(leader.normalised, threshold, skeleton)
    hidden = [n for n in order if len(panels.hidden_joints(leader, n)) > 1]
    shown = samples.spread(hidden, count)
    wanted = {*strip, *shown, *(n for people in chosen.values() for n in people)}
    sizes = {run.estimator.crop_size for run in runs}
    crops = {size: panels.crops_of(paths, size, wanted, skeleton=skeleton) for size in sizes}

    def crop(run, n):
        return crops[run.estimator.crop_size][n]

    def truth(n):
        return panels.truth(leader, crop(leader, n), n)

    def row(n, of, named=True):
        return [truth(n), *(panels.prediction(run, crop(run, n), n, threshold, named) for run in of)]

    titles = {name: title.format(leader=leader.name, rival=rival and rival.name) for name, title in GROUPS.items()}
    return {
        "strip": [row(n, [leader], named=False) for n in strip],
        "groups": {titles[name]: [row(n, runs) for n in people] for name, people in chosen.items() if people},
        "panels": [
            {"truth": truth(n), "runs": [panels.figure8(run, crop(run, n), n, threshold) for run in runs]}
            for n in shown
        ],
    }


def build(
    runs: Sequence[Run],
    compared: dict[str, Any],
    metric: str,
    paths: Sequence[str],
    about: dict[str, str],
    gallery: int,
    panel_count: int,
) -> dict[str, Any]:
    """Everything that the template shows.

    Args:
        runs: scored `runs.Run`s.
        compared: from `comparison.compare`.
        metric: a key of `pck.THRESHOLDS`.
        paths: the shards that the runs are scored on.
        about: dict of what the page says of itself.
        gallery, panel_count: as for `pictures`.

    Returns:
        A dict.
    """
    threshold, name, unit = (
        pck.THRESHOLDS[metric],
        findings.METRIC_NAMES[metric],
        findings.unit(metric, runs[0].skeleton),
    )
    key, numbers = f"{metric}@{threshold}", {run.name: n for n, run in enumerate(runs)}
    by_name = {run.name: run for run in runs}
    leader, rival = by_name[compared["leader"]], by_name.get(compared["rival"])
    drawn = drawn_runs(runs, {run.name: run.scores[key][compared["headline"]] for run in runs})
    different, same = cells.settings(runs)
    names = [row["name"].removeprefix("--") for row in different["rows"]] if different else []
    answer, reason = findings.verdict(runs, key, compared, names)
    return {
        "runs": runs,
        "drawn": drawn,
        "leader": leader,
        "rival": rival,
        "metric": name,
        "headline": cells.label(compared["headline"]),
        "unit": unit,
        "threshold": threshold,
        "answer": answer,
        "reason": reason,
        "weak_points": findings.weak_points(leader, key),
        "where": cells.where(drawn, numbers, key, compared),
        **_tables(runs, key, compared, threshold),
        "settings": different,
        "shared_settings": same,
        "keys": {kind: [plots.key(n, kind) for n in range(len(runs))] for kind in ("line", "mark", "bar")},
        "intervals": figures.intervals(runs, key, compared, name),
        "curves": figures.curves(runs, key, compared["headline"], unit),
        "bars": figures.bars(runs, key, compared),
        "misses": figures.kinds_of_misses(runs),
        "training": figures.training(runs),
        "without_history": [run.name for run in runs if not run.epochs],
        "pictures": pictures(drawn, leader, rival, paths, threshold, gallery, panel_count),
        "about": about,
    }


def _tables(runs, key, compared, threshold):
    """The template's tables of scores, by name."""
    return {
        "scores": cells.scores(runs, key),
        "differences": cells.differences(runs, compared),
        "seeds": seeds.table(compared["seeds"], compared["headline"], runs[0].skeleton),
        "visibility": cells.visibility(runs),
        "occlusion": cells.occlusion(runs),
        "implausible": cells.implausible(runs),
        "verdicts": cells.verdicts(runs, threshold),
        "discriminators": cells.discriminators(runs),
        "right": right_joints.of_runs(runs),
    }


def environment(folder: str) -> jinja2.Environment:
    """What fills templates of pages in: those in a folder, with everything that they are given escaped."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(context: dict[str, Any]) -> str:
    """The page as HTML."""
    pages = environment(os.path.dirname(os.path.abspath(__file__)))
    pages.filters.update(number=cells.number, span=cells.span)
    return pages.get_template(TEMPLATE).render(context)
