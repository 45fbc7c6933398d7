"""Trains Adversarial PoseNet: `python -m keras_apn.train --flagfile=mpii.flags --workdir=runs/mpii`.

The workdir gets the configuration, checkpoints, the best weights, a history of the epochs and TensorBoard scalars.
Started again in the same workdir, it goes on where it stopped.
"""

import dataclasses
import os
import shlex
import sys

from data_pipeline import quiet  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

import keras
from absl import flags

from data_pipeline import dataset, intact, program
from data_pipeline.errors import UserError
from data_pipeline.geometry import PATCH_RATIO
from keras_apn import config as configuration
from keras_apn import lanes, networks
from keras_apn.callbacks import Checkpoints, Progress
from keras_apn.history import History

# What each data set is called where it is downloaded.
SOURCES = {
    "mpii": "--annotations=mpii_human_pose_v1_u12_1.mat --images=images",
    "lsp": "--annotations=lsp_dataset/joints.mat --images=lsp_dataset/images",
    "lspet": "--annotations=hr-lspet/joints.mat --images=hr-lspet/images",
    "synthetic": "--limit=2000",
}

# What a run may be resumed with, whatever it was begun with.
FREE = {"model": (), "data": ("deterministic", "max_damaged", "data_service"), "training": ("epochs",)}


def find_records(config, pattern):
    """The shards of a glob; where there are none, a UserError with the command that builds them."""
    dataset_name, patch_size = config.data.dataset, round(PATCH_RATIO * config.model.crop_size)
    try:
        return dataset.find(pattern)
    except UserError as error:
        output = shlex.quote(os.path.dirname(pattern) or ".")
        raise UserError(
            f"{error}. Build them: python -m data_pipeline.build_tfrecords --dataset={dataset_name} "
            f"{SOURCES[dataset_name]} --patch_size={patch_size} --output={output}"
        ) from error


def check_resumable(config, workdir):
    """Raises UserError where the workdir holds a run of other settings than these, those in `FREE` apart."""
    if not os.path.exists(os.path.join(workdir, configuration.CONFIG_FILE)):
        return
    old = configuration.load(workdir)
    same = configuration.Config(
        **{
            name: dataclasses.replace(getattr(config, name), **{key: getattr(getattr(old, name), key) for key in keys})
            for name, keys in FREE.items()
        }
    )
    if old == same:
        return
    changed = [
        f"--{name}={before} there, {after} here"
        for section in configuration.SECTIONS
        for (name, before), after in zip(
            dataclasses.asdict(getattr(old, section)).items(),
            dataclasses.asdict(getattr(same, section)).values(),
            strict=True,
        )
        if before != after
    ]
    raise UserError(f"{workdir} holds a run of other settings ({'; '.join(changed)}); give another --workdir")


def train(config, workdir):
    """Trains a configuration in a workdir, from its newest checkpoint on where it has one.

    Returns:
        The `AdversarialPoseNet`, trained.

    Raises:
        UserError: records are missing, or the workdir holds another run.
    """
    data, training = config.data, config.training
    train_paths = find_records(config, data.train_records)
    validation_paths = find_records(config, data.validation_records)
    check_resumable(config, workdir)
    described, held_out = dataset.describe(train_paths), dataset.describe(validation_paths)
    train_segments = intact.survey(described["shards"], data.max_damaged)
    validation_segments = intact.survey(held_out["shards"], tolerated=0.0)
    steps = training.steps_per_epoch or described["people"] // training.batch_size
    if not steps:
        raise UserError(f"--batch_size={training.batch_size} is more than the {described['people']} training people")
    os.makedirs(workdir, exist_ok=True)
    config.save(workdir)

    model = networks.adversarial_posenet(config, steps)
    checkpoints = Checkpoints(workdir)
    first = checkpoints.restore(model)
    if first:
        print(f"Going on in {workdir} after epoch {first}.")
    batches = dataset.load(
        train_segments,
        patch_size=described["patch_size"],
        batch_size=training.batch_size,
        shuffle=data.shuffle,
        seed=training.seed + first,
        repeat=True,
        deterministic=data.deterministic,
        service=data.data_service or None,
    )
    validation = dataset.load(validation_segments, patch_size=held_out["patch_size"], batch_size=training.batch_size)
    with lanes.data_may_end():
        model.fit(
            batches,
            epochs=training.epochs,
            initial_epoch=first,
            steps_per_epoch=steps,
            validation_data=validation,
            verbose=1 if sys.stdout.isatty() else 0,
            callbacks=[
                checkpoints,
                Progress(checkpoints, training.epochs, first),
                History(workdir),
                keras.callbacks.TensorBoard(os.path.join(workdir, "tensorboard"), write_graph=False),
            ],
        )
    return model


def define_flags():
    """The program's flags."""
    configuration.define_flags()
    flags.DEFINE_string("workdir", "runs/adversarial_posenet", "where the run is kept")


def main(values):
    """Reads the flags and trains."""
    train(configuration.from_flags(values), values.workdir)


if __name__ == "__main__":
    program.run(main, define_flags)
