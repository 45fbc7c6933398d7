"""How far a step moves each layer: a network that starves, or that is thrown about, is seen in the first epoch."""

import os

import keras
import numpy as np

from data_pipeline.common import json_file
from data_pipeline.common.files import StrPath, write_json
from keras_apn.adversarial.model import AdversarialPoseNet

FILE = "updates.json"
# Of the file: the epoch, and by network the layers' ratios.
Kept = dict[str, int | dict[str, float]]


class LayerUpdates(keras.callbacks.Callback):
    """Measures the last step of each epoch: by layer, the norm of what it added to the kernel over the kernel's norm.

    About 1e-3 is usual where a network learns; the paper's learning rate of 2.5e-4 under RMSProp gives each weight
    steps of about that size, whatever its gradient. Logs by network ("g", "p", "c") the median over the layers,
    `update_g`, and that of the layer that moves least, `update_g_least`; keeps those of all layers in the workdir's
    `layer_updates.json`. Comes before all callbacks that save something.

    Args:
        workdir: an existing folder.
    """

    def __init__(self, workdir: StrPath) -> None:
        super().__init__()
        self.path = os.path.join(workdir, FILE)
        self.before: dict[str, dict[str, np.ndarray]] | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.epoch, self.before = epoch, None

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if batch == self.params["steps"] - 1:
            self.before = kernels(self.model)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if self.before is not None:
            write_json(self.path, {"epoch": self.epoch + 1, **ratios(self.before, kernels(self.model))})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        # From the file: a run that was stopped in its validation ends the epoch without a step.
        if not os.path.exists(self.path):
            return
        kept = json_file.read(self.path, Kept, way="delete it", not_finite=True)
        if kept.pop("epoch", None) == epoch + 1:
            for key, layers in kept.items():
                logs[f"update_{key}"] = float(np.median(list(layers.values())))
                logs[f"update_{key}_least"] = min(layers.values())


def kernels(model: AdversarialPoseNet) -> dict[str, dict[str, np.ndarray]]:
    """Copies of what the layers of an `AdversarialPoseNet` multiply by: dicts of arrays, by network and layer.

    Biases and batch norms are left out: they start at 0 or 1, so that a ratio would say nothing.
    """
    return {
        key: {layer.name: np.array(layer.kernel.numpy()) for layer in _layers(network) if hasattr(layer, "kernel")}
        for key, network in model.networks.by_key.items()
    }


def ratios(
    before: dict[str, dict[str, np.ndarray]], after: dict[str, dict[str, np.ndarray]]
) -> dict[str, dict[str, float]]:
    """By network and layer the norm of the difference of two `kernels` over that of the first."""
    return {
        key: {name: _norm(after[key][name] - kernel) / max(_norm(kernel), 1e-30) for name, kernel in layers.items()}
        for key, layers in before.items()
    }


def _norm(array):
    return float(np.linalg.norm(array))


def _layers(network):
    """The layers of a network and of the networks within it."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer
