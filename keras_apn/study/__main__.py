"""Runs a table of trainings and compares them: `python -m keras_apn.study --plan=plan.json --output=study`.

A plan names trainings, their flags and seeds, and the records that all are scored on; `plan.read` has its form. Runs
that are done are skipped, those that were begun go on, and several processes or machines may share the folder. It gets
`results/`, one JSON file a run, and from those `study.html` and `study.json`: means and spreads over seeds, differences
to the first training, paired over people.
"""

import os
import sys

from absl import flags

from data_pipeline.common import outputs, program
from data_pipeline.common.files import write_json, write_whole
from keras_apn.study import plan, runner

PAGE, SUMMARY = "study.html", "study.json"


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("plan", None, "a JSON file that names trainings, flags, seeds and records", required=True)
    flags.DEFINE_string("output", None, "a folder for runs, results and the page; several may share it", required=True)
    flags.DEFINE_integer("at_once", 1, "trainings at the same time", lower_bound=1)
    flags.DEFINE_bool("run", True, "train what is missing; without it the page is made of what is there")


def main(values: flags.FlagValues) -> int:
    """Trains, compares and writes."""
    told = plan.read(values.plan)
    outputs.require_folder(values.output, "output")
    failures = runner.run_all(told, values.output, values.at_once) if values.run else []
    # Behind the trainings, which need the memory: these import TensorFlow.
    from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip

    from keras_apn.study import page, results

    found = results.read(told, values.output)
    if told.names[0] in found:
        compared = results.summary(found)
        write_json(os.path.join(values.output, SUMMARY), compared)
        write_whole(os.path.join(values.output, PAGE), page.render(told.title, found, compared))
        count = sum(map(len, found.values()))
        print(f"{count} of {len(told.trainings)} runs in {os.path.join(values.output, PAGE)}")
    else:
        print(f"No run of {told.names[0]} is done yet, which the others are compared with")
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    program.run(main, define_flags)
