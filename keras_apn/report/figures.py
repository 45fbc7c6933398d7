"""The plots of a report with what each says in words: dicts of `source`, a data URI, and `alt`."""

from collections.abc import Sequence
from typing import Any

from keras_apn.report import cells, findings, misses, plots
from keras_apn.report.runs import Run

# What a run logs (`AdversarialPoseNet.update`): under a heading the plots' titles, and how to read them.
LOGGED = {
    "Score": (
        {"pckh": "PCKh@0.5, share"},
        "The share of validation joints found after each epoch; the weights of the best one are what is scored above.",
    ),
    "Loss of G (Eq. 1)": (
        {"loss": "both tasks", "loss_pose": "pose", "loss_occlusion": "occlusion"},
        "How far the heatmaps are from the true ones. Both lines should fall; a dashed line that rises while the solid "
        "one falls means that the network learns its training people by heart.",
    ),
    "Losses of P and C (Eq. 2 and 3)": (
        {
            "loss_p_real": "P: true maps",
            "loss_p_fake": "P: G's maps",
            "loss_p_moved": "P: moved joints",
            "loss_c_real": "C: true maps",
            "loss_c_fake": "C: G's maps",
        },
        "How badly the discriminators tell good joints from bad ones. Near zero they have won and teach little; "
        "0.69 is guessing.",
    ),
    "What G is told by P and C (Eq. 4)": (
        {
            "adversarial_p": "P's term, weighted",
            "adversarial_c": "C's term, weighted",
            "gradient_ratio_p": "P's gradient over L_G's",
            "gradient_ratio_c": "C's gradient over L_G's",
            "weight_p": "P's weight",
            "weight_c": "C's weight",
        },
        "What not being believed costs G, and how hard each discriminator pulls at the heatmaps beside G's own loss: "
        "at 0 it does nothing, above 1 it decides.",
    ),
    "Labels and how well P and C tell them": (
        {
            "p_fake_share": "P: share of ones",
            "c_fake_share": "C: share of ones",
            "p_accuracy_real": "P: accuracy, true maps",
            "p_accuracy_fake": "P: accuracy, G's maps",
            "p_accuracy_moved": "P: accuracy, moved joints",
            "c_accuracy_real": "C: accuracy, true maps",
            "c_accuracy_fake": "C: accuracy, G's maps",
            "delta": "delta, head sizes",
            "epsilon": "epsilon, Gaussians",
        },
        "How many of G's joints are labelled good, how often P and C are right, and the thresholds of the labels. The "
        "shares should be neither all 0 nor all 1.",
    ),
    "How well P and C know good joints from bad ones": (
        {
            "p_auc": "P: AUC",
            "p_peak_auc": "P's labels by the peak: AUC",
            "p_moved_auc": "P on moved joints: AUC",
            "p_calibration": "P: calibration error",
            "p_toward": "P: pulls to the truth",
            "c_auc": "C: AUC",
            "c_peak_auc": "C's labels by the peak: AUC",
            "c_amplitude": "C's logit, maps times 1.2",
            "c_calibration": "C: calibration error",
            "c_toward": "C: pulls to the truth",
        },
        "Of validation people. An AUC of 0.5 is guessing; a discriminator whose AUC is not above that of the peak's "
        "plain height has nothing to teach. Pulls to the truth: of G's wrong joints, how many have their heatmap "
        "pulled toward the true one.",
    ),
    "How far a step moves the weights": (
        {
            "update_g": "G: the layers' median",
            "update_g_least": "G: the stillest layer",
            "update_p": "P: the layers' median",
            "update_p_least": "P: the stillest layer",
            "update_c": "C: the layers' median",
            "update_c_least": "C: the stillest layer",
        },
        "The last step of each epoch: the norm of the change of a layer's kernel over the kernel's norm. About 0.001 "
        "is usual; a network far below the others starves.",
    ),
    "Run": (
        {"learning_rate": "learning rate", "seconds": "seconds an epoch", "step_seconds": "seconds a step"},
        "G's learning rate, and the time spent.",
    ),
}


def training(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """What the runs logged: dicts of `heading`, `plots` and `how` to read them; none where there is no history."""
    keys = {key.removeprefix("val_") for run in runs for line in run.epochs for key in line} - {"epoch"}
    others = sorted(keys - {key for titles, _ in LOGGED.values() for key in titles})
    groups = {**LOGGED, "Other": (dict(zip(others, others, strict=True)), "What else the runs logged.")}
    return [
        {"heading": heading, "plots": [_logged(runs, key, titles[key]) for key in titles if key in keys], "how": how}
        for heading, (titles, how) in groups.items()
        if keys & set(titles)
    ]


def _logged(runs, key, title):
    series, told = {}, []
    for n, run in enumerate(runs):
        values = [[line.get(name) for line in run.epochs] for name in (key, f"val_{key}")]
        if any(value is not None for line in values for value in line):
            series[n] = [line["epoch"] for line in run.epochs], *values
            last = [
                f"{name} {line[-1]:.4g}"
                for name, line in zip(("training", "validation"), values, strict=True)
                if line[-1] is not None
            ]
            told.append(f"{run.name}: at the last epoch {', '.join(last)}" if last else run.name)
    return {"source": plots.training(series, title), "alt": f"{title} over the epochs. {'; '.join(told)}."}


def curves(runs: Sequence[Run], key: str, headline: str, unit: str) -> list[dict[str, Any]]:
    """Figure 5: the mean, then every column."""
    plotted = []
    for title in (headline, *runs[0].skeleton.columns):
        thresholds = {run.name: run.scores["curve"]["thresholds"] for run in runs}
        percents = {run.name: run.scores["curve"][title] for run in runs}
        told = "; ".join(f"{run.name} {cells.number(run.scores[key][title])} %" for run in runs)
        name = cells.label(title)
        plotted.append(
            {
                "source": plots.curves(thresholds, percents, name, unit),
                "alt": f"Share of joints found over the threshold, {name}. At the end: {told}.",
            }
        )
    return plotted


def bars(runs: Sequence[Run], key: str, compared: dict[str, Any]) -> dict[str, str]:
    """Figure 9."""
    titles = {compared["headline"]: "total", **{name: name for name in runs[0].skeleton.columns}}
    rates = {run.name: run.scores[key] for run in runs}
    told = "; ".join(f"{name} {cells.number(values[compared['headline']])} %" for name, values in rates.items())
    return {"source": plots.bars(rates, titles, compared["intervals"]), "alt": f"Scores by joint. Total: {told}."}


def intervals(runs: Sequence[Run], key: str, compared: dict[str, Any], metric_name: str) -> dict[str, str]:
    """The headline scores with their intervals."""
    title = compared["headline"]
    values = {run.name: run.scores[key][title] for run in runs}
    edges = {name: found[title] for name, found in compared["intervals"].items()}
    told = "; ".join(f"{name} {cells.number(value)} ({cells.span(edges[name])})" for name, value in values.items())
    return {
        "source": plots.intervals(values, edges, f"{metric_name}, {cells.label(title)}, %"),
        "alt": f"Scores with 95 % intervals. {told}.",
    }


def kinds_of_misses(runs: Sequence[Run]) -> dict[str, str]:
    """Where missed joints are put."""
    shares = {run.name: run.scores["misses"] for run in runs}
    told = "; ".join(
        f"{name}: " + ", ".join(f"{cells.number(found[kind], 0)} % {kind}" for kind in misses.KINDS)
        for name, found in shares.items()
    )
    return {"source": plots.stacked(shares, findings.KINDS), "alt": f"Kinds of misses. {told}."}
