"""G: a stack of hourglasses that predicts pose and occlusion heatmaps together (Section 2.1, Figure 3)."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_apn.config import HEADS
from keras_apn.models import blocks

# With Keras's default the first losses are five orders of magnitude too large (BUILD_NOTES 7).
HEAD_STDDEV = 1e-3
# What `with_context` calls the features that it adds.
CONTEXT = "context"


def build_generator(
    *,
    crop_size: int = 256,
    stacks: int = 4,
    features: int = 512,
    levels: int = 4,
    occlusion: bool = True,
    head: str = "wide",
    joints: int = 16,
) -> keras.Model:
    """Builds G.

    Args:
        crop_size: side of the square input in pixels; a quarter of it can be halved `levels` times.
        stacks: number of hourglasses, at least 1.
        features: channels of every residual module behind the stem.
        levels: how often each hourglass halves its resolution.
        occlusion: predict occlusion maps too; False is the paper's single-task ablation.
        head: one of `HEADS`: to how many channels the first of a branch's two 1x1 convolutions brings it, `wide` for
            `features`, `joints` for the number of joints, as Section 2.1 has it (BUILD_NOTES 48).
        joints: number of joints, at least 1.

    Returns:
        A functional `keras.Model`: `image` [B, crop_size, crop_size, 3] float32 within 0 and 1 to a dict of
        `stack1_pose`, `stack1_occlusion`, `stack2_pose`, ... each [B, crop_size / 4, crop_size / 4, joints] float32.

    Raises:
        ValueError: a size that cannot be built, or no such head.
    """
    if stacks < 1:
        raise ValueError(f"`stacks` must be at least 1. Received: stacks={stacks}")
    if joints < 1:
        raise ValueError(f"`joints` must be at least 1. Received: joints={joints}")
    if head not in HEADS:
        raise ValueError(f"`head` must be one of {HEADS}. Received: head={head}")
    check_size(crop_size, levels)
    image = keras.Input((crop_size, crop_size, 3), name="image")
    stem = x = blocks.image_stem(image, features, name="stem")
    outputs = {}
    for n in range(1, stacks + 1):
        body = blocks.encoder_decoder(x, levels, name=f"stack{n}")
        if n < stacks:
            stem = blocks.Apart(name=f"stack{n}_stem")(stem)
            merged = [stem]
        for task in tasks(occlusion):
            branch, maps = _head(body, features, head, joints, name=f"stack{n}_{task}")
            outputs[f"stack{n}_{task}"] = maps
            if n < stacks:
                merged.append(blocks.conv(branch, features, name=f"stack{n}_{task}_features"))
                merged.append(blocks.conv(maps, features, name=f"stack{n}_{task}_feedback"))
        if n < stacks:
            x = keras.layers.Add(name=f"stack{n}_merge")(merged)
    return keras.Model(image, outputs, name="generator")


def last_stack(generator: keras.Model) -> int:
    """How many stacks a G has."""
    return sum(name.endswith("_pose") for name in generator.output)


def by_stack(maps: dict[str, Any], tasks: Sequence[str]) -> list[dict[str, Any]]:
    """G's dict of outputs as a list of one dict a stack: `[{"pose": ..., "occlusion": ...}, ...]`, of these tasks."""
    return [{task: maps[f"stack{n + 1}_{task}"] for task in tasks} for n in range(len(maps) // len(tasks))]


def last_outputs(generator: keras.Model) -> dict[str, str]:
    """The names of the last stack's outputs of a G, by task: `{"pose": "stack4_pose", ...}`."""
    stacks = last_stack(generator)
    return {task: f"stack{stacks}_{task}" for task in tasks(len(generator.output) > stacks)}


def context_layer(generator: keras.Model) -> keras.layers.Layer:
    """The layer of a G whose output P sees of the image: the last hourglass's features, before its two heads."""
    return generator.get_layer(f"stack{last_stack(generator)}_up1_merge")


def with_context(generator: keras.Model) -> keras.Model:
    """A G that gives its `context_layer`'s features [B, H, W, features] too, as `CONTEXT`; it shares the layers."""
    outputs = {**generator.output, CONTEXT: context_layer(generator).output}
    return keras.Model(generator.input, outputs, name="generator_with_context")


def tasks(occlusion: bool) -> tuple[str, ...]:
    """The kinds of heatmap that G predicts."""
    return ("pose", "occlusion") if occlusion else ("pose",)


def check_size(crop_size: int, levels: int) -> None:
    """Raises ValueError unless a quarter of the crop can be halved `levels` times."""
    if levels < 1 or crop_size < 4 or crop_size % (4 * 2**levels):
        raise ValueError(
            f"`crop_size` must be a multiple of 4 * 2**levels, and `levels` at least 1. "
            f"Received: crop_size={crop_size}, levels={levels}"
        )


def _head(x, features, head, joints, *, name):
    """One task's branch: its features for the next stack, and heatmaps from two 1x1 convolutions, the last linear."""
    x = branch = blocks.residual(x, features, name=f"{name}_res")
    x = blocks.norm_relu(blocks.conv(x, features if head == "wide" else joints, name=name), name=name)
    maps = blocks.conv(x, joints, name=f"{name}_maps", stddev=HEAD_STDDEV)
    # Heatmaps and their losses stay in float32 under mixed precision.
    maps = keras.layers.Activation("linear", dtype="float32", name=f"{name}_float32")(maps)
    return x if head == "wide" else branch, maps
