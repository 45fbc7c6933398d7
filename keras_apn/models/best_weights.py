"""The best weights of a run, `best/<network>.weights.h5` in its workdir: what every other program loads.

Keras 2 and 3 lay these files out differently, so a run's belong to its lane. `best/<network>.weights.npz` is for both:
the weights of models that are shipped (BUILD_NOTES 50).
"""

import contextlib
import os
from collections.abc import Callable

import keras
import numpy as np

from data_pipeline.common.files import StrPath

FOLDER = "best"
# What was fitted to P's weights, and is gone with them.
CALIBRATION = "calibration.json"
PORTABLE = ".weights.npz"


def path(workdir: StrPath, network: str) -> str:
    """Where a workdir keeps the best weights of a network, by its name in `checkpoints.networks`."""
    return os.path.join(workdir, FOLDER, f"{network}.weights.h5")


def find(workdir: StrPath, network: str) -> str | None:
    """The file that holds the best weights of a network, a run's own or portable ones; None where there is none."""
    own = path(workdir, network)
    portable = own.replace(".weights.h5", PORTABLE)
    return next((name for name in (own, portable) if os.path.exists(name)), None)


def save(
    workdir: StrPath,
    networks: dict[str, keras.Model],
    generator_weights: Callable[[], contextlib.AbstractContextManager] = contextlib.nullcontext,
    portable: bool = False,
) -> None:
    """Writes the weights of networks; each file is replaced when it is whole, and what was fitted to the old is gone.

    Args:
        workdir: an existing folder.
        networks: a dict of networks by name.
        generator_weights: gives a context in which G has the weights that are best, as its moving average.
        portable: write files that both lanes read.
    """
    os.makedirs(os.path.join(workdir, FOLDER), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(workdir, FOLDER, CALIBRATION))
    with generator_weights():
        for name, network in networks.items():
            own = path(workdir, name)
            partial = own.replace(".weights.h5", ".partial.weights.h5")
            if portable:
                own, partial = (file.replace(".weights.h5", PORTABLE) for file in (own, partial))
                np.savez_compressed(partial, **{key: weight for _, named in _layers(network) for key, weight in named})
            else:
                network.save_weights(partial)
            os.replace(partial, own)


def load(network: keras.Model, file: str) -> None:
    """Puts weights from a file that `find` found into a network.

    Raises:
        OSError, ValueError, KeyError: it cannot be read, or is of another network.
    """
    if not file.endswith(PORTABLE):
        network.load_weights(file)
        return
    with np.load(file) as arrays:
        for layer, named in _layers(network):
            layer.set_weights([arrays[key] for key, _ in named])


def _layers(network, within=""):
    """`(layer, [(key, array)])` of a network's layers that have weights, those of networks within it too."""
    for layer in network.layers:
        name = f"{within}{layer.name}"
        if isinstance(layer, keras.Model):
            yield from _layers(layer, f"{name}/")
        elif layer.weights:
            yield layer, [(f"{name}/{n}", weight) for n, weight in enumerate(layer.get_weights())]
