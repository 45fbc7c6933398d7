"""Kills a training at random moments and starts it again until it is done: `python -m benchmarks.kills --kills=20`.

A small run on synthetic people, once to its end and once killed by SIGKILL, as by a power cut; then all that training
moves is compared, bit by bit. Exit code 1 where the two differ.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import numpy as np
import tensorflow as tf
from absl import flags

from data_pipeline.common import program
from data_pipeline.common.files import StrPath
from keras_apn.training import checkpoints

PEOPLE, VALIDATION, PATCH = 40, 8, 56
SETTINGS = (
    "--dataset=synthetic",
    "--crop_size=32",
    "--stacks=1",
    "--features=4",
    "--levels=1",
    "--discriminator_features=4",
    "--batch_size=4",
    "--learning_rate_schedule=cosine",
    "--average_decay=0.99",
    "--panel_epochs=0",
)
# A kill comes up to so many seconds after a new checkpoint.
WAIT = 0.5


def build_records(folder: StrPath) -> None:
    """Records of synthetic people in a folder."""
    command = ["data_pipeline.build_tfrecords", "--dataset=synthetic", f"--limit={PEOPLE}", f"--patch_size={PATCH}"]
    call([*command, f"--validation_people={VALIDATION}", "--shards=2", "--workers=1", f"--output={folder}"])


def call(arguments: Sequence[str]) -> None:
    """Runs a program of this project to its end; raises RuntimeError with what it said where it fails."""
    ended = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {ended.returncode}:\n{ended.stderr}")


def training(records: str, workdir: str, epochs: int, interval: int) -> list[str]:
    """The arguments of a training with a checkpoint every `interval` steps."""
    globs = (f"--train_records={records}/train-*.tfrecord", f"--validation_records={records}/validation-*.tfrecord")
    schedule = (f"--epochs={epochs}", f"--checkpoint_steps={interval}")
    return ["keras_apn.train", *SETTINGS, *globs, *schedule, f"--workdir={workdir}"]


def newest(workdir: StrPath) -> int:
    """The step of a workdir's newest checkpoint; 0 where there is none."""
    folder = os.path.join(workdir, checkpoints.FOLDER)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return max((int(name) for name in names if name.isdecimal()), default=0)


def kill_once(arguments: Sequence[str], workdir: StrPath, rng: random.Random) -> int | None:
    """Starts a training and kills it soon after its next checkpoint.

    Returns:
        The newest checkpoint's step at the kill; None where it had come to its end.
    """
    before = newest(workdir)
    process = subprocess.Popen([sys.executable, "-m", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while process.poll() is None and newest(workdir) == before:
        time.sleep(0.01)
    time.sleep(rng.uniform(0, WAIT))
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    errors = process.communicate()[1].decode()
    if process.returncode == 0:
        return None
    if process.returncode != -signal.SIGKILL:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{errors}")
    return newest(workdir)


def everything(workdir: StrPath) -> dict[str, np.ndarray]:
    """All that the newest checkpoint holds, by name."""
    reader = tf.train.load_checkpoint(os.path.join(workdir, checkpoints.FOLDER, str(newest(workdir)), checkpoints.NAME))
    # The graph of objects names Python's own, in no fixed order.
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name}


def same(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> bool:
    """Whether two checkpoints hold the same names and the same bits."""
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def compare(
    folder: StrPath,
    kills: int,
    epochs: int,
    interval: int,
    seed: int = 0,
    tell: Callable[[str], Any] = lambda line: None,
) -> tuple[bool, list[int]]:
    """Trains once uninterrupted and once killed.

    Args:
        folder: an empty folder.
        kills: how often; fewer where the training ends before.
        epochs, interval: of the training.
        seed: of the moments.
        tell: is given a line for each kill.

    Returns:
        `(equal, killed)`: whether both end with the same bits, and the steps of the newest checkpoint at each kill.
    """
    records, whole, torn = (os.path.join(folder, name) for name in ("records", "whole", "torn"))
    build_records(records)
    call(training(records, whole, epochs, interval))
    rng, killed, arguments = random.Random(seed), [], training(records, torn, epochs, interval)
    while len(killed) < kills:
        step = kill_once(arguments, torn, rng)
        if step is None:
            break
        killed.append(step)
        tell(f"kill {len(killed)}: newest checkpoint at step {step}")
    call(arguments)
    return same(everything(whole), everything(torn)), killed


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_integer("kills", 20, "how often the training is killed", lower_bound=1)
    flags.DEFINE_integer("epochs", 60, "of the training, eight steps each", lower_bound=1)
    flags.DEFINE_integer("interval", 1, "steps between checkpoints", lower_bound=1)
    flags.DEFINE_integer("seed", 0, "of the moments")


def main(values: flags.FlagValues) -> int:
    """Trains, kills, compares and tells."""
    with tempfile.TemporaryDirectory() as folder:
        equal, killed = compare(folder, values.kills, values.epochs, values.interval, values.seed, print)
    print(
        f"{len(killed)} kills; the weights, optimizers and averages are {'equal to the bit' if equal else 'DIFFERENT'}"
    )
    return 0 if equal else 1


if __name__ == "__main__":
    program.run(main, define_flags)
