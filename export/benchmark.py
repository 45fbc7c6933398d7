"""Times every export and Keras: `python -m export.benchmark --exports=exports --workdir=runs/mpii --threads=2`.

Each model runs in a fresh process that imports its own runtime alone, on the CPU, with so many threads, and once a
round, by turns, since machines drift. Of each number the median over the rounds is shown.

- start: from the model's file to the first answer, loading included, Python's imports not; the file is in the system's
  cache after the first round.
- MB: the process's resident memory when its runtime is imported, and at its most until the batch was done.
- ms: percentiles of the calls, each from an input that is there to joints; for `heatmaps` to heatmaps. A TFLite file
  takes one crop at a time: its batch of 8 is eight calls.
- of keras: the median call over that of Keras's compiled graph, which does the same work in the same round.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import os
import statistics

import tqdm
from absl import flags

from data_pipeline.common import outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from export.formats import artefacts, descriptions
from export.timing import latency, provenance

# What a flavour gives; what gives both is timed to joints, its normal use.
ANSWERS = {"heatmaps": "pose", "joints": "joints", "": "joints"}
KERAS = {"pose": "keras heatmaps", "joints": "keras joints"}
TIMES = ("p50_ms", "p90_ms", "p99_ms", "images_per_s", "calls", "peak_mb")


def models(found: Sequence[artefacts.Artefact], workdir: str | None = None, flip: bool = False) -> dict[str, dict]:
    """What is to be timed: `latency.measure`'s `kind`, `path`, `answer` and `flip` by name, Keras first.

    Args:
        found: the artefacts.
        workdir: of the run, for Keras; None to leave it out.
        flip: whether the artefacts average with the mirrored crop.
    """
    asked = {a.name: {"kind": a.format, "path": a.path, "answer": ANSWERS[a.flavour]} for a in found}
    needed = {row["answer"] for row in asked.values()} if workdir else set()
    keras = {
        name: {"kind": "keras", "path": workdir, "answer": answer, "flip": flip}
        for answer, name in KERAS.items()
        if answer in needed
    }
    return {**keras, **asked}


def by_turns(
    asked: dict[str, dict], rounds: int, run: Callable[..., dict] = latency.apart, **how: Any
) -> dict[str, list[dict]]:
    """Measures every model once a round.

    Args:
        asked: from `models`.
        rounds: how many.
        run: a function like `latency.measure`.
        how: its `threads`, `batches` and `seconds`.

    Returns:
        A dict of name to the list of what `run` gave, one a round.
    """
    measured = {name: [] for name in asked}
    with tqdm.tqdm(total=rounds * len(asked), unit="process", leave=False, disable=None) as progress:
        for _ in range(rounds):
            for name, arguments in asked.items():
                measured[name].append(run(**arguments, **how))
                progress.update()
    return measured


def summary(asked: dict[str, dict], measured: dict[str, list[dict]]) -> list[dict[str, Any]]:
    """Medians over the rounds.

    Args:
        asked: from `models`.
        measured: from `by_turns`.

    Returns:
        A list of dicts that go into JSON, one a model: `name`, `path`, `answer`; `cold_start_s`, `imported_mb`; and
        `batches`, a list of dicts: `batch`, `TIMES`, and `over_keras`, the median call over Keras's in the same round,
        None without Keras.
    """
    rows = []
    for name, rounds in measured.items():
        baseline = measured.get(KERAS[asked[name]["answer"]])
        rows.append(
            {
                "name": name,
                **{key: asked[name][key] for key in ("path", "answer")},
                "cold_start_s": statistics.median(one["load_s"] + one["first_s"] for one in rounds),
                "imported_mb": statistics.median(one["imported_mb"] for one in rounds),
                "batches": [_batch(rounds, baseline, place) for place in range(len(rounds[0]["batches"]))],
            }
        )
    return rows


def _batch(rounds, baseline, place):
    """Medians of one size of batch, by its place among them."""
    timed = [one["batches"][place] for one in rounds]
    row = {"batch": timed[0]["batch"], **{key: statistics.median(one[key] for one in timed) for key in TIMES}}
    if not baseline:
        return {**row, "over_keras": None}
    others = [one["batches"][place]["p50_ms"] for one in baseline]
    ratios = [one["p50_ms"] / other for one, other in zip(timed, others, strict=True)]
    return {**row, "over_keras": statistics.median(ratios)}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """`summary`'s rows as text, 100 columns wide; a line for each size of batch."""
    lines = [
        f"{'':<23} {'start':>6}  {'MB':>8}{'':>5} {'':>6}  {'ms a batch':^26}  {'images':>7}  {'of':>5}",
        f"{'':<23} {'s':>6}  {'imported':>8} {'peak':>5} {'batch':>5}"
        f"  {'50%':>8} {'90%':>8} {'99%':>8}  {'a s':>7}  {'keras':>5}",
    ]
    for row in rows:
        told = f"{row['name']:<23} {row['cold_start_s']:6.2f}  {row['imported_mb']:8.0f}"
        for timed in row["batches"]:
            times = " ".join(f"{timed[key]:8.2f}" for key in ("p50_ms", "p90_ms", "p99_ms"))
            over = f"{'-':>5}" if timed["over_keras"] is None else f"{timed['over_keras']:5.2f}"
            lines.append(
                f"{told:<39} {timed['peak_mb']:5.0f} {timed['batch']:5d}  {times}  {timed['images_per_s']:7.1f}  {over}"
            )
            told = ""
    return "\n".join(lines)


