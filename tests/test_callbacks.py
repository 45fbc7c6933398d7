import json

import numpy as np
import pytest

from keras_apn import callbacks, config, networks

SETTINGS = config.Config(
    model=config.ModelConfig(crop_size=32, stacks=1, features=4, levels=1, discriminator_features=4),
    training=config.TrainingConfig(optimizer="adam"),
)


@pytest.fixture(scope="module")
def model():
    return networks.adversarial_posenet(SETTINGS, steps_per_epoch=10)


@pytest.fixture
def checkpoints(model, tmp_path):
    """Checkpoints of a fresh workdir."""
    callback = callbacks.Checkpoints(tmp_path)
    callback.set_model(model)
    callback.restore(model)
    return callback


def fill(model, value):
    """Makes every number that training moves, networks' and optimizers', tell the epoch."""
    for network in callbacks.networks(model).values():
        network.set_weights([np.full_like(w, value) for w in network.get_weights()])
    for optimizer in (model.optimizer, model.pose_optimizer, model.confidence_optimizer):
        for variable in optimizer.variables() if callable(optimizer.variables) else optimizer.variables:
            variable.assign(np.full(variable.shape, value))
    model.step.assign(int(10 * value))


def filled(model):
    """The set of all those numbers."""
    found = {float(x) for n in callbacks.networks(model).values() for w in n.get_weights() for x in np.ravel(w)}
    for optimizer in (model.optimizer, model.pose_optimizer, model.confidence_optimizer):
        variables = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
        found |= {float(x) for v in variables for x in np.ravel(v.numpy())}
    return found, int(model.step)


def run(callback, model, scores):
    for epoch, score in enumerate(scores):
        fill(model, epoch + 1)
        callback.on_epoch_end(epoch, {"val_pckh": score})


def best(model, workdir, name):
    """The numbers in the best weights of a network."""
    network = callbacks.networks(model)[name]
    network.load_weights(callbacks.best_path(workdir, name))
    return {float(x) for w in network.get_weights() for x in np.ravel(w)}


def test_a_fresh_workdir_starts_at_epoch_0(checkpoints, model):
    assert checkpoints.restore(model) == 0


@pytest.mark.parametrize(
    ("scores", "epoch"),
    [((0.1, 0.3, 0.2), 2), ((0.3, 0.2, 0.1), 1), ((0.1, 0.2, 0.2), 2)],
    ids=["middle", "first", "tie"],
)
def test_the_best_weights_are_those_of_the_best_epoch(checkpoints, model, tmp_path, scores, epoch):
    run(checkpoints, model, scores)
    state = json.loads((tmp_path / "state.json").read_text())
    assert state == {"epoch": 3, "best": max(scores), "best_epoch": epoch}
    for name in ("generator", "pose_discriminator", "confidence_discriminator"):
        assert best(model, tmp_path, name) == {epoch}


def test_restoring_brings_everything_back_as_it_was_saved(checkpoints, model, tmp_path):
    run(checkpoints, model, (0.3, 0.2))
    fill(model, 9)
    again = callbacks.Checkpoints(tmp_path)
    assert again.restore(model) == 2
    assert filled(model) == ({2.0}, 20)
    assert again.state == {"epoch": 2, "best": 0.3, "best_epoch": 1}


def test_the_best_score_of_before_still_counts_after_restoring(checkpoints, model, tmp_path):
    run(checkpoints, model, (0.3,))
    again = callbacks.Checkpoints(tmp_path)
    again.set_model(model)
    again.restore(model)
    fill(model, 5)
    again.on_epoch_end(1, {"val_pckh": 0.2})
    assert best(model, tmp_path, "generator") == {1.0}


def test_the_last_three_checkpoints_are_kept(checkpoints, model, tmp_path):
    run(checkpoints, model, (0.1, 0.2, 0.3, 0.4, 0.5))
    kept = sorted(path.stem for path in (tmp_path / "checkpoints").glob("*.index"))
    assert kept == ["ckpt-3", "ckpt-4", "ckpt-5"]


def test_no_half_written_file_is_left(checkpoints, model, tmp_path):
    run(checkpoints, model, (0.1, 0.2))
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]
    assert sorted(path.name for path in (tmp_path / "best").iterdir()) == [
        "confidence_discriminator.weights.h5",
        "generator.weights.h5",
        "pose_discriminator.weights.h5",
    ]


def test_progress_is_one_line_an_epoch(checkpoints, capsys, monkeypatch):
    progress = callbacks.Progress(checkpoints, epochs=12, first_epoch=2)
    now = iter([1000.0, 1000.0 + 400.0])
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: next(now))
    checkpoints.state = {"epoch": 4, "best": 0.25, "best_epoch": 3}
    progress.on_train_begin()
    progress.on_epoch_end(3, {"loss": 0.0123456, "val_pckh": 0.2012})
    # Two epochs took 400 seconds; eight are left.
    assert capsys.readouterr().out == (
        "epoch 4/12  loss 0.01235  PCKh 20.12  best 25.00 (epoch 3)  time left 0:26:40\n"
    )
