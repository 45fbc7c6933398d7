"""Trains Adversarial PoseNet: `python -m keras_apn.train --flagfile=mpii.flags --workdir=runs/mpii`.

The workdir gets the configuration, checkpoints, the best weights, a history of the epochs, and for TensorBoard curves
and panels of people. Started again in the same workdir, it goes on where it stopped.
"""

import dataclasses
import os
import signal

from data_pipeline import quiet  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

from absl import flags

from data_pipeline import dataset, program
from data_pipeline.errors import UserError
from keras_apn import best, checkpoints, fitting, inference, interruption, networks, run_records
from keras_apn import config as configuration
from keras_apn.callbacks import Keeper, Progress
from keras_apn.finite import Finite
from keras_apn.history import History
from keras_apn.summaries import Summaries

# What a run may be resumed with, whatever it was begun with.
FREE = {
    "model": (),
    "data": ("deterministic", "max_damaged", "data_service"),
    "training": ("epochs", "patience", "checkpoint_steps", "keep", "panel_epochs", "not_finite_steps", "xla"),
}


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


def start_from(workdir, model):
    """Puts the best weights of another run into a fresh model; P and C keep theirs where that run has none.

    Raises:
        UserError: it is no workdir with weights, or they do not fit.
    """
    for name, network in checkpoints.networks(model).items():
        if name == "generator" or os.path.exists(best.path(workdir, name)):
            inference.load_best(network, workdir, name)


def train(config, workdir):
    """Trains a configuration in a workdir, from its newest checkpoint on where it has one.

    Returns:
        The `AdversarialPoseNet`, trained.

    Raises:
        UserError: records are missing, or the workdir holds another run.
        interruption.Stopped: it was asked to stop, by SIGTERM or Ctrl-C, and has saved everything.
    """
    data, training = config.data, config.training
    records = run_records.survey(config, data.train_records, data.max_damaged)
    if data.mix:
        records = run_records.mixed(config, records)
    held_out = run_records.survey(config, data.validation_records, tolerated=0.0)
    check_resumable(config, workdir)
    steps = run_records.steps_in_epoch(config, records)
    os.makedirs(workdir, exist_ok=True)
    config.save(workdir)
    with interruption.Interruption() as asked:
        model = networks.adversarial_posenet(config, steps)
        saved = checkpoints.Checkpoints(model, workdir, training.keep)
        standing = saved.restore()
        done = int(model.step.numpy())
        if done:
            within = f", step {done - standing.epoch * steps} of the next" if done > standing.epoch * steps else ""
            print(f"Going on in {workdir} after epoch {standing.epoch}{within}.")
        elif training.init_from:
            start_from(training.init_from, model)
        validation = dataset.load(held_out.segments, patch_size=held_out.patch_size, batch_size=training.batch_size)
        fixed = data.deterministic and not data.data_service
        callbacks = [
            Finite(workdir, training.not_finite_steps, _batch_at(config, records) if fixed else None),
            Keeper(workdir, saved, standing, training, asked, validation),
            Progress(standing, training.epochs),
            History(workdir),
            Summaries(workdir, validation, training),
        ]
        fitting.fit(
            model,
            lambda start: run_records.batches(config, records, start, service=data.data_service or None),
            validation,
            standing,
            steps,
            training,
            callbacks,
            asked,
        )
    return model


def _batch_at(config, records):
    """What `Finite` asks for: the batch of a step, with names."""
    return lambda step: next(iter(run_records.batches(config, records, step, names=True)))


def define_flags():
    """The program's flags."""
    configuration.define_flags()
    flags.DEFINE_string("workdir", "runs/adversarial_posenet", "where the run is kept")


def main(values):
    """Reads the flags and trains; a run that was asked to stop ends well, by Ctrl-C with 130."""
    try:
        train(configuration.from_flags(values), values.workdir)
    except interruption.Stopped as stopped:
        print(f"{stopped}; the same command goes on from there.")
        return 130 if stopped.signal == signal.SIGINT else 0
    return 0


if __name__ == "__main__":
    program.run(main, define_flags)
