"""A run that is stopped and started again is the run that was never stopped.

To the bit, as BUILD_NOTES 35 says; `tests/benchmarks/test_kills.py` has the same of processes that are killed.
"""

import dataclasses
import json
import os
import signal

import numpy as np
import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset
from keras_apn import train
from keras_apn.adversarial.model import AdversarialPoseNet
from keras_apn.inference.pose_estimator import load_best
from keras_apn.models.networks import generator
from keras_apn.training import callbacks, checkpoints, history, run_records, signals

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`"),
]
STEPS = 3


def changed(settings, **training):
    return dataclasses.replace(settings, training=dataclasses.replace(settings.training, **training))


@pytest.fixture(scope="module")
def settings(tiny_config):
    """Two epochs of three steps on twelve people, in which everything that can change from step to step does."""
    model = dataclasses.replace(tiny_config.model, features=4, levels=1, discriminator_features=4)
    varied = changed(
        tiny_config,
        learning_rate_schedule="cosine",
        threshold_schedule="linear",
        delta_start=3.0,
        epsilon_start=2.0,
        average_decay=0.9,
    )
    return dataclasses.replace(varied, model=model)


def everything(model):
    """All that training moves, as one list of arrays."""
    arrays = [w for network in checkpoints.networks(model).values() for w in network.get_weights()]
    for optimizer in (model.optimizer, model.pose_optimizer, model.confidence_optimizer):
        variables = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
        arrays += [variable.numpy() for variable in variables]
    return [*arrays, *(value.numpy() for value in model.average.values), model.step.numpy()]


@pytest.fixture(scope="module")
def uninterrupted(settings, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("uninterrupted")
    return everything(train.train(settings, str(workdir))), workdir


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def stop_at(monkeypatch, hook, times, number=signal.SIGTERM):
    """Sends the signal just before a hook of `RunKeeper` is called for so many times."""
    called, original = [], getattr(callbacks.RunKeeper, hook)

    def sending(self, *args, **kwargs):
        called.append(1)
        if len(called) == times:
            os.kill(os.getpid(), number)
        original(self, *args, **kwargs)

    monkeypatch.setattr(callbacks.RunKeeper, hook, sending)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hook", "times", "step"),
    [
        ("on_train_batch_end", 2, 2),
        ("on_test_batch_end", 4, 6),
    ],
    ids=["within an epoch", "in the last validation"],
)
def test_a_stopped_and_resumed_run_is_the_uninterrupted_one(
    settings, uninterrupted, tmp_path, monkeypatch, hook, times, step
):
    with monkeypatch.context() as patch:
        stop_at(patch, hook, times)
        with pytest.raises(signals.Stopped, match=f"SIGTERM after step {step}$"):
            train.train(settings, str(tmp_path))
    assert_same(everything(train.train(settings, str(tmp_path))), uninterrupted[0])
    epochs, expected = (history.read(workdir) for workdir in (tmp_path, uninterrupted[1]))
    assert [line["epoch"] for line in epochs] == [1, 2]
    for line, other in zip(epochs, expected, strict=True):
        # What a step takes is not known where fewer than two were left to do.
        assert line.keys() | {"step_seconds"} == other.keys() | {"step_seconds"}
        assert line["loss"] == pytest.approx(other["loss"], rel=1e-3)


def test_a_crash_loses_what_came_behind_the_last_checkpoint_and_no_more(settings, uninterrupted, tmp_path, monkeypatch):
    often = changed(settings, checkpoint_steps=2)

    def crash(self, batch, logs=None):
        if self.step == 4:
            raise RuntimeError("power cut")
        RunKeeper.on_train_batch_end(self, batch, logs)

    RunKeeper = type("RunKeeper", (callbacks.RunKeeper,), {})
    with monkeypatch.context() as patch:
        patch.setattr(train, "RunKeeper", type("Crashing", (RunKeeper,), {"on_train_batch_end": crash}))
        with pytest.raises(RuntimeError, match="power cut"):
            train.train(often, str(tmp_path))
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["2", "3", "4"]
    assert_same(everything(train.train(often, str(tmp_path))), uninterrupted[0])


def test_a_finished_run_is_left_as_it_is(settings, uninterrupted):
    before = sorted(os.listdir(uninterrupted[1] / "checkpoints"))
    train.train(settings, str(uninterrupted[1]))
    assert sorted(os.listdir(uninterrupted[1] / "checkpoints")) == before


def test_a_run_can_start_from_another(settings, uninterrupted, tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(train.loop, "fit", lambda model, *_, **__: started.append(model.generator.get_weights()))
    train.train(changed(settings, init_from=str(uninterrupted[1])), str(tmp_path))
    best = generator(settings.model)
    load_best(best, str(uninterrupted[1]), "generator")
    for expected, found in zip(best.get_weights(), started[0], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_starting_from_networks_of_another_size_is_one_clear_line(settings, uninterrupted, tmp_path):
    wider = dataclasses.replace(
        changed(settings, init_from=str(uninterrupted[1])), model=dataclasses.replace(settings.model, features=6)
    )
    with pytest.raises(UserError, match="cannot be read as the weights"):
        train.train(wider, str(tmp_path))


def test_early_stopping_ends_the_run_for_good(settings, tmp_path, monkeypatch):
    patient = changed(settings, epochs=9, patience=1, average_decay=0.0, steps_per_epoch=1)
    monkeypatch.setattr(
        callbacks.RunKeeper,
        "on_epoch_end",
        lambda self, epoch, logs, original=callbacks.RunKeeper.on_epoch_end: original(
            self, epoch, {**logs, "val_pckh": (0.1, 0.2, 0.2, 0.3)[epoch]}
        ),
    )
    for _ in range(2):
        assert int(train.train(patient, str(tmp_path)).step) == 3
    assert json.loads((tmp_path / "state.json").read_text()) == {"epoch": 3, "best": 0.2, "best_epoch": 2}


def test_a_loss_that_is_no_number_ends_the_run_and_names_its_people(settings, tmp_path, monkeypatch):
    supervise = AdversarialPoseNet.update

    def broken(self, example):
        logs = supervise(self, example)
        if int(self.step) > 2:
            self.not_finite.assign_add(1)
        return logs

    monkeypatch.setattr(AdversarialPoseNet, "update", broken)
    with pytest.raises(UserError, match=r"no number from step 3 on \(.* first of its 4 people\)"):
        train.train(changed(settings, not_finite_steps=1, checkpoint_steps=1), str(tmp_path))
    report = json.loads((tmp_path / "not_finite" / "report.json").read_text())
    assert report["step"] == 3
    batch = np.load(tmp_path / "not_finite" / "batch.npz")
    assert [person["image"] for person in report["people"]] == batch["image"].tolist()
    assert batch["patch"].shape == (4, 56, 56, 3)
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["1", "2"]


def test_data_sets_are_mixed_in_the_stated_proportions(settings):
    data = settings.data
    mixed = dataclasses.replace(settings, data=dataclasses.replace(data, mix=f"{data.validation_records}=0.25"))
    records = run_records.mixed(mixed, run_records.survey(mixed, data.train_records, 0.0))
    validation = {(image, index) for image, index in names(run_records.survey(mixed, data.validation_records, 0.0))}
    taken = [pair for batch in run_records.batches(mixed, records, 0, names=True).take(25) for pair in people(batch)]
    assert [pair in validation for pair in taken].count(True) == 25
    # One pass over the first data set: twelve people at three a batch.
    assert run_records.steps_in_epoch(mixed, records) == 4


def test_missing_records_of_a_mixture_are_not_called_the_first_data_sets(settings, tmp_path):
    mixed = dataclasses.replace(settings, data=dataclasses.replace(settings.data, mix=f"{tmp_path}/train-*=0.25"))
    with pytest.raises(UserError, match=r"No records match .*/train-\*\. Build them, or leave them out of --mix$"):
        run_records.mixed(mixed, run_records.survey(mixed, settings.data.train_records, 0.0))


def people(batch):
    return list(zip(batch["image"].numpy().tolist(), batch["person_index"].numpy().tolist(), strict=True))


def names(records):
    """The people of records."""
    batches = dataset.load(records.segments, patch_size=records.patch_size, batch_size=4, names=True)
    return [pair for batch in batches for pair in people(batch)]


@pytest.mark.parametrize(
    ("mix", "message"),
    [("a.tfrecord", "GLOB=SHARE"), ("{glob}=x", "GLOB=SHARE"), ("{glob}=1", "share of 0.01"), ("{glob}=0", "0.01")],
)
def test_a_mixture_that_is_none_is_one_clear_line(settings, tiny_records, mix, message):
    data = dataclasses.replace(settings.data, mix=mix.format(glob=settings.data.validation_records))
    broken = dataclasses.replace(settings, data=data)
    with pytest.raises(UserError, match=message):
        run_records.mixed(broken, run_records.survey(broken, data.train_records, 0.0))
