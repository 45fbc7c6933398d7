import json
import signal

import numpy as np
import pytest

from keras_apn import config
from keras_apn.models import best_weights
from keras_apn.training import callbacks, checkpoints, loop
from keras_apn.training.build import build_model
from keras_apn.training.run_state import RunState
from keras_apn.training.signals import Stopped, StopSignal

MODEL = config.ModelConfig(crop_size=32, stacks=1, features=4, levels=1, discriminator_features=4)


def build(**training):
    settings = config.Config(model=MODEL, training=config.TrainingConfig(optimizer="adam", **training))
    return build_model(settings, steps_per_epoch=10)


@pytest.fixture(scope="module")
def model():
    return build()


class Saved:
    """Stands for the checkpoints: remembers what was saved."""

    def __init__(self):
        self.standings = []

    def save(self, run_state):
        self.standings.append(RunState(list(run_state.scores), run_state.means))


@pytest.fixture
def keeper(model, tmp_path):
    """A function from settings to a keeper of a fresh workdir, before step 0."""

    def make(model=model, received=None, **training):
        model.step.assign(0)
        model.not_finite.assign(0)
        asked = StopSignal()
        asked.signal = received
        callback = callbacks.RunKeeper(tmp_path, Saved(), RunState(), config.TrainingConfig(**training), asked)
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        return callback

    return make


def fill(model, value):
    for network in checkpoints.networks(model).values():
        network.set_weights([np.full_like(w, value) for w in network.get_weights()])


def kept(model, workdir, name):
    """The numbers in the best weights of a network."""
    network = checkpoints.networks(model)[name]
    network.load_weights(best_weights.path(workdir, name))
    return {float(x) for w in network.get_weights() for x in np.ravel(w)}


def run(callback, scores):
    for epoch, score in enumerate(scores):
        fill(callback.model, epoch + 1)
        callback.on_epoch_end(epoch, {"val_pckh": score})


@pytest.mark.parametrize(
    ("scores", "epoch"),
    [((0.1, 0.3, 0.2), 2), ((0.3, 0.2, 0.1), 1), ((0.1, 0.2, 0.2), 2)],
    ids=["middle", "first", "tie"],
)
def test_the_best_weights_are_those_of_the_best_epoch(keeper, model, tmp_path, scores, epoch):
    run(keeper(), scores)
    state = json.loads((tmp_path / "state.json").read_text())
    assert state == {"epoch": 3, "best": max(scores), "best_epoch": epoch}
    for name in ("generator", "pose_discriminator", "confidence_discriminator"):
        assert kept(model, tmp_path, name) == {epoch}


def test_every_epoch_is_saved_with_its_scores(keeper):
    callback = keeper()
    run(callback, (0.1, 0.2))
    assert callback.saved.standings == [RunState([0.1]), RunState([0.1, 0.2])]


def test_no_half_written_file_is_left(keeper, tmp_path):
    run(keeper(), (0.1, 0.2))
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "confidence_discriminator.weights.h5",
        "generator.weights.h5",
        "pose_discriminator.weights.h5",
    ]


def test_checkpoints_within_an_epoch_have_what_it_has_logged(keeper, model):
    callback = keeper(checkpoint_steps=2)
    model.means["loss"].reset_state()
    for batch in range(5):
        model.means["loss"].update_state(batch)
        callback.on_train_batch_end(batch)
    assert len(callback.saved.standings) == 2
    again = keeper()
    model.means["loss"].reset_state()
    again.run_state.means = callback.saved.standings[1].means
    again.on_epoch_begin(0)
    # Batches 0 to 3.
    assert float(model.means["loss"].result()) == 1.5
    assert again.run_state.means is None


def end_a_step(callback):
    callback.on_train_batch_end(0)


def validate_a_batch(callback):
    callback.on_test_begin()
    callback.on_test_batch_end(0)


@pytest.mark.parametrize("happens", [end_a_step, validate_a_batch])
def test_a_signal_saves_and_stops(keeper, happens):
    callback = keeper(received=signal.SIGTERM)
    with pytest.raises(Stopped, match=r"Stopped by SIGTERM after step [01]$") as caught:
        happens(callback)
    assert len(callback.saved.standings) == 1
    assert caught.value.signal is signal.SIGTERM


def test_a_signal_at_an_epochs_end_lets_it_end(keeper, model):
    callback = keeper(received=signal.SIGTERM)
    model.stop_training = False
    callback.on_epoch_end(0, {"val_pckh": 0.5})
    assert callback.saved.standings == [RunState([0.5])]
    assert model.stop_training


def test_nothing_is_saved_where_the_loss_is_no_number(keeper, model, tmp_path):
    callback = keeper(checkpoint_steps=1)
    model.not_finite.assign(1)
    callback.on_train_batch_end(0)
    callback.on_epoch_end(0, {"val_pckh": 0.5})
    assert callback.saved.standings == []
    assert list(tmp_path.iterdir()) == []


def test_training_ends_when_scores_stop_rising(keeper, model):
    callback = keeper(patience=2)
    model.stop_training = False
    run(callback, (0.3, 0.2))
    assert not model.stop_training
    run(callback, (0.3,))
    assert model.stop_training


def test_plateaus_lower_the_rates_of_all_networks(keeper):
    model = build(learning_rate_schedule="plateau", learning_rate=1e-3, discriminator_learning_rate=1e-4)
    callback = keeper(model, plateau_patience=2, plateau_factor=0.1)
    callback.run_state.scores = [0.3, 0.2, 0.2]
    callback.on_epoch_begin(3)
    optimizers = (model.optimizer, model.pose_optimizer, model.confidence_optimizer)
    rates = [float(o._learning_rate(o.iterations)) for o in optimizers]
    assert rates == pytest.approx([1e-4, 1e-5, 1e-5])


@pytest.mark.parametrize(("averaged", "weights"), [(0.4, 7.0), (0.2, 1.0)], ids=["better", "worse"])
def test_the_better_of_weights_and_average_is_kept(keeper, tmp_path, monkeypatch, averaged, weights):
    model = build(average_decay=0.9)
    callback = keeper(model)
    callback.validation = loop.Validation([], 0)
    for value in model.average.values:
        value.assign(np.full(value.shape, 7.0))
    monkeypatch.setattr(model, "scores", lambda: {"loss": 0.0, "pckh": averaged})
    logs = {"val_pckh": 0.3}
    fill(model, 1)
    callback.on_epoch_end(0, logs)
    assert logs["val_pckh_averaged"] == averaged
    assert callback.run_state.scores == [max(averaged, 0.3)]
    assert kept(model, tmp_path, "generator") == {weights}
    assert kept(model, tmp_path, "pose_discriminator") == {1.0}


@pytest.mark.parametrize(
    ("logged", "told"), [({}, ""), ({"val_pckh_averaged": 0.2222}, " (averaged 22.22)")], ids=["plain", "averaged"]
)
def test_progress_is_one_line_an_epoch(capsys, monkeypatch, logged, told):
    run_state = RunState([0.1, 0.1, 0.25, 0.2])
    progress = callbacks.Progress(run_state, epochs=12)
    now = iter([1000.0, 1000.0 + 400.0])
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(now))
    progress.on_epoch_begin(2)
    progress.on_epoch_begin(3)
    progress.on_epoch_end(3, {"loss": 0.0123456, "val_pckh": 0.2012, **logged})
    # Two epochs took 400 seconds; eight are left.
    assert capsys.readouterr().out == (
        f"epoch 4/12  loss 0.01235  PCKh 20.12{told}  best 25.00 (epoch 3)  time left 0:26:40\n"
    )
