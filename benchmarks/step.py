"""The part of a training step that runs on the accelerator, as one compiled function with its example inputs.

Everything in it has an XLA kernel and everything it needs comes in as an argument, so that it can be timed by itself
and lowered to StableHLO, for machines that have no TensorFlow. `demo`, `paper` and `paper_256` are factories of such
steps, and so is every name that `__getattr__` reads, such as `paper_256_alternating_bfloat16`.
"""

import functools
import re
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks import presets
from data_pipeline.geometry import STRIDE
from data_pipeline.skeleton import NUM_JOINTS
from keras_apn.config import PRECISIONS, Config
from keras_apn.training.build import build_model

INPUTS = ("crop", "joints_heatmap", "annotated", "visible", "head_size_heatmap", "occlusion_known")
BATCH_SIZE = 16
NAME = re.compile(
    rf"({'|'.join(presets.PRESETS)})(?:_({'|'.join(presets.MODES)}))?(?:_({'|'.join(PRECISIONS)}))?(?:_batch([1-9]\d*))?"
)


def __getattr__(name: str) -> Callable:
    """A factory by its name: a preset, then, where they differ, `_<mode>`, `_<precision>` and `_batch<size>`.

    It takes nothing and returns what `compiled` does. Without the rest of the name: joint, float32, 16 people.

    Raises:
        AttributeError: no name of a factory.
    """
    found = NAME.fullmatch(name)
    if not found:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    preset, mode, precision, batch_size = found.groups()
    config = presets.config(preset, mode or "joint", precision or "float32")
    return functools.partial(compiled, config, int(batch_size or BATCH_SIZE))


def example(crop_size: int, batch_size: int, seed: int = 0) -> dict[str, tf.Tensor]:
    """What `augment.make_crops` gives, but random: noise for crops, joints anywhere, one in ten not annotated.

    Of all but the last person it is known which joints are occluded.
    """
    rng = np.random.default_rng(seed)
    size = crop_size // STRIDE
    return {
        "crop": tf.constant(rng.random((batch_size, crop_size, crop_size, 3)), tf.float32),
        "joints_heatmap": tf.constant(rng.uniform(0, size - 1, (batch_size, NUM_JOINTS, 2)), tf.float32),
        "annotated": tf.constant(rng.random((batch_size, NUM_JOINTS)) < 0.9),
        "visible": tf.constant(rng.random((batch_size, NUM_JOINTS)) < 0.8),
        "head_size_heatmap": tf.fill([batch_size], np.float32(size / 10)),
        "occlusion_known": tf.range(batch_size) < max(batch_size - 1, 1),
    }


def compiled(config: Config, batch_size: int) -> tuple[Callable, list[tf.Tensor]]:
    """The step of a configuration, to compile.

    Args:
        config: a `keras_apn.config.Config`.
        batch_size: people in a batch.

    Returns:
        `(function, inputs)`: a `tf.function(jit_compile=True)` that moves the networks by one step and returns the
        scalars that training logs, the losses first, and the list of tensors to call it with. `function.model` is
        the model that it trains.
    """
    model = build_model(config, steps_per_epoch=1000)

    @tf.function(jit_compile=True)
    def step(*inputs):
        logs = model.update(dict(zip(INPUTS, inputs, strict=True)))
        return [logs[name] for name in model.means]

    step.model = model
    drawn = example(config.model.crop_size, batch_size)
    return step, [drawn[name] for name in INPUTS]