def require_batches(words: Iterable[str]) -> list[int]:
    """Sizes of batches, rising; UserError unless they are whole numbers of at least 1."""
    if not words or not all(word.strip().isdecimal() and int(word) for word in words):
        raise UserError(f"--batches must be whole numbers of at least 1, as in 1,8. Received: {','.join(words)}")
    return sorted({int(word) for word in words})


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("exports", None, "the folder of exports, what was --output", required=True)
    flags.DEFINE_string("workdir", None, "the run that was exported, to time Keras too")
    flags.DEFINE_string("name", None, "of the model, where --exports holds several")
    flags.DEFINE_integer("version", None, "of the model; the highest by default", lower_bound=1)
    flags.DEFINE_integer("threads", 2, "that each runtime may use", lower_bound=1)
    flags.DEFINE_list("batches", ["1", "8"], "sizes of batches")
    flags.DEFINE_float("seconds", 2.0, "least duration of a measurement", lower_bound=0.01)
    flags.DEFINE_integer("rounds", 3, "processes of each model", lower_bound=1)
    flags.DEFINE_string("json", None, "a file to write all numbers to")


def main(values: flags.FlagValues) -> None:
    """Finds, measures, prints and writes."""
    if not os.path.exists("/proc/self/status"):
        raise UserError("This benchmark needs Linux, which tells how much memory a process has had")
    outputs.require_file(values.json, "json")
    name, version = artefacts.choose(values.exports, values.name, values.version)
    found = artefacts.find(values.exports, name, version)
    flip = descriptions.flip_test(found)
    asked = models(found, values.workdir, flip)
    how = {"threads": values.threads, "batches": require_batches(values.batches), "seconds": values.seconds}
    load = os.getloadavg()[0]
    measured = by_turns(asked, values.rounds, **how)
    rows, versions, machine = summary(asked, measured), provenance.versions(), provenance.machine()
    print(f"{name} {version}, {values.threads} threads of {machine['cores']} cores, {machine['processor']}")
    print(provenance.line(versions))
    print(table(rows))
    if values.json:
        inputs = {key: getattr(values, key) for key in ("exports", "workdir", "rounds")}
        inputs |= {**how, "name": name, "version": version, "flip_test": flip}
        told = {"command": inputs, "versions": versions, "machine": {**machine, "load_before": load}}
        write_json(values.json, {**told, "models": rows, "rounds": measured})


if __name__ == "__main__":
    program.run(main, define_flags)
