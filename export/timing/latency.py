"""How fast one model is and how much memory it takes, in a process of its own: `measure`, which `benchmark` starts.

Nothing is imported before it is known what is to run: LiteRT and ONNX Runtime are measured without TensorFlow.
"""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

# What must be imported to run each format, and what of it runs a model.
IMPORTS = {
    "keras": ("data_pipeline.common.tensorflow_setup", "keras_apn.inference.pose_estimator"),
    "saved_model": ("data_pipeline.common.tensorflow_setup", "keras_apn.inference.runtimes"),
    "tflite": ("keras_apn.inference.runtimes", "ai_edge_litert.interpreter"),
    "onnx": ("keras_apn.inference.runtimes", "onnxruntime"),
}
PERCENTILES = (50, 90, 99)
# A measurement is warmed up for this share of its time, and holds so many calls at least.
WARM_UP, LEAST_CALLS = 0.25, 5


class Keras:
    """A run's G as one graph of TensorFlow, behind the interface of `keras_apn.inference.runtimes`."""

    def __init__(self, workdir: StrPath, flip: bool) -> None:
        import tensorflow as tf

        from keras_apn.inference import pose_estimator

        estimator = pose_estimator.from_workdir(workdir, flip)
        heatmaps = tf.function(estimator.heatmaps, reduce_retracing=True)
        self.functions = {"joints": pose_estimator.Compiled(estimator).joints_in_crop, "pose": heatmaps}
        self.crop_size, self.constant = estimator.crop_size, tf.constant

    def taken(self, crops: np.ndarray, answer: str) -> Any:
        """Crops as a tensor."""
        return self.constant(crops)

    def run(self, values: Any, answer: str) -> dict[str, np.ndarray]:
        """One call of the graph."""
        return {name: found.numpy() for name, found in self.functions[answer](values).items()}


def apart(**arguments: Any) -> dict[str, Any]:
    """`measure` in a fresh process.

    Raises:
        UserError: the model cannot be run, for a reason that the user can mend.
        RuntimeError: the process failed otherwise; holds what it said.
    """
    command = [sys.executable, "-m", "export.timing.latency", json.dumps(arguments)]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode == program.USER_MISTAKE:
        raise UserError(ended.stderr.strip().splitlines()[-1].removeprefix("error: "))
    if ended.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
    return json.loads(ended.stdout.splitlines()[-1])


def measure(
    kind: str, path: StrPath, answer: str, threads: int, batches: Sequence[int], seconds: float, flip: bool = False
) -> dict[str, Any]:
    """Loads a model and times it, in this process, which should have done nothing else.

    Args:
        kind: of `IMPORTS`.
        path: of the export; of the workdir for `keras`.
        answer: `joints` or `pose`.
        threads: that it may use.
        batches: sizes.
        seconds: how long each of them is timed, after a warm-up.
        flip: of `keras` alone: average with the mirrored crop.

    Returns:
        A dict that goes into JSON: `import_s`; `load_s` and `first_s`, from the imports to the model and from an input
        to the first answer, for the first of the batches; `imported_mb`, the process's memory before the model is
        loaded; and `batches`, a list of dicts: `batch`, what `summary` gives and `peak_mb`, the most memory until then.
    """
    start = time.perf_counter()
    prepare(kind, threads)
    import_s, imported_mb = time.perf_counter() - start, memory()[0]
    start = time.perf_counter()
    model = load(kind, path, threads, flip)
    load_s, first_s, timed = time.perf_counter() - start, None, []
    for batch in batches:
        crops = np.random.default_rng(0).integers(0, 256, (batch, model.crop_size, model.crop_size, 3)) / 255
        values = model.taken(crops.astype(np.float32), answer)
        start = time.perf_counter()
        model.run(values, answer)
        first_s = first_s or time.perf_counter() - start
        spent = latencies(model, values, answer, seconds)
        timed.append({"batch": batch, **summary(spent, batch), "peak_mb": memory()[1]})
    return {"import_s": import_s, "load_s": load_s, "first_s": first_s, "imported_mb": imported_mb, "batches": timed}


def prepare(kind: str, threads: int) -> None:
    """Imports what runs a format; TensorFlow gets its threads and only the CPU, like the others."""
    for name in IMPORTS[kind]:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            if name != "ai_edge_litert.interpreter":  # TensorFlow has an interpreter too.
                raise
            importlib.import_module("data_pipeline.common.tensorflow_setup")
    if "tensorflow" in sys.modules:
        import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def load(kind: str, path: StrPath, threads: int, flip: bool = False) -> Any:
    """The model, with its threads where they are not those of the process."""
    if kind == "keras":
        return Keras(path, flip)
    from keras_apn.inference import runtimes

    if kind == "saved_model":
        return runtimes.SavedModel(path)
    return {"tflite": runtimes.TFLite, "onnx": runtimes.ONNX}[kind](path, threads)


def latencies(model: Any, values: Any, answer: str, seconds: float) -> list[float]:
    """Seconds of each call, for `seconds` after a warm-up."""
    until = time.perf_counter() + WARM_UP * seconds
    while time.perf_counter() < until:
        model.run(values, answer)
    spent, until = [], time.perf_counter() + seconds
    while len(spent) < LEAST_CALLS or time.perf_counter() < until:
        start = time.perf_counter()
        model.run(values, answer)
        spent.append(time.perf_counter() - start)
    return spent


def summary(spent: Sequence[float], batch: int) -> dict[str, float]:
    """Percentiles of calls of a batch.

    Args:
        spent: seconds of each call.
        batch: images in a call.

    Returns:
        A dict: `p50_ms`, `p90_ms`, `p99_ms`, `images_per_s` and `calls`.
    """
    percentiles = np.percentile(1000 * np.asarray(spent), PERCENTILES)
    return {
        **{f"p{percent}_ms": float(value) for percent, value in zip(PERCENTILES, percentiles, strict=True)},
        "images_per_s": batch * len(spent) / sum(spent),
        "calls": len(spent),
    }


def memory() -> tuple[float, float]:
    """This process's resident memory now and at its most, `(now, peak)` in MB; Linux alone tells."""
    with open("/proc/self/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    now, peak = (int(fields[name].split()[0]) * 1024 / 1e6 for name in ("VmRSS", "VmHWM"))
    return now, peak


def main(argument: str) -> None:
    """Measures what the JSON argument says and prints what was measured as JSON."""
    print(json.dumps(measure(**json.loads(argument))))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except UserError as error:
        sys.exit(program.fail(error))
