"""What happens around steps and epochs: checkpoints, the best weights, plateaus, the end, one line of progress."""

import contextlib
import os
import time
from collections.abc import Sequence

import keras
import numpy as np

from data_pipeline.common.files import StrPath, write_json
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.config import TrainingConfig
from keras_apn.models import best_weights
from keras_apn.training import checkpoints
from keras_apn.training.loop import Validation
from keras_apn.training.run_state import RunState
from keras_apn.training.signals import Stopped, StopSignal

STATE_FILE = "state.json"
MONITOR = "val_pckh"


class RunKeeper(keras.callbacks.Callback):
    """Keeps a run such that it can go on after whatever happens, and its best weights.

    Comes before the callbacks that write logs: with a moving average it adds `val_pckh_averaged`.

    Args:
        workdir: an existing folder; gets `best/` and `state.json` beside the checkpoints.
        saved: the `checkpoints.Checkpoints`.
        run_state: the `run_state.RunState` that they hold.
        training: the run's `config.TrainingConfig`.
        interruption: an `signals.StopSignal`.
        validation: the `loop.Validation` that the averaged weights are scored on.
    """

    def __init__(
        self,
        workdir: StrPath,
        saved: checkpoints.Checkpoints,
        run_state: RunState,
        training: TrainingConfig,
        interruption: StopSignal,
        validation: Validation | None = None,
    ) -> None:
        super().__init__()
        self.workdir, self.saved, self.run_state = workdir, saved, run_state
        self.training, self.interruption, self.validation = training, interruption, validation

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.step = int(self.model.step.numpy())

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.model.reduction is not None:
            plateaus = self.run_state.reductions(self.training.plateau_patience)
            self.model.reduction.assign(self.training.plateau_factor**plateaus)
        if self.run_state.means is not None:
            set_means(self.model, self.run_state.means)
            self.run_state.means = None

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.step += 1
        self.interruption.look(self.step)
        every = self.training.checkpoint_steps
        if self.interruption.signal or (every and self.step % every == 0):
            self._save_within(means(self.model))

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        self.at_epochs_end = means(self.model)

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        self.interruption.look(batch)
        if self.interruption.signal:
            self._save_within(self.at_epochs_end)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        score, weights = float(logs[MONITOR]), contextlib.nullcontext
        if self.model.average is not None:
            with self.model.average.in_place():
                averaged = self.validation.scores(self.model)["pckh"]
            logs[f"{MONITOR}_averaged"] = averaged
            if averaged > score:
                score, weights = float(averaged), self.model.average.in_place
        self.run_state.scores.append(score)
        self.interruption.look()
        if int(self.model.not_finite.numpy()):  # Nothing that is whole may be replaced; `nan_guard` will end this.
            return
        if self.run_state.best_epoch == self.run_state.epoch:
            best_weights.save(self.workdir, checkpoints.networks(self.model), weights)
        self.saved.save(self.run_state)
        write_json(os.path.join(self.workdir, STATE_FILE), self.run_state.summary())
        if self.run_state.is_over(self.training.patience) or self.interruption.signal:
            self.model.stop_training = True

    def _save_within(self, values):
        """A checkpoint within an epoch, with what it has logged so far; the last thing where a signal has come."""
        if not int(self.model.not_finite.numpy()):
            self.run_state.means = values
            self.saved.save(self.run_state)
            self.run_state.means = None
        if self.interruption.signal:
            raise Stopped(self.interruption.signal, self.step)


def means(model: AdversarialPoseNet) -> list[list]:
    """The values of a model's metrics, as nested lists that go into JSON unchanged."""
    return [[variable.numpy().tolist() for variable in metric.variables] for metric in model.metrics]


def set_means(model: AdversarialPoseNet, values: Sequence[Sequence]) -> None:
    """Puts `means` back."""
    for metric, each in zip(model.metrics, values, strict=True):
        for variable, value in zip(metric.variables, each, strict=True):
            variable.assign(np.asarray(value, np.float32))


class Progress(keras.callbacks.Callback):
    """Prints one line an epoch: scores, the best so far, and the time left of the whole training."""

    def __init__(self, run_state: RunState, epochs: int) -> None:
        super().__init__()
        self.run_state, self.epochs = run_state, epochs
        self.begun: float | None = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if self.begun is None:
            self.begun, self.first = time.monotonic(), epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        left = (time.monotonic() - self.begun) / (epoch + 1 - self.first) * (self.epochs - epoch - 1)
        averaged = logs.get(f"{MONITOR}_averaged")
        print(
            f"epoch {epoch + 1}/{self.epochs}  loss {logs['loss']:.5f}  PCKh {100 * logs[MONITOR]:.2f}"
            + (f" (averaged {100 * averaged:.2f})" if averaged is not None else "")
            + f"  best {100 * self.run_state.best:.2f} (epoch {self.run_state.best_epoch})  time left {_clock(left)}",
            flush=True,
        )


def _clock(seconds):
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
