"""What a training takes on a GPU, by arithmetic: `python -m benchmarks.plans.gpu --flagfile=mpii.flags --features=256`.

Counts the operations of a step for one image (`benchmarks/arithmetic.py`) and the numbers that it keeps for its
gradients, and says by these the images a second at a share of the chip's peak, the hours of the whole training, and the
memory by size of batch. Takes the flags of `keras_apn.train`. Nothing is run: where a GPU is, `python -m
benchmarks.train_step` measures a step.
"""

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import math
from typing import Any

import keras
from absl import flags

from benchmarks import arithmetic
from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json
from data_pipeline.geometry import PATCH_RATIO
from keras_apn import config as configuration
from keras_apn import config_flags
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.training.build import build_model

# Dense products of an H100 SXM by NVIDIA's data sheet, TFLOP/s; XLA and cuDNN reach a part of it.
PEAKS = {"float32": 66.9, "tf32": 494.7, "bfloat16": 989.4}
BYTES = {"float32": 4, "tf32": 4, "bfloat16": 2}
# Weights, gradients, and the two arrays that either optimizer keeps for each weight.
ARRAYS = 4
# By their class, layers whose outputs the backward pass does not ask for: those behind them keep their own.
PASSED = ("InputLayer", "BatchNormalization", "Apart", "Reshape", "Concatenate")


def kept(network: keras.Model) -> int:
    """Numbers that a network's forward keeps for its gradient, for one image; those of the networks within it too.

    What convolutions, sums and activations give is kept. What a batch norm gives is not: the activation behind it keeps
    its own result, by which it knows its gradient.
    """
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            total += kept(layer)
        elif type(layer).__name__ not in PASSED and hasattr(layer.output, "shape"):
            total += math.prod(layer.output.shape[1:])
    return total


def memory(model: AdversarialPoseNet, batch: int, bytes_each: int) -> dict[str, float]:
    """GB that a step holds: `weights` with their gradients and the optimizers' state, and `kept` for the backward.

    P and C each judge true and fake maps. Patches and crops are in `kept`; cuDNN's workspace and what the allocator
    loses by fragments are not.
    """
    networks = model.networks.by_key.items()
    numbers = sum(network.count_params() for _, network in networks)
    activations = sum(kept(network) * (1 if key == "g" else 2) for key, network in networks)
    side = model.crop_size
    pixels = 3 * round(PATCH_RATIO * side) ** 2 + 3 * 4 * side**2
    return {
        "weights": ARRAYS * 4 * numbers / 1e9,
        "kept": batch * (bytes_each * activations + pixels) / 1e9,
    }


def expected(
    model: AdversarialPoseNet,
    training: configuration.TrainingConfig,
    people: int,
    share: float,
    peaks: dict[str, float],
) -> dict[str, dict[str, float]]:
    """By kind of arithmetic the images a second and the hours of all epochs, at a share of a chip's peak.

    Args:
        model: the compiled model, whose operations are counted.
        training: its `config.TrainingConfig`.
        people: of an epoch.
        share: of the peak that the networks' products reach, above 0.
        peaks: TFLOP/s by kind of arithmetic.
    """
    operations = sum(arithmetic.step(model).values())
    found = {}
    for kind, peak in peaks.items():
        images_s = share * peak * 1e12 / operations
        found[kind] = {"images_s": images_s, "hours": people * training.epochs / images_s / 3600}
    return found


def report(found: dict[str, Any]) -> str:
    """The expectations as text."""
    lines = [
        f"{found['gflop']:.1f} GFLOP an image and step, {found['parameters'] / 1e6:.1f} M parameters",
        f"{'arithmetic':<10} {'peak':>7} {'images/s':>9} {'hours':>7}   at {100 * found['share']:.0f} % of the peak, "
        f"{found['epochs']} epochs of {found['people']:,} people",
    ]
    for kind, row in found["expected"].items():
        lines.append(f"{kind:<10} {PEAKS[kind]:7.1f} {row['images_s']:9.0f} {row['hours']:7.1f}")
    batches = list(next(iter(found["memory"].values())))
    lines.append(f"{'GB':<10} " + " ".join(f"{'batch ' + str(batch):>10}" for batch in batches))
    for kind, rows in found["memory"].items():
        lines.append(f"{kind:<10} " + " ".join(f"{sum(row.values()):10.1f}" for row in rows.values()))
    return "\n".join(lines)


def define_flags() -> None:
    """The program's flags: those of training, and what is asked."""
    config_flags.define_flags()
    flags.DEFINE_string("workdir", "", "not used; flag files of training name it")
    flags.DEFINE_integer("people", 22246, "of an epoch (MPII's training split)", lower_bound=1)
    flags.DEFINE_float("share", 0.35, "of the peak that the networks' products reach", lower_bound=0.001)
    flags.DEFINE_list("batches", ["16", "32", "64", "128"], "sizes of batches whose memory is told")
    flags.DEFINE_string("json", None, "a file to write the expectations to")


def main(values: flags.FlagValues) -> None:
    """Builds the networks, counts and tells."""
    if not all(batch.isdecimal() and int(batch) for batch in values.batches):
        raise UserError(f"--batches must be whole numbers of at least 1. Received: {','.join(values.batches)}")
    config = config_flags.from_flags(values)
    model = build_model(config, steps_per_epoch=1000)
    found = {
        "gflop": sum(arithmetic.step(model).values()) / 1e9,
        "parameters": sum(network.count_params() for network in model.networks.by_key.values()),
        "share": values.share,
        "epochs": config.training.epochs,
        "people": values.people,
        "expected": expected(model, config.training, values.people, values.share, PEAKS),
        "memory": {
            kind: {int(batch): memory(model, int(batch), size) for batch in values.batches}
            for kind, size in BYTES.items()
            if kind != "tf32"
        },
    }
    print(report(found))
    if values.json:
        write_json(values.json, found)


if __name__ == "__main__":
    program.run(main, define_flags)
