"""What the step over replicas costs on one device: `python -m benchmarks.strategies --preset=demo --batch=16`.

The same training without a strategy, and over the one replica of MirroredStrategy and of MultiWorkerMirroredStrategy
with a single worker. All are in one process and take turns, step by step, as machines drift. Of each the median step,
by the clock and by the processor's time on all threads, and the medians over those of no strategy. What several devices
tell each other is not in it.
"""

from collections.abc import Callable
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import statistics
import time

import tensorflow as tf
from absl import flags

from benchmarks import fit_step, presets
from data_pipeline.common import program
from data_pipeline.common.files import write_json
from keras_apn.training.build import build_model

PLAIN = "none"


def strategies() -> dict[str, tf.distribute.Strategy]:
    """By their `--distribute`, each with one replica; several workers first, as TensorFlow asks for it."""
    multi_worker = tf.distribute.MultiWorkerMirroredStrategy()
    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU"))[0]
    mirrored = tf.distribute.MirroredStrategy([device.name])
    return {PLAIN: tf.distribute.get_strategy(), "mirrored": mirrored, "multi_worker": multi_worker}


def stepping(strategy: tf.distribute.Strategy, preset: str, mode: str, batch: int) -> Callable[[], float]:
    """A training of `presets.config` over a strategy: a function that takes a step and gives its loss."""
    config = presets.config(preset, mode)
    with strategy.scope():
        model = build_model(config, steps_per_epoch=1000)
    data = tf.data.Dataset.from_tensors(fit_step.patches(config.model.crop_size, batch)).repeat()
    plain = strategy is tf.distribute.get_strategy()
    batches = iter(data if plain else strategy.distribute_datasets_from_function(lambda _: data))

    def step():
        with strategy.scope():
            return float(model.step_everywhere(batches)["loss"])

    return step


def by_turns(steps: dict[str, Callable], rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Takes each step in turn, and gives what each took, `(clock, processor)` in seconds."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            clock, work = time.perf_counter(), time.process_time()
            step()
            taken[name].append((time.perf_counter() - clock, time.process_time() - work))
    return taken


def summary(taken: dict[str, list[tuple[float, float]]]) -> dict[str, dict[str, float]]:
    """By strategy the medians, and their ratios to those without one."""
    medians = {name: [statistics.median(each) for each in zip(*times, strict=True)] for name, times in taken.items()}
    plain = medians[PLAIN]
    return {
        name: {"clock_s": found[0], "processor_s": found[1], "clock": found[0] / plain[0], "work": found[1] / plain[1]}
        for name, found in medians.items()
    }


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("preset", "demo", f"of {', '.join(presets.PRESETS)}")
    flags.DEFINE_string("mode", "joint", f"what a step trains, of {', '.join(presets.MODES)}")
    flags.DEFINE_integer("batch", 16, "people in a batch", lower_bound=1)
    flags.DEFINE_integer("rounds", 20, "steps of each that are timed", lower_bound=1)
    flags.DEFINE_string("json", None, "a file to write the measurements to")


def main(values: flags.FlagValues) -> None:
    """Builds, warms up, measures and tells."""
    told = (values.preset, values.mode, values.batch)
    steps = {name: stepping(strategy, *told) for name, strategy in strategies().items()}
    by_turns(steps, 2)  # Builds the graphs, and lets buffers grow.
    found: dict[str, Any] = summary(by_turns(steps, values.rounds))
    print(f"{'strategy':<14} {'step, s':>8} {'over none':>10} {'processor, s':>13} {'over none':>10}")
    for name, row in found.items():
        print(f"{name:<14} {row['clock_s']:8.4f} {row['clock']:10.3f} {row['processor_s']:13.4f} {row['work']:10.3f}")
    if values.json:
        write_json(values.json, {"command": dict(zip(("preset", "mode", "batch"), told, strict=True)), **found})


if __name__ == "__main__":
    program.run(main, define_flags)
