"""The best weights of a run: `best/<network>.weights.h5` in its workdir, what every other program loads."""

import contextlib
import os

FOLDER = "best"


def path(workdir, network):
    """Where a workdir keeps the best weights of a network, by its name in `checkpoints.networks`."""
    return os.path.join(workdir, FOLDER, f"{network}.weights.h5")


def save(workdir, networks, generator_weights=contextlib.nullcontext):
    """Writes the weights of networks; each file is replaced when it is whole.

    Args:
        workdir: an existing folder.
        networks: a dict of networks by name.
        generator_weights: gives a context in which G has the weights that are best, as its moving average.
    """
    os.makedirs(os.path.join(workdir, FOLDER), exist_ok=True)
    with generator_weights():
        for name, network in networks.items():
            partial = path(workdir, name).replace(".weights.h5", ".partial.weights.h5")
            network.save_weights(partial)
            os.replace(partial, path(workdir, name))
