"""Keras's `fit` from wherever a run is, within an epoch too."""

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from keras_apn import keras_compat
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.config import TrainingConfig
from keras_apn.training.run_state import RunState
from keras_apn.training.signals import Stopped, StopSignal


@dataclasses.dataclass(frozen=True)
class Validation:
    """What scores are measured on.

    Attributes:
        batches: a data set, or what a strategy made of one.
        steps: batches in a pass; None where the data set ends by itself.
    """

    batches: tf.data.Dataset
    steps: int | None = None

    def scores(
        self, model: AdversarialPoseNet, callbacks: list[keras.callbacks.Callback] | None = None
    ) -> dict[str, float]:
        """What Keras's `evaluate` finds, by name."""
        return model.evaluate(self.batches, steps=self.steps, verbose=0, return_dict=True, callbacks=callbacks)


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
    """Trains from wherever the model is to the end of the last epoch.

    Keras can begin at an epoch, not within one: what is left of an epoch is an epoch of fewer steps.

    Args:
        model: the compiled `AdversarialPoseNet`; its step says where it is.
        batches_from: gives the batches behind the first so many.
        validation: the `Validation`.
        run_state: the run's `run_state.RunState`.
        steps: in an epoch.
        training: the run's `config.TrainingConfig`.
        callbacks: of Keras.
        asked: the `signals.StopSignal` that the callbacks know too.
        verbose: as of Keras.

    Raises:
        Stopped: it was asked to stop, and has saved everything.
    """

    def over():
        return run_state.epoch >= training.epochs or run_state.is_over(training.patience)

    def run(epochs, steps_per_epoch):
        with keras_compat.data_may_end():
            model.fit(
                batches_from(int(model.step.numpy())),
                epochs=epochs,
                initial_epoch=run_state.epoch,
                steps_per_epoch=steps_per_epoch,
                validation_data=validation.batches,
                validation_steps=validation.steps,
                verbose=verbose,
                callbacks=callbacks,
            )
        if asked.signal:
            raise Stopped(asked.signal, int(model.step.numpy()))

    if over():
        return
    left = (run_state.epoch + 1) * steps - int(model.step.numpy())
    if left < steps:
        if left:
            run(run_state.epoch + 1, left)
        else:
            validate(model, validation, run_state, callbacks)
    if not over():
        run(training.epochs, steps)


def validate(
    model: AdversarialPoseNet, validation: Validation, run_state: RunState, callbacks: list[keras.callbacks.Callback]
) -> None:
    """Ends an epoch whose steps are all done: the run was stopped during its validation."""
    together = keras.callbacks.CallbackList(callbacks, model=model)
    with model.distribute_strategy.scope():
        together.on_train_begin()
        together.on_epoch_begin(run_state.epoch)
        logs = {metric.name: float(metric.result()) for metric in model.metrics if metric is not model.pckh}
        found = validation.scores(model, together)
        together.on_epoch_end(run_state.epoch, {**logs, **{f"val_{name}": value for name, value in found.items()}})
        together.on_train_end()
