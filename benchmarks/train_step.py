"""Times training steps: `python -m benchmarks.train_step --presets=demo,2x256 --batches=4 --json=steps.json`.

For each preset and size of batch, on the CPU or whatever accelerator TensorFlow sees: G alone (`generator_only`), and
all three networks with one update of G a step (`joint`) or two (`alternating`). A step is what `training.loop` runs,
augmentation included, on a batch of patches that is in memory. Each measurement is a fresh process, and they take
turns, since machines drift. Of each number the median over the rounds is shown.

- over G: the step's time over `generator_only`'s in the same round; beside it the same ratio of operations as counted
  (`benchmarks/arithmetic.py`), and the one over the other.
- of peak: operations a second over those of a large float32 matrix product in the same round on as many threads.
- first step: seconds until the first step is done, which builds its graph; the networks are there already.
- MB: the process's resident memory at its most.

`--torch` adds the step of an equal G in PyTorch (`benchmarks/peers/torch_reference.py`), which is handed crops and
targets: in its own layout of images in memory, and in TensorFlow's.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import importlib.metadata
import importlib.util
import itertools
import os
import statistics

import tqdm
from absl import flags

from benchmarks import clock, presets
from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from export.timing import provenance
from keras_apn.config import PRECISIONS

BASELINE, MATRIX_PRODUCT = "generator_only", ("", 0, "matrix_product")
TORCH = ("torch_channels_first", "torch_channels_last")
MEDIANS = ("step_s", "processor_s", "first_step_s", "build_s", "imported_mb", "peak_mb")


def cases(names: Sequence[str], batches: Sequence[int], modes: Sequence[str]) -> list[tuple]:
    """What is to be measured, in the order of a round: a list of `(preset, batch, mode)`."""
    return [MATRIX_PRODUCT, *itertools.product(names, batches, modes)]


def measure(case: tuple, how: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """One measurement in a fresh process.

    Args:
        case: from `cases`.
        how: a dict of `threads`, `steps`, `precision`, `xla` and `recompute`.
        environment: variables of the process.

    Returns:
        What the `measure` of `matrix_product`, `torch_reference` or `fit_step` gives.
    """
    preset, batch, mode = case
    if case == MATRIX_PRODUCT:
        return clock.apart("benchmarks.matrix_product", environment, threads=how["threads"])
    if mode in TORCH:
        chosen = {"layout": mode.removeprefix("torch_"), **{name: how[name] for name in ("threads", "steps")}}
        return clock.apart("benchmarks.peers.torch_reference", environment, preset=preset, batch=batch, **chosen)
    return clock.apart("benchmarks.fit_step", environment, preset=preset, batch=batch, mode=mode, **how)


def by_turns(asked: list[tuple], rounds: int, run: Callable[[tuple], dict]) -> dict[tuple, list[dict]]:
    """Every case once a round: a dict of case to the list of what `run(case)` gave."""
    measured = {case: [] for case in asked}
    with tqdm.tqdm(total=rounds * len(asked), unit="process", leave=False, disable=None) as progress:
        for case in rounds * asked:
            measured[case].append(run(case))
            progress.update()
    return measured


def summary(measured: dict[tuple, list[dict]]) -> list[dict[str, Any]]:
    """Medians over the rounds.

    Args:
        measured: from `by_turns`.

    Returns:
        A list of dicts that go into JSON, one for each preset, batch and mode, with `MEDIANS` and
        `images_per_second`; `ratio_measured`, `ratio_processor` and `ratio_arithmetic`, time, processor time and
        operations over `generator_only`'s, and `ratio_excess`, the first over the last, None without `generator_only`;
        `gflop` a step, and `share_of_peak`.
    """
    peaks = [one["gflops"] for one in measured[MATRIX_PRODUCT]]
    rows = []
    for (preset, batch, mode), rounds in measured.items():
        if mode == MATRIX_PRODUCT[-1]:
            continue
        baseline = measured.get((preset, batch, BASELINE))
        gflop = (baseline if mode in TORCH else rounds)[0]["gflop"]
        rates = [gflop / one["step_s"] for one in rounds]
        row = {"preset": preset, "batch": batch, "mode": mode}
        row |= {name: statistics.median(one[name] for one in rounds) for name in MEDIANS}
        row |= {"images_per_second": statistics.median(batch / one["step_s"] for one in rounds)}
        row |= _ratios(rounds, baseline, gflop)
        shares = [rate / peak for rate, peak in zip(rates, peaks, strict=True)]
        rows.append(row | {"gflop": gflop, "share_of_peak": statistics.median(shares)})
    return rows


def _ratios(rounds, baseline, gflop):
    """Over `generator_only`, each round by its own."""
    if baseline is None:
        return dict.fromkeys(("ratio_measured", "ratio_processor", "ratio_arithmetic", "ratio_excess"))

    def over(name):
        return statistics.median(one[name] / other[name] for one, other in zip(rounds, baseline, strict=True))

    measured, counted = over("step_s"), gflop / baseline[0]["gflop"]
    return {
        "ratio_measured": measured,
        "ratio_processor": over("processor_s"),
        "ratio_arithmetic": counted,
        "ratio_excess": measured / counted,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """`summary`'s rows as text, 100 columns wide."""
    lines = [
        f"{'':<9} {'':>5} {'':<20} {'images':>7} {'step':>7} {'first':>6} {'':>6}  {'over G':^17}  {'of':>6}",
        f"{'preset':<9} {'batch':>5} {'mode':<20} {'a s':>7} {'s':>7} {'step s':>6} {'MB':>6}"
        f"  {'time':>5} {'count':>5} {'':>5}  {'peak':>6}",
    ]
    for row in rows:
        ratios = [row[f"ratio_{kind}"] for kind in ("measured", "arithmetic", "excess")]
        told = " ".join(f"{'-':>5}" if ratio is None else f"{ratio:5.2f}" for ratio in ratios)
        lines.append(
            f"{row['preset']:<9} {row['batch']:5d} {row['mode']:<20} {row['images_per_second']:7.2f} "
            f"{row['step_s']:7.3f} {row['first_step_s']:6.1f} {row['peak_mb']:6.0f}  {told}  "
            f"{row['share_of_peak']:6.1%}"
        )
    return "\n".join(lines)


