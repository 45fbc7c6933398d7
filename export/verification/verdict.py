"""Whether exports are as good as Keras: the bounds, what passes them, and all of it as text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.common.errors import UserError
from data_pipeline.skeleton import MPII16, Skeleton
from export.formats.artefacts import Artefact
from export.verification import agreement
from keras_apn.evaluation import scoring
from keras_apn.metrics import pck
from keras_apn.report.comparison import headline

# Of heights, and of scores, which are heights; and of crop pixels.
MAPS, JOINTS = 1e-4, agreement.STILL
# Points of the metric that may be lost; nothing keeps an export from being better.
LOSS = {"float16": 0.2, "dynamic": 0.5, "int8": 1.0}
# Of P's probability: the largest difference of float32, which amplifies that of the maps, and the mean of others.
PLAUSIBLE, PLAUSIBLE_MEAN = 1e-3, 0.1
BOUNDS = {"maps": MAPS, "joints": JOINTS, "loss": LOSS, "plausible": PLAUSIBLE, "plausible_mean": PLAUSIBLE_MEAN}


def judge(
    rows: dict[str, dict],
    truth: dict[str, np.ndarray],
    found: Sequence[Artefact],
    metric: str,
    skeleton: Skeleton = MPII16,
) -> dict[str, Any]:
    """Scores and judges what `verify.compare` gives.

    Args:
        rows, truth: from `verify.compare`.
        found: the artefacts.
        metric: a key of `pck.THRESHOLDS`.
        skeleton: whose joints they are.

    Returns:
        A dict that goes into JSON: `metric`, as in `pckh@0.5 mean_14`; `people`; `keras`, its `rate`, percent; and
        `artefacts`, a list of dicts: `name`, `path`, `bytes`, what `agreement.summary` gives, `rate` and `loss`,
        points, and `failed`, a list of sentences.

    Raises:
        UserError: nothing is annotated that the metric counts.
    """
    key, title = f"{metric}@{pck.THRESHOLDS[metric]}", headline(metric, skeleton)
    rates = {
        name: scoring.score({**truth, "predicted": row["predicted"]}, metric, skeleton=skeleton)[key][title]
        for name, row in rows.items()
    }
    if rates["keras"] is None:
        raise UserError(f"The records have no annotated joints that {key} counts; give others with --records")
    report = {"metric": f"{key} {title}", "people": len(truth["true"]), "keras": {"rate": rates["keras"]}}
    return {**report, "artefacts": [_judged(artefact, rows[artefact.name], rates) for artefact in found]}


def _judged(artefact, rows, rates):
    rate = rates[artefact.name]
    told = {
        "name": artefact.name,
        "path": artefact.path,
        "bytes": artefact.size,
        **agreement.summary(rows),
        "rate": rate,
        "loss": rates["keras"] - rate,
    }
    return {**told, "failed": failures(told, artefact.quantization)}


def failures(told: dict[str, Any], quantization: str) -> list[str]:
    """The bounds that an artefact passes.

    Args:
        told: what `judge` tells of it: `maps`, `joints`, `scores`, `plausible` and `loss`.
        quantization: of `artefacts.QUANTIZATIONS`, which says what its bounds are.

    Returns:
        A list of `(value, bound)` in words; empty where it keeps them. What is no number passes every bound.
    """
    if quantization in LOSS:
        bounds = [("{:.2f} points lost", told["loss"], LOSS[quantization])]
        if told.get("plausible"):
            bounds.append(("plausible {:.2g} off in the mean", told["plausible"]["mean"], PLAUSIBLE_MEAN))
    else:
        bounds = [(f"{name} {{:.2g}} off", told[name]["max"], MAPS) for name in ("maps", "scores") if told[name]]
        bounds.append(("joints {:.2f} pixels off that are no ties", told["joints"]["max_untied"], JOINTS))
        if told.get("plausible"):
            bounds.append(("plausible {:.2g} off", told["plausible"]["max"], PLAUSIBLE))
    return [f"{words.format(value)}, the bound is {bound:g}" for words, value, bound in bounds if not value <= bound]


def table(report: dict[str, Any]) -> str:
    """The report as text, 100 columns wide."""
    shown = report["metric"].split()[0]
    lines = [
        f"{'':<23} {'':>6}   {'maps off':^15}   {'joints off, px':^15}  {'moved':>5} {'':>5}  {shown:>13}",
        f"{'':<23} {'MB':>6}   {'largest':>7} {'mean':>7}   {'largest':>7} {'mean':>7}  {'%':>5} {'ties':>5}"
        f"  {'':>6} {'lost':>6}",
        f"{'keras':<23} {'':>6}   {'':>15}   {'':>15}  {'':>5} {'':>5}  {report['keras']['rate']:6.2f}",
    ]
    for row in report["artefacts"]:
        maps = "{max:7.1e} {mean:7.1e}".format(**row["maps"]) if row["maps"] else f"{'-':>7} {'-':>7}"
        joints = "{max:7.3f} {mean:7.4f}  {moved:5.2f} {ties:5d}".format(**row["joints"])
        verdict = "FAILED" if row["failed"] else "ok"
        size = f"{row['bytes'] / 1e6:6.2f}"
        lines.append(
            f"{row['name']:<23} {size}   {maps}   {joints}  {row['rate']:6.2f} {row['loss'] + 0.0:6.2f}  {verdict}"
        )
    lines += [
        "plausible off: {name:<23} largest {max:.1e}  mean {mean:.1e}".format(name=row["name"], **row["plausible"])
        for row in report["artefacts"]
        if row["plausible"]
    ]
    lines += [f"FAILED: {row['name']}: {words}" for row in report["artefacts"] for words in row["failed"]]
    return "\n".join(lines)
