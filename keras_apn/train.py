"""Trains Adversarial PoseNet: `python -m keras_apn.train --flagfile=mpii.flags --workdir=runs/mpii`.

The workdir gets the configuration, checkpoints, the best weights, a history of the epochs, and for TensorBoard curves
and panels of people. Started again in the same workdir, it goes on where it stopped.
"""

import functools
import signal
import sys
from collections.abc import Mapping
from typing import Any

from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip  It starts TensorFlow, so it comes first.

from absl import flags

from data_pipeline.common import arguments, claims, outputs, program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath
from keras_apn import config as configuration
from keras_apn import config_flags, devices
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.people import model as trained
from keras_apn.training import distribution, loop, resuming, run_records, signals
from keras_apn.training.build import build_model
from keras_apn.training.callbacks import Progress, RunKeeper
from keras_apn.training.checkpoints import Checkpoints
from keras_apn.training.history import History
from keras_apn.training.layer_updates import LayerUpdates
from keras_apn.training.nan_guard import NanGuard
from keras_apn.training.tensorboard import TensorBoardLogs

# The file in a workdir that says who trains in it.
CLAIM = "training.claim"


def train(config: configuration.Config, workdir: StrPath) -> AdversarialPoseNet:
    """Trains a configuration in a workdir, from its newest checkpoint on where it has one.

    Returns:
        The `AdversarialPoseNet`, trained.

    Raises:
        UserError: records are missing, or the workdir holds another run.
        signals.Stopped: it was asked to stop, by SIGTERM or Ctrl-C, and has saved everything.
    """
    # First, for TensorFlow meets the other machines only before it does anything.
    workers = distribution.Workers(config.training)
    records, held_out = run_records.of_run(config)
    steps = run_records.steps_in_epoch(config, records)
    resuming.check_resumable(config, workdir)
    devices.tell(config.training, workers.devices, workers.count, line=workers.writes)
    with workers.training(workdir) as (folder, stop), claims.alone(str(folder), CLAIM, "workdir"):
        config.save(folder)
        with workers.strategy.scope():
            model = build_model(config, steps)
        saved = Checkpoints(model, workdir, config.training.keep, folder)
        run_state = saved.restore()
        workers.check_agreement(config, int(model.step.numpy()))
        resuming.begin(model, run_state, steps, config.training, workdir, tell=workers.writes)
        validation = loop.Validation(*workers.validation(config, held_out))
        loop.fit(
            model,
            functools.partial(workers.batches, config, records),
            validation,
            run_state,
            steps,
            config.training,
            _callbacks(config, folder, records, held_out, saved, run_state, stop, validation, workers),
            stop,
            verbose=1 if sys.stdout.isatty() and workers.writes else 0,
        )
    return model


def _callbacks(config, folder, records, held_out, saved, run_state, stop, validation, workers):
    """What happens around steps and epochs, in its order: what logs before what saves, what saves before what tells."""
    training = config.training
    return [
        LayerUpdates(folder),
        NanGuard(folder, training.not_finite_steps, _batch_at(config, records, workers.count)),
        RunKeeper(folder, saved, run_state, training, stop, validation),
        *([Progress(run_state, training.epochs)] if workers.writes else []),
        History(folder),
        TensorBoardLogs(folder, run_records.held_out(config, held_out), training),
    ]


def _batch_at(config, records, workers):
    """What `NanGuard` asks for: the batch of a step, with names; None where the order is not fixed."""
    if not config.data.deterministic or config.data.data_service:
        return None
    return lambda step: run_records.whole_batch(config, records, step, workers)


def define_flags() -> None:
    """The program's flags."""
    config_flags.define_flags()
    flags.DEFINE_string("workdir", "runs/adversarial_posenet", "where the run is kept")


def main(values: flags.FlagValues) -> int:
    """Reads the flags and trains; a run that was asked to stop ends well, by Ctrl-C with 130."""
    config = config_flags.from_flags(values)
    outputs.require_folder(values.workdir, "workdir")
    try:
        train(config, values.workdir)
    except signals.Stopped as stopped:
        print(f"{stopped}; the same command goes on from there.")
        return 130 if stopped.signal == signal.SIGINT else 0
    return 0


def from_python(
    config: configuration.Config | Mapping[str, Any] | StrPath | None, workdir: StrPath, **flags: Any
) -> trained.Model:
    """Trains; `keras_apn.train` when it is called.

    Args:
        config: a `keras_apn.config.Config`, a dict of flags and their values, the path of a file of flags as
            "mpii.flags", or None for the defaults.
        workdir: where the run is kept; one that was begun goes on.
        **flags: of `python -m keras_apn.train`, over those of a dict or a file, as `epochs=3`.

    Returns:
        The run's best weights as `keras_apn.load` gives them.

    Raises:
        ValueError: a value breaks its rule, records are missing, or the workdir holds another run; one line says what
            to do.
    """
    if isinstance(config, configuration.Config):
        if flags:
            raise UserError("Flags go with a dict or a file of flags; change a Config by dataclasses.replace")
        train(config, workdir)
    else:
        of_file = None if config is None or isinstance(config, Mapping) else config
        given = {**(config if isinstance(config, Mapping) else {}), **flags}
        train(config_flags.from_flags(arguments.values(define_flags, given, of_file)), workdir)
    return trained.load(workdir)


arguments.make_callable(__name__, from_python)

if __name__ == "__main__":
    program.run(main, define_flags, config_flags.GROUPS)
