"""Compares runs on one page: `python -m keras_apn.report --workdirs=runs/with,runs/without --output=report`.

All runs are scored on the same people; those that differ in their seed alone are also compared as one. The folder gets
`report.html`, one file that can be read offline and printed, and `scores.json`. The first screen says whether a run is
better than the first, where, and what it gets wrong; scores, curves, training, predictions and heatmaps follow.
"""

from collections.abc import Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import datetime
import os
import platform

import keras
import matplotlib
import tensorflow as tf
from absl import flags

from data_pipeline.common import outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json, write_whole
from data_pipeline.records import dataset
from keras_apn import config as configuration
from keras_apn.metrics import plausibility
from keras_apn.report import comparison, page, runs, seeds

PAGE, SCORES = "report.html", "scores.json"


def collect(
    names: Sequence[str], workdirs: Sequence[str], paths: Sequence[str], metric: str, flip: bool = False
) -> list[runs.Run]:
    """Every run, scored on the same records; prints a line for each.

    Args:
        names, workdirs: as many of each.
        paths: shards.
        metric: a key of `pck.THRESHOLDS`.
        flip: average with the mirrored crops' heatmaps.

    Returns:
        A list of `runs.Run`.

    Raises:
        UserError: a workdir holds no weights, or its files are damaged.
    """
    loaded = [runs.load(name, workdir, flip) for name, workdir in zip(names, workdirs, strict=True)]
    ranges = plausibility.of_training(loaded[0].config)
    scored = []
    for run in loaded:
        scored.append(runs.score(run, paths, metric, ranges))
        rate = scored[-1].scores["curve"][comparison.headline(metric, run.skeleton)][-1]
        print(f"{run.name}: {'no joint is annotated' if rate is None else f'{rate:.2f}'}", flush=True)
    return scored


def describe(paths: Sequence[str], pattern: str, people: int, flip: bool) -> dict[str, str]:
    """What the page says of itself, a dict of title to text."""
    return {
        "People": f"{people}, of {dataset.describe(paths)['dataset']} records",
        "Records": f"{pattern} ({len(paths)} {'shard' if len(paths) == 1 else 'shards'})",
        "Flip test": "yes: averaged with the mirrored crops" if flip else "no",
        "Made": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "Versions": f"Python {platform.python_version()}, TensorFlow {tf.__version__}, Keras {keras.__version__}, "
        f"matplotlib {matplotlib.__version__}",
    }


def summary(scored: Sequence[runs.Run], compared: dict[str, Any], metric: str, about: dict[str, str]) -> dict[str, Any]:
    """What `scores.json` holds."""
    each = {run.name: {"workdir": run.workdir, "parameters": run.parameters, **run.scores} for run in scored}
    return {"metric": metric, "about": about, "comparison": compared, "runs": each}


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_list("workdirs", None, "the runs, the first of which the others are compared with", required=True)
    flags.DEFINE_string("output", None, "a folder for report.html and scores.json", required=True)
    flags.DEFINE_list("names", [], "what the page calls the runs; their folders' names by default")
    flags.DEFINE_string("records", None, "glob of the shards to score on; the runs' validation shards by default")
    flags.DEFINE_bool("flip", False, "average with the mirrored crop's heatmaps")
    flags.DEFINE_integer("gallery", 4, "people shown of the best, the median, the worst ...", lower_bound=0)
    flags.DEFINE_integer("panels", 3, "people with hidden joints whose heatmaps are shown", lower_bound=0)


def main(values: flags.FlagValues) -> None:
    """Scores, compares and writes."""
    outputs.require_folder(values.output, "output")
    names = runs.label(values.workdirs, values.names)
    configs = [configuration.load(workdir) for workdir in values.workdirs]
    paths = runs.shared_records(values.workdirs, configs, values.records)
    described = dataset.describe(paths)
    if not described["people"]:
        raise UserError(f"The shards of {paths[0]} and its like hold no people; build the records again")
    metric = described["metric"]
    scored = collect(names, values.workdirs, paths, metric, values.flip)
    compared = {**comparison.compare(scored, metric), "seeds": seeds.compare(scored, metric)}
    pattern = values.records or configs[0].data.validation_records
    about = describe(paths, pattern, len(scored[0].normalised), values.flip)
    html = page.render(page.build(scored, compared, metric, paths, about, values.gallery, values.panels))
    target = os.path.join(values.output, PAGE)
    try:
        write_json(os.path.join(values.output, SCORES), summary(scored, compared, metric, about))
        write_whole(target, html)
    except OSError as error:
        raise UserError(f"{values.output} cannot be written to ({error.strerror}); give another --output") from error
    print(f"Open {target}")


if __name__ == "__main__":
    program.run(main, define_flags)