def require_batches(words: Iterable[str]) -> list[int]:
    """Sizes of batches; UserError unless they are whole numbers of at least 1."""
    if not words or not all(word.strip().isdecimal() and int(word) for word in words):
        raise UserError(f"--batches must be whole numbers of at least 1, as in 4,16. Received: {','.join(words)}")
    return sorted({int(word) for word in words})


def require_torch(modes: Sequence[str], precision: str) -> None:
    """Raises UserError where PyTorch is missing or has nothing equal to be compared with."""
    if importlib.util.find_spec("torch") is None:
        raise UserError("--torch needs PyTorch: pip install torch==2.13.0 'setuptools<82'")
    if BASELINE not in modes or precision != "float32":
        raise UserError(f"--torch is compared with {BASELINE} in float32: name it in --modes, leave --precision out")


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_list("presets", ["demo"], f"of {', '.join(presets.PRESETS)}")
    flags.DEFINE_list("batches", ["4"], "sizes of batches")
    flags.DEFINE_list("modes", list(presets.MODES), "what a step trains")
    flags.DEFINE_integer("steps", 5, "steps that a process times, behind the first two", lower_bound=1)
    flags.DEFINE_integer("rounds", 3, "processes of each preset, batch and mode", lower_bound=1)
    flags.DEFINE_enum("precision", "float32", PRECISIONS, "of the networks' arithmetic")
    flags.DEFINE_bool("xla", False, "compile the step behind the augmentation by XLA")
    flags.DEFINE_bool("recompute", False, "compute each stack of G again for its gradient, to save memory")
    flags.DEFINE_bool("onednn", True, "let TensorFlow use oneDNN, as the project's programs do")
    flags.DEFINE_integer("threads", os.cpu_count(), "that each process may use", lower_bound=1)
    flags.DEFINE_bool("torch", False, "measure an equal G in PyTorch too")
    flags.DEFINE_string("json", None, "a file to write all numbers to")


def main(values: flags.FlagValues) -> None:
    """Measures, prints and writes."""
    if not os.path.exists("/proc/self/status"):
        raise UserError("This benchmark needs Linux, which tells how much memory a process has had")
    names = presets.require(values.presets, presets.PRESETS, "presets")
    modes = presets.require(values.modes, presets.MODES, "modes")
    if values.torch:
        require_torch(modes, values.precision)
    how = {name: getattr(values, name) for name in ("threads", "steps", "precision", "xla", "recompute")}
    asked = cases(names, require_batches(values.batches), [*modes, *TORCH] if values.torch else modes)
    environment, load = {"TF_ENABLE_ONEDNN_OPTS": str(int(values.onednn))}, os.getloadavg()[0]
    measured = by_turns(asked, values.rounds, lambda case: measure(case, how, environment))
    rows, versions, machine = summary(measured), provenance.versions(), provenance.machine()
    if values.torch:
        versions["torch"] = importlib.metadata.version("torch")
    peak = statistics.median(one["gflops"] for one in measured[MATRIX_PRODUCT])
    print(f"{values.threads} threads of {machine['cores']} cores, {machine['processor']}")
    print(f"{provenance.line(versions)}; matrix product {peak:.0f} GFLOP/s")
    print(table(rows))
    if values.json:
        told: dict[str, Any] = {
            "command": {**how, "rounds": values.rounds, "onednn": values.onednn},
            "versions": versions,
        }
        told |= {"machine": {**machine, "load_before": load, "matrix_product_gflops": peak}, "rows": rows}
        keys = [dict(zip(("preset", "batch", "mode"), case, strict=True)) for case in measured]
        rounds = [{**key, "rounds": each} for key, each in zip(keys, measured.values(), strict=True)]
        write_json(values.json, {**told, "rounds": rounds})


if __name__ == "__main__":
    program.run(main, define_flags)
