"""The configurations that training steps are measured at, by name; importing them imports no TensorFlow."""

import dataclasses
from collections.abc import Collection, Iterable
from typing import Any

from data_pipeline.common.errors import UserError
from keras_apn.config import Config, DataConfig, ModelConfig, TrainingConfig

DEMO = TrainingConfig(optimizer="adam", learning_rate=1e-3, foreground_weight=30.0)
# Networks and training. All but the first two are of 256 pixels, with discriminators of 128 features.
PRESETS = {
    "tiny": (ModelConfig(crop_size=32, stacks=1, features=8, levels=2, discriminator_features=8), TrainingConfig()),
    "demo": (ModelConfig(crop_size=96, stacks=2, features=64, levels=3, discriminator_features=32), DEMO),
    "2x256": (ModelConfig(stacks=2, features=256), TrainingConfig()),
    "paper_256": (ModelConfig(features=256), TrainingConfig()),
    "paper": (ModelConfig(), TrainingConfig()),
}
# What a step trains: G by its own loss alone, or all three networks, as `--mode` of training has it.
MODES = ("generator_only", "joint", "alternating")


def config(
    preset: str, mode: str = "joint", precision: str = "float32", xla: bool = False, recompute: bool = False
) -> Config:
    """The configuration of a preset.

    Args:
        preset: of `PRESETS`.
        mode: of `MODES`.
        precision: of `keras_apn.config.PRECISIONS`.
        xla: compile the step by XLA.
        recompute: compute each stack again for its gradient.

    Returns:
        A `keras_apn.config.Config`.

    Raises:
        UserError: no such preset, mode or precision.
    """
    require((preset,), PRESETS, "presets")
    require((mode,), MODES, "modes")
    model, training = PRESETS[preset]
    model = dataclasses.replace(model, discriminators=mode != "generator_only")
    mode = "alternating" if mode == "alternating" else "joint"
    chosen: dict[str, Any] = {"mode": mode, "precision": precision, "xla": xla, "recompute": recompute}
    return Config(model, DataConfig(), dataclasses.replace(training, **chosen))


def require(words: Iterable[str], known: Collection[str], flag: str) -> list[str]:
    """Words as a list, each once; UserError where one is not known or there is none."""
    wrong = [word for word in words if word not in known]
    if wrong or not words:
        raise UserError(f"--{flag} must be of {', '.join(known)}. Received: {','.join(wrong)}")
    return list(dict.fromkeys(words))
