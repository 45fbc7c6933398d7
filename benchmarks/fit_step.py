"""One training step as `training.loop` runs it, timed on a batch of patches in memory: `measure`, by `clock.apart`."""

from collections.abc import Callable
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import hashlib
import time

import numpy as np
import tensorflow as tf

from benchmarks import arithmetic, clock, presets
from data_pipeline.geometry import PATCH_RATIO
from data_pipeline.skeleton import NUM_JOINTS
from export.timing.latency import memory
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.training.build import build_model


def patches(crop_size: int, batch_size: int, seed: int = 0) -> dict[str, tf.Tensor]:
    """A batch as `dataset.load` gives it, but random: noise, joints anywhere, one in ten not annotated."""
    rng = np.random.default_rng(seed)
    side = round(PATCH_RATIO * crop_size)
    return {
        "patch": tf.constant(rng.integers(0, 256, (batch_size, side, side, 3)), tf.uint8),
        "joints_patch": tf.constant(rng.uniform(0, side - 1, (batch_size, NUM_JOINTS, 2)), tf.float32),
        "annotated": tf.constant(rng.random((batch_size, NUM_JOINTS)) < 0.9),
        "visible": tf.constant(rng.random((batch_size, NUM_JOINTS)) < 0.8),
        "head_size_patch": tf.fill([batch_size], np.float32(side / 10)),
    }


def fitted(model: AdversarialPoseNet, batch: dict[str, tf.Tensor]) -> Callable[[], dict[str, tf.Tensor]]:
    """The step that `training.loop` would run on that batch, a function to the tensors that it logs."""
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    return lambda: model.step_everywhere(batches)


def measure(
    preset: str, mode: str, batch: int, precision: str, xla: bool, recompute: bool, threads: int, steps: int
) -> dict[str, Any]:
    """Builds a model and times its steps, in this process, which should have done nothing else.

    Args:
        preset, mode, precision, xla, recompute: of `presets.config`.
        batch: people in a batch.
        threads: that TensorFlow may use for one operation, and for operations side by side.
        steps: that are timed.

    Returns:
        A dict that goes into JSON: what `clock.timed` gives; `build_s`, to make networks and optimizers;
        `imported_mb` and `peak_mb`, the process's memory before the model is made and at its most; `gflop`, 10^9
        operations a step, those that are done again not counted; `loss`, of the last; `weights`, a digest of all
        networks' behind it.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    config, imported = presets.config(preset, mode, precision, xla, recompute), memory()[0]
    start, logged = time.perf_counter(), {}
    model = build_model(config, steps_per_epoch=1000)
    build_s = time.perf_counter() - start
    run = fitted(model, patches(config.model.crop_size, batch))

    def step():
        # As a number: accelerators work behind Python's back, and reading waits for them.
        logged["loss"] = float(run()["loss"])

    timed = clock.timed(step, steps)
    return {
        "build_s": build_s,
        **timed,
        "imported_mb": imported,
        "peak_mb": memory()[1],
        "gflop": batch * sum(arithmetic.step(model).values()) / 1e9,
        **logged,
        "weights": digest(model),
    }


def digest(model: AdversarialPoseNet) -> str:
    """A text that is the same only where all weights of a model's networks are, to the bit."""
    found = hashlib.sha256()
    for network in model.networks.by_key.values():
        for weight in network.get_weights():
            found.update(weight.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    clock.answer(measure)
