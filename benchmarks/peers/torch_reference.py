"""G's training step in PyTorch, equal to `generator_only`'s, to compare with: `measure`, by `clock.apart`.

The same residual modules, stacks, heads, loss and optimizer. The image and the targets are there already, where
TensorFlow's step cuts and draws them from patches. PyTorch is no requirement of the project: nothing else imports this.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks import clock, presets
from data_pipeline.skeleton import NUM_JOINTS
from export.timing.latency import memory
from keras_apn.config import Config, ModelConfig

LAYOUTS = {"channels_last": torch.channels_last, "channels_first": torch.contiguous_format}


def norm_relu(channels: int) -> list[nn.Module]:
    """Batch norm, then ReLU: a list of modules."""
    return [nn.BatchNorm2d(channels, eps=1e-5, momentum=0.1), nn.ReLU(inplace=True)]


class Residual(nn.Module):
    """`keras_apn.models.blocks.residual`."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        half = filters // 2
        self.body = nn.Sequential(
            *norm_relu(channels),
            nn.Conv2d(channels, half, 1),
            *norm_relu(half),
            nn.Conv2d(half, half, 3, padding=1),
            *norm_relu(half),
            nn.Conv2d(half, filters, 1),
        )
        self.skip = nn.Identity() if channels == filters else nn.Conv2d(channels, filters, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.skip(x) + self.body(x)


class EncoderDecoder(nn.Module):
    """`keras_apn.models.blocks.encoder_decoder`."""

    def __init__(self, features: int, levels: int) -> None:
        super().__init__()
        self.skips, self.downs, self.ups = (
            nn.ModuleList(Residual(features, features) for _ in range(levels)) for _ in range(3)
        )
        self.bottom = Residual(features, features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for skip, down in zip(self.skips, self.downs, strict=True):
            skips.append(skip(x))
            x = down(functional.max_pool2d(x, 2))
        x = self.bottom(x)
        for up in self.ups:
            x = functional.interpolate(up(x), scale_factor=2, mode="nearest") + skips.pop()
        return x


class Head(nn.Module):
    """One task's branch of `keras_apn.models.generator`, and what it hands to the next stack."""

    def __init__(self, features: int, last: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            Residual(features, features), nn.Conv2d(features, features, 1), *norm_relu(features)
        )
        self.maps = nn.Conv2d(features, NUM_JOINTS, 1)
        nn.init.normal_(self.maps.weight, std=1e-3)
        self.onward = None if last else nn.Conv2d(features, features, 1)
        self.feedback = None if last else nn.Conv2d(NUM_JOINTS, features, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        branch = self.branch(x)
        maps = self.maps(branch)
        return maps, None if self.onward is None else self.onward(branch) + self.feedback(maps)


class Generator(nn.Module):
    """G of a `config.ModelConfig`: [B, 3, S, S] images to a list of [B, 16, S / 4, S / 4] heatmaps."""

    def __init__(self, model: ModelConfig) -> None:
        super().__init__()
        features, stacks = model.features, model.stacks
        narrow, middle = min(64, features // 2), min(128, features)
        self.stem = nn.Sequential(
            nn.Conv2d(3, narrow, 7, stride=2, padding=3),
            *norm_relu(narrow),
            Residual(narrow, middle),
            nn.MaxPool2d(2),
            Residual(middle, middle),
            Residual(middle, features),
        )
        self.bodies = nn.ModuleList(EncoderDecoder(features, model.levels) for _ in range(stacks))
        tasks = 1 if model.single_task else 2
        self.heads = nn.ModuleList(
            nn.ModuleList(Head(features, last=n == stacks - 1) for _ in range(tasks)) for n in range(stacks)
        )

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        stem = x = self.stem(image)
        outputs = []
        for body, heads in zip(self.bodies, self.heads, strict=True):
            seen = body(x)
            found = [head(seen) for head in heads]
            outputs += [maps for maps, _ in found]
            x = stem + sum(onward for _, onward in found) if found[0][1] is not None else None
        return outputs


def trainer(config: Config, batch_size: int, layout: str) -> tuple[Generator, Callable[[], torch.Tensor]]:
    """G and its step.

    Args:
        config: a `keras_apn.config.Config`.
        batch_size: people in a batch.
        layout: of `LAYOUTS`.

    Returns:
        `(generator, step)`; `step()` moves G once on a fixed random batch and returns the loss.
    """
    torch.manual_seed(0)
    generator = Generator(config.model).to(memory_format=LAYOUTS[layout])
    optimizer = _optimizer(generator, config.training)
    rng, side, joints = np.random.default_rng(0), config.model.crop_size, (batch_size, NUM_JOINTS)
    image = torch.from_numpy(rng.random((batch_size, 3, side, side), np.float32)).to(memory_format=LAYOUTS[layout])
    true = torch.from_numpy(rng.random((*joints, side // 4, side // 4), np.float32) ** 20)
    annotated = torch.from_numpy((rng.random(joints) < 0.9).astype(np.float32))
    weights = 1 + config.training.foreground_weight * true if config.training.foreground_weight else None

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = sum(_heatmap_loss(maps, true, annotated, weights) for maps in generator(image))
        loss.backward()
        optimizer.step()
        return loss.item()

    return generator, step


def _optimizer(generator, training):
    """`keras_apn.optimization.optimizers.configured`."""
    if training.optimizer == "adam":
        return torch.optim.Adam(generator.parameters(), lr=training.learning_rate)
    return torch.optim.RMSprop(generator.parameters(), lr=training.learning_rate, alpha=0.99, eps=1e-8)


def _heatmap_loss(predicted, true, annotated, weights):
    """`keras_apn.adversarial.losses.heatmap_loss`."""
    error = torch.square(predicted - true)
    if weights is not None:
        error = error * weights
    total = (error.sum(dim=(2, 3)) * annotated).sum()
    return total / (true.shape[2] * true.shape[3] * annotated.sum().clamp(min=1))


def measure(preset: str, batch: int, layout: str, threads: int, steps: int) -> dict[str, Any]:
    """Builds G and times its steps, in this process.

    Args:
        preset: of `presets.PRESETS`.
        batch: people in a batch.
        layout: of images in memory, from `LAYOUTS`.
        threads: that PyTorch may use.
        steps: that are timed.

    Returns:
        What `fit_step.measure` does but `gflop` and `weights`, and: `parameters`, those that are trained, and
        `statistics`, batch norm's.
    """
    torch.set_num_threads(threads)
    config, imported = presets.config(preset, "generator_only"), memory()[0]
    start, logged = time.perf_counter(), {}
    generator, step = trainer(config, batch, layout)
    build_s = time.perf_counter() - start

    def run():
        logged["loss"] = step()

    timed = clock.timed(run, steps)
    return {
        "build_s": build_s,
        **timed,
        "imported_mb": imported,
        "peak_mb": memory()[1],
        "parameters": sum(values.numel() for values in generator.parameters()),
        "statistics": sum(values.numel() for values in generator.buffers() if values.ndim),
        **logged,
    }


if __name__ == "__main__":
    clock.answer(measure)
