"""The loop, with a model that only counts: which callbacks are called when, from wherever a run is."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_apn import config, replicas
from keras_apn.training import loop
from keras_apn.training.run_state import RunState
from keras_apn.training.signals import Stopped, StopSignal

STEPS = 3


class Counting:
    """Stands for an `AdversarialPoseNet`; logs the number of its step."""

    def __init__(self, done=0):
        self.step, self.stop_training = np.array(done), False
        self.step = types.SimpleNamespace(numpy=lambda: self.done)
        self.done, self.begun = done, 0
        self.distribute_strategy = tf.distribute.get_strategy()
        self.means = {"loss": keras.metrics.Mean(name="loss")}
        self.metrics = list(self.means.values())

    def begin(self):
        self.begun += 1
        self.means["loss"].reset_state()

    def step_everywhere(self, batches):
        assert next(batches) == self.done
        self.done += 1
        self.means["loss"].update_state(float(self.done))
        return {"loss": tf.constant(float(self.done))}

    def test_everywhere(self, batches):
        next(batches)
        return {}

    def scores(self):
        return {"pckh": 0.5}


class Calls(keras.callbacks.Callback):
    """Notes every call; counts an epoch as `RunKeeper` does."""

    def __init__(self, run_state, ends=()):
        super().__init__()
        self.calls, self.run_state, self.ends, self.logs = [], run_state, ends, []

    def on_train_begin(self, logs=None):
        self.calls.append("train")

    def on_train_end(self, logs=None):
        self.calls.append("end")

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}")

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(f"ends {epoch}")
        self.logs.append(dict(logs))
        self.run_state.scores.append(logs["val_pckh"])
        if epoch in self.ends:
            self.model.stop_training = True

    def on_train_batch_begin(self, batch, logs=None):
        self.calls.append(f"<{batch}")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"{batch}>")
        assert float(logs["loss"]) == self.model.done

    def on_test_begin(self, logs=None):
        self.calls.append("test")

    def on_test_batch_end(self, batch, logs=None):
        self.calls.append(f"tested {batch}")

    def on_test_end(self, logs=None):
        self.calls.append("scored")


def run(done=0, finished=0, epochs=2, ends=(), signal=None, patience=0):
    """Trains a `Counting`; gives it and the callback."""
    run_state, model, asked = RunState([0.1] * finished), Counting(done), StopSignal()
    calls, asked.signal = Calls(run_state, ends), signal
    loop.fit(
        model,
        lambda start: iter(range(start, 100)),
        loop.Validation([1, 2], 2),
        run_state,
        STEPS,
        config.TrainingConfig(epochs=epochs, patience=patience),
        [calls],
        asked,
    )
    return model, calls


STEPPED = ["<0", "0>", "<1", "1>", "<2", "2>"]
TESTED = ["test", "tested 0", "tested 1", "scored"]


def test_callbacks_are_called_as_keras_does():
    model, found = run()
    epochs = [[f"epoch {n}", *STEPPED, *TESTED, f"ends {n}"] for n in range(2)]
    assert found.calls == ["train", *epochs[0], *epochs[1], "end"]
    # The mean of an epoch's steps, and what was validated. Epochs and validations begin anew.
    assert found.logs == [{"loss": 2.0, "val_pckh": 0.5}, {"loss": 5.0, "val_pckh": 0.5}]
    assert model.begun == 4


@pytest.mark.parametrize(
    ("done", "calls"),
    [(4, ["<1", "1>", "<2", "2>"]), (6, []), (3, STEPPED)],
    ids=["within an epoch", "in its validation", "between two"],
)
def test_a_run_goes_on_from_where_it_is(done, calls):
    _, found = run(done=done, finished=1)
    assert found.calls == ["train", "epoch 1", *calls, *TESTED, "ends 1", "end"]


@pytest.mark.parametrize(
    ("settings", "calls"),
    [
        ({"done": 6, "finished": 2}, []),
        ({"done": 9, "finished": 3, "epochs": 9, "patience": 2}, []),
        ({"ends": (0,), "epochs": 9}, ["train", "epoch 0", *STEPPED, *TESTED, "ends 0", "end"]),
    ],
    ids=["all epochs", "patience", "told to stop"],
)
def test_a_run_that_is_over_ends(settings, calls):
    assert run(**settings)[1].calls == calls


def test_a_stop_that_was_asked_for_is_told():
    with pytest.raises(Stopped, match="Stopped by SIGTERM after step 3"):
        run(ends=(0,), signal=types.SimpleNamespace(name="SIGTERM"))


def test_a_bar_is_shown_where_it_is_asked_for(capsys):
    run_state = RunState()
    loop.fit(
        Counting(),
        lambda start: iter(range(start, 100)),
        loop.Validation([1], 1),
        run_state,
        STEPS,
        config.TrainingConfig(epochs=1),
        [Calls(run_state)],
        StopSignal(),
        verbose=1,
    )
    assert "3/3" in capsys.readouterr().out


def test_a_step_over_replicas_gives_what_the_first_has():
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    for own, data in ((tf.distribute.get_strategy(), [1.0]), (strategy, [1.0])):
        step = replicas.over(own, lambda batch: {"twice": 2.0 * batch})
        batches = iter(own.experimental_distribute_dataset(tf.data.Dataset.from_tensor_slices(data)))
        assert float(step(batches)["twice"]) == 2.0
