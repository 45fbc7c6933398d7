"""Trains Adversarial PoseNet: `python -m keras_apn.train --flagfile=mpii.flags --workdir=runs/mpii`.

The workdir gets the configuration, checkpoints, the best weights, a history of the epochs, and for TensorBoard curves
and panels of people. Started again in the same workdir, it goes on where it stopped.
"""

import dataclasses
import os
import signal
import sys

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

from absl import flags

from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from keras_apn import config as configuration
from keras_apn.inference import pose_estimator
from keras_apn.models import best_weights
from keras_apn.training import checkpoints, distribution, loop, run_records, signals
from keras_apn.training.build import build_model
from keras_apn.training.callbacks import Progress, RunKeeper
from keras_apn.training.history import History
from keras_apn.training.layer_updates import LayerUpdates
from keras_apn.training.nan_guard import NanGuard
from keras_apn.training.tensorboard import TensorBoardLogs

# What a run may be resumed with, whatever it was begun with.
FREE = {
    "model": (),
    "data": ("deterministic", "max_damaged", "data_service"),
    "training": (
        *("epochs", "patience", "checkpoint_steps", "keep", "panel_epochs", "not_finite_steps", "xla"),
        *("recompute", "distribute", "synchronized_batch_norm", "reproducible"),
    ),
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
        if name == "generator" or best_weights.find(workdir, name):
            pose_estimator.load_best(network, workdir, name)


def train(config, workdir):
    """Trains a configuration in a workdir, from its newest checkpoint on where it has one.

    Returns:
        The `AdversarialPoseNet`, trained.

    Raises:
        UserError: records are missing, or the workdir holds another run.
        interruption.Stopped: it was asked to stop, by SIGTERM or Ctrl-C, and has saved everything.
    """
    data, training = config.data, config.training
    # First, for TensorFlow meets the other machines only before it does anything.
    workers = distribution.Workers(training)
    records = run_records.survey(config, data.train_records, data.max_damaged)
    if data.mix:
        records = run_records.mixed(config, records)
    held_out = run_records.survey(config, data.validation_records, tolerated=0.0)
    check_resumable(config, workdir)
    steps = run_records.steps_in_epoch(config, records)
    told = workers.told if workers.count > 1 else None
    with workers.together(), workers.folder(workdir) as own, signals.StopSignal(told) as asked:
        config.save(own)
        with workers.strategy.scope():
            model = build_model(config, steps)
        saved = checkpoints.Checkpoints(model, workdir, training.keep, own)
        run_state = saved.restore()
        workers.check_agreement(config, int(model.step.numpy()))
        _begin(model, run_state, steps, training, workdir, workers)
        validation = _validation(config, held_out, workers)
        callbacks = [
            LayerUpdates(own),
            NanGuard(own, training.not_finite_steps, _batch_at(config, records, workers.count)),
            RunKeeper(own, saved, run_state, training, asked, validation),
            *([Progress(run_state, training.epochs)] if workers.writes else []),
            History(own),
            TensorBoardLogs(own, run_records.held_out(config, held_out), training),
        ]
        loop.fit(
            model,
            lambda start: workers.spread(
                lambda share: run_records.batches(config, records, start, share, service=data.data_service or None)
            ),
            validation,
            run_state,
            steps,
            training,
            callbacks,
            asked,
            verbose=1 if sys.stdout.isatty() and workers.writes else 0,
        )
    return model


def _begin(model, run_state, steps, training, workdir, workers):
    """Tells where a run goes on, or starts it from another's weights where it is new."""
    done = int(model.step.numpy())
    if done and workers.writes:
        within = f", step {done - run_state.epoch * steps} of the next" if done > run_state.epoch * steps else ""
        print(f"Going on in {workdir} after epoch {run_state.epoch}{within}.")
    elif not done and training.init_from:
        start_from(training.init_from, model)


def _validation(config, held_out, workers):
    """The `loop.Validation` of a run; every worker sees its share, and all of them the same scores."""
    if not workers.distributed:
        return loop.Validation(run_records.held_out(config, held_out))
    batches = workers.spread(lambda share: run_records.held_out_share(config, held_out, share))
    return loop.Validation(batches, run_records.held_out_steps(config, held_out))


def _batch_at(config, records, workers):
    """What `NanGuard` asks for: the batch of a step, with names; None where the order is not fixed."""
    if not config.data.deterministic or config.data.data_service:
        return None
    return lambda step: run_records.whole_batch(config, records, step, workers)


def define_flags():
    """The program's flags."""
    configuration.define_flags()
    flags.DEFINE_string("workdir", "runs/adversarial_posenet", "where the run is kept")


def main(values):
    """Reads the flags and trains; a run that was asked to stop ends well, by Ctrl-C with 130."""
    try:
        train(configuration.from_flags(values), values.workdir)
    except signals.Stopped as stopped:
        print(f"{stopped}; the same command goes on from there.")
        return 130 if stopped.signal == signal.SIGINT else 0
    return 0


if __name__ == "__main__":
    program.run(main, define_flags)
