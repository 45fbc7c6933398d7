"""Plots of a report: SVG files as data URIs, which need no network and stay sharp in print.

Runs are told apart by Okabe and Ito's colours and, for people and printers without colours, by dashes, markers and
hatches as well. Each plot is small and is one figure: the page puts as many side by side as fit.
"""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from data_pipeline.skeleton import MPII16

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "////", "\\\\\\\\", "xxxx", "----", "||||", "++++")
GREY = "#595959"
# Of parts of a whole, which are no runs.
SHADES = ("#1A1A1A", "#757575", "#ABABAB", "#DEDEDE")
LOOK = {
    "font.size": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "report",
}
# A logarithmic axis where values differ by more.
WIDE = 20.0


def colour(n: int) -> str:
    """Of the n-th run."""
    return COLOURS[n % len(COLOURS)]


def line_style(n: int) -> dict[str, Any]:
    """Of the n-th run."""
    return {"color": colour(n), "linestyle": DASHES[n % len(DASHES)], "linewidth": 1.6}


def marker_style(n: int) -> dict[str, Any]:
    """Of the n-th run's marks."""
    # Every other one is hollow, to be told from its neighbour at a small size too.
    return {
        "marker": MARKERS[n % len(MARKERS)],
        "markersize": 4.5,
        "markerfacecolor": "white" if n % 2 else colour(n),
        "markeredgecolor": colour(n),
    }


def _bar(n):
    return {"color": colour(n), "hatch": HATCHES[n % len(HATCHES)], "edgecolor": "white", "linewidth": 0.5}


def drawn(width: float, height: float, draw: Callable) -> str:
    """A figure of inches as a data URI; `draw` is given its axes."""
    with matplotlib.rc_context(LOOK):
        figure = Figure((width, height), layout="constrained")
        draw(figure.add_subplot())
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()


def key(n: int, kind: str) -> str:
    """The n-th run's sign beside its name: of a "line", of a "mark" on a plain line, or of a "bar"."""

    def draw(axes):
        axes.set_axis_off()
        if kind == "bar":
            axes.bar([0], [1], width=1, **_bar(n))
        else:
            line = line_style(n) if kind == "line" else {"color": colour(n)}
            axes.plot([0, 0.5, 1], [0, 0, 0], **line, **marker_style(n), markevery=[1])

    return drawn(0.42, 0.16, draw)


def intervals(values: dict[str, float | None], edges: dict[str, list[float] | None], label: str) -> str:
    """Each run's score as a dot with its interval as a bar.

    Args:
        values: dict of a run's name to a number or None.
        edges: dict of a run's name to `[low, high]` or None.
        label: of the axis.
    """

    def draw(axes):
        for n, (name, value) in enumerate(values.items()):
            if value is not None:
                axes.plot(edges[name] or [value, value], [n, n], color=colour(n), linewidth=2.5, solid_capstyle="butt")
                axes.plot([value], [n], **{**marker_style(n), "markersize": 7})
        axes.set_yticks(range(len(values)), [_short(name) for name in values])
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_xlabel(label)
        axes.grid(False, axis="y")

    return drawn(3.6, 0.55 + 0.26 * len(values), draw)


def _short(name, most=18):
    return name if len(name) <= most else f"...{name[3 - most :]}"


def curves(thresholds: dict[str, list[float]], percents: dict[str, list | None], title: str, unit: str) -> str:
    """Share of joints found over the threshold, a line a run (the paper's Figure 5).

    Args:
        thresholds: dict of a run's name to a list, in the metric's unit.
        percents: dict of a run's name to as many percents; None where there are none.
        title, unit: of the plot and of its horizontal axis.
    """

    def draw(axes):
        for n, name in enumerate(percents):
            if percents[name][-1] is not None:
                axes.plot(thresholds[name], percents[name], **line_style(n))
        axes.set(title=title, xlabel=unit, ylabel="found, %", ylim=(0, 100))
        axes.set_xlim(0, max(points[-1] for points in thresholds.values()))

    return drawn(2.8, 2.2, draw)


