"""The loop over epochs, steps and validations, from wherever a run is, on one device or on those of several machines.

Keras's `fit` begins at epochs alone, and that of Keras 3 fails on several workers (BUILD_NOTES 66). Callbacks, metrics
and progress bar are Keras's, and are called as `fit` does.
"""

import dataclasses
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.config import TrainingConfig
from keras_apn.training.run_state import RunState
from keras_apn.training.signals import Stopped, StopSignal


@dataclasses.dataclass(frozen=True)
class Validation:
    """What scores are measured on.

    Attributes:
        batches: a data set, or what a strategy made of one.
        steps: batches in a pass.
    """

    batches: tf.data.Dataset
    steps: int

    def scores(
        self, model: AdversarialPoseNet, callbacks: keras.callbacks.CallbackList | None = None
    ) -> dict[str, float]:
        """`model.scores` of a pass; what the model's metrics held is lost."""
        callbacks = callbacks or keras.callbacks.CallbackList(model=model)
        with model.distribute_strategy.scope():
            callbacks.on_test_begin()
            model.begin()
            batches = iter(self.batches)
            for step in range(self.steps):
                callbacks.on_test_batch_begin(step)
                callbacks.on_test_batch_end(step, model.test_everywhere(batches))
            found = model.scores()
            callbacks.on_test_end(found)
        return found


def fit(
    model: AdversarialPoseNet,
    batches_from: Callable[[int], tf.data.Dataset],
    validation: Validation,
    run_state: RunState,
    steps: int,
    training: TrainingConfig,
    callbacks: list[keras.callbacks.Callback],
    asked: StopSignal,
    verbose: int = 0,
) -> None:
    """Trains from wherever the model is, within an epoch too, to the end of the last epoch.

    Args:
        model: the compiled `AdversarialPoseNet`; its step says where it is.
        batches_from: gives the batches behind the first so many, without an end.
        validation: the `Validation`.
        run_state: the run's `run_state.RunState`.
        steps: in an epoch.
        training: the run's `config.TrainingConfig`.
        callbacks: of Keras.
        asked: the `signals.StopSignal` that the callbacks know too.
        verbose: as of Keras; 1 shows a bar.

    Raises:
        Stopped: it was asked to stop, and has saved everything.
    """
    if run_state.is_over(training.patience) or run_state.epoch >= training.epochs:
        return
    called = keras.callbacks.CallbackList(
        callbacks, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=training.epochs, steps=steps
    )
    model.stop_training = False
    with model.distribute_strategy.scope():
        called.on_train_begin()
        done = int(model.step.numpy())
        batches = iter(batches_from(done))
        for epoch in range(run_state.epoch, training.epochs):
            model.begin()
            called.on_epoch_begin(epoch)
            logs = _train(model, batches, range(max(done - epoch * steps, 0), steps), called)
            found = validation.scores(model, called)
            called.on_epoch_end(epoch, {**logs, **{f"val_{name}": value for name, value in found.items()}})
            if model.stop_training:
                break
        called.on_train_end()
    if asked.signal:
        raise Stopped(asked.signal, int(model.step.numpy()))


def _train(
    model: AdversarialPoseNet, batches: Iterator, steps: range, called: keras.callbacks.CallbackList
) -> dict[str, float]:
    """Steps of an epoch; what was logged in all of them, those before a resume too."""
    for step in steps:
        called.on_train_batch_begin(step)
        called.on_train_batch_end(step, model.step_everywhere(batches))
        if model.stop_training:
            break
    return {name: float(mean.result()) for name, mean in model.means.items()}