def bars(
    percents: dict[str, dict[str, float | None]],
    titles: dict[str, str],
    edges: dict[str, dict[str, list[float] | None]],
) -> str:
    """Scores side by side, a bar a run, with their intervals as whiskers (the paper's Figure 9).

    Args:
        percents: dict of a run's name to a dict of title to percent or None.
        titles: those shown, in order: dict of title to its label.
        edges: as `percents`, with `[low, high]`.
    """

    def draw(axes):
        width = 0.8 / len(percents)
        for n, (name, values) in enumerate(percents.items()):
            known = [(at, title) for at, title in enumerate(titles) if values[title] is not None]
            places = [at + (n - (len(percents) - 1) / 2) * width for at, _ in known]
            axes.bar(places, [values[title] for _, title in known], width, **_bar(n))
            for place, (_, title) in zip(places, known, strict=True):
                if edges[name][title]:
                    axes.plot([place, place], edges[name][title], color="black", linewidth=0.9)
        axes.set_xticks(range(len(titles)), titles.values())
        axes.set(ylabel="found, %", ylim=(0, 100))
        axes.grid(False, axis="x")

    return drawn(8.6, 2.6, draw)


def training(series: dict[int, tuple], title: str) -> str:
    """One logged quantity over the epochs.

    Args:
        series: dict of a run's number to `(epochs, training, validation)`, lists of equal length with None where
            nothing was logged.
        title: of the plot.
    """

    def draw(axes):
        shown = []
        for n, (epochs, *both) in series.items():
            for values, dash in zip(both, ("-", (0, (3, 1.5))), strict=True):
                line = np.array([np.nan if value is None else value for value in values], float)
                shown += line[np.isfinite(line)].tolist()
                if np.isfinite(line).any():
                    every = max(1, len(epochs) // 8)
                    axes.plot(epochs, line, color=colour(n), linestyle=dash, lw=1.4, **marker_style(n), markevery=every)
        if shown and min(shown) > 0 and max(shown) > WIDE * min(shown):
            axes.set_yscale("log")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)

    return drawn(2.8, 2.0, draw)


def verdicts(
    verdicts: dict[str, np.ndarray],
    right: np.ndarray,
    annotated: np.ndarray,
    occluded: np.ndarray,
    joints: Sequence[str] = MPII16.joints,
) -> str:
    """What P and C say of one person's joints (the paper's Figure 8).

    Args:
        verdicts: dict of "P" and "C" to [J] probabilities.
        right: [J] bool, whether the joint is within the metric's threshold.
        annotated, occluded: [J] bool, of the truth.
        joints: their names.
    """

    def name(n):
        sign = ("+" if right[n] else "\N{BALLOT X}") if annotated[n] else "?"
        return f"{joints[n].replace('_', ' ')}{' (hidden)' if occluded[n] and annotated[n] else ''}  {sign}"

    def draw(axes):
        for n, (who, values) in enumerate(verdicts.items()):
            axes.plot(values, range(len(joints)), linestyle="", label=who, **{**marker_style(n), "markersize": 5})
        axes.set_yticks(range(len(joints)), [name(n) for n in range(len(joints))])
        axes.set(xlim=(-0.03, 1.03), ylim=(len(joints) - 0.5, -0.5), xlabel="says yes, probability")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(verdicts))

    return drawn(3.2, 3.5, draw)


def stacked(percents: dict[str, dict[str, float | None]], kinds: dict[str, str]) -> str:
    """Parts of a whole, a bar a run.

    Args:
        percents: dict of a run's name to a dict of kind to percent or None.
        kinds: in order: dict of kind to its label.
    """

    def draw(axes):
        left = np.zeros(len(percents))
        for n, (kind, label) in enumerate(kinds.items()):
            widths = np.array([values[kind] or 0.0 for values in percents.values()])
            axes.barh(
                range(len(percents)), widths, left=left, height=0.65, label=label, color=SHADES[n], edgecolor="white"
            )
            for row, width in enumerate(widths):
                if width >= 6:
                    middle = left[row] + width / 2
                    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
                    axes.text(middle, row, f"{width:.0f}", ha="center", va="center", bbox=box)
            left += widths
        axes.set_yticks(range(len(percents)), [_short(name) for name in percents])
        axes.set(xlim=(0, 100), ylim=(len(percents) - 0.5, -0.5), xlabel="% of the misses")
        axes.grid(False)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)

    return drawn(6.4, 1.05 + 0.34 * len(percents), draw)
