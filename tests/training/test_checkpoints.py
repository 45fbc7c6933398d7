import dataclasses
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from keras_apn import config
from keras_apn.training import checkpoints
from keras_apn.training.build import build_model
from keras_apn.training.checkpoints import Checkpoints
from keras_apn.training.run_state import RunState

MODEL = config.ModelConfig(crop_size=32, stacks=1, features=4, levels=1, discriminator_features=4)


@pytest.fixture(scope="module")
def model():
    """With all that a checkpoint can hold."""
    training = config.TrainingConfig(optimizer="adam", mode="alternating", split_optimizer=True, average_decay=0.9)
    return build_model(config.Config(model=MODEL, training=training), steps_per_epoch=10)


def variables(model):
    """All that training moves, but its step."""
    found = [v for network in checkpoints.networks(model).values() for v in network.weights]
    for optimizer in (model.optimizer, model.pose_optimizer, model.confidence_optimizer, model.adversarial_optimizer):
        found += optimizer.variables() if callable(optimizer.variables) else optimizer.variables
    return [*found, *model.average.values]


def fill(model, value):
    for variable in variables(model):
        variable.assign(np.full(variable.shape, value))
    model.step.assign(10 * value)


def filled(model):
    return {float(x) for v in variables(model) for x in np.ravel(v.numpy())}, int(model.step)


@pytest.fixture
def saved(model, tmp_path):
    """The checkpoints of steps 10, 20, 30 and 40, of which the last three are kept."""
    store = Checkpoints(model, tmp_path)
    for n in range(1, 5):
        fill(model, n)
        store.save(RunState([0.1 * n] * n, [[float(n)]]))
    fill(model, 9)
    return tmp_path / "checkpoints"


def test_a_fresh_workdir_has_nothing_to_restore(model, tmp_path):
    fill(model, 9)
    assert Checkpoints(model, tmp_path).restore() == RunState()
    assert filled(model) == ({9.0}, 90)
    assert not list(tmp_path.iterdir())


def test_the_last_ones_are_kept_and_nothing_else(saved):
    assert sorted(os.listdir(saved)) == ["20", "30", "40"]


def test_restoring_brings_everything_back_as_it_was_saved(saved, model):
    assert Checkpoints(model, saved.parent).restore() == RunState([0.4] * 4, [[4.0]])
    assert filled(model) == ({4.0}, 40)


@pytest.mark.parametrize("left_out", ["pose_discriminator", "confidence_discriminator"], ids=["C alone", "P alone"])
def test_one_discriminator_by_itself_is_kept(tmp_path, left_out):
    def build(seed):
        sizes, training = dataclasses.replace(MODEL, **{left_out: False}), config.TrainingConfig(seed=seed)
        return build_model(config.Config(model=sizes, training=training), steps_per_epoch=10)

    first, other = build(0), build(1)
    Checkpoints(first, tmp_path).save(RunState([0.5], [[1.0]]))
    assert Checkpoints(other, tmp_path).restore() == RunState([0.5], [[1.0]])
    found = [checkpoints.networks(model) for model in (first, other)]
    assert len(found[0]) == 2
    assert left_out not in found[0]
    for name, network in found[0].items():
        for weight, expected in zip(found[1][name].get_weights(), network.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, expected)


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["state.index", "state.data-00000-of-00001"])
@pytest.mark.parametrize("damage", [cut, flip, os.remove, lambda path: path.write_bytes(b"")])
def test_a_damaged_checkpoint_is_told_and_the_one_before_it_used(saved, model, capsys, file, damage):
    damage(saved / "40" / file)
    assert Checkpoints(model, saved.parent).restore().epoch == 3
    assert filled(model) == ({3.0}, 30)
    errors = capsys.readouterr().err
    assert errors.startswith(f"warning: {saved / '40'} is damaged; the one before it is tried (")
    assert len(errors.splitlines()) == 1
    assert sorted(os.listdir(saved)) == ["20", "30"]


def test_a_folder_of_a_crash_is_no_checkpoint(saved, model):
    shutil.copytree(saved / "40", saved / "50.partial")
    assert Checkpoints(model, saved.parent).restore().epoch == 4


def test_where_all_are_damaged_nothing_is_begun_anew(saved, model):
    for name in os.listdir(saved):
        cut(saved / name / "state.index")
    with pytest.raises(UserError, match=r"None of the checkpoints in .* can be read; give another --workdir"):
        Checkpoints(model, saved.parent).restore()
    assert len(os.listdir(saved)) == 3


def test_a_full_disk_leaves_the_last_checkpoint_whole(saved, model, monkeypatch):
    def write(path):
        os.makedirs(os.path.dirname(path))
        with open(path, "w", encoding="utf-8") as file:
            file.write("half")
        raise tf.errors.ResourceExhaustedError(
            None, None, "{{function_node save}} " + path + "; No space left on device [Op:SaveV2]"
        )

    store = Checkpoints(model, saved.parent)
    monkeypatch.setattr(store.checkpoint, "write", write)
    model.step.assign(50)
    with pytest.raises(
        UserError, match=r"step 50 cannot be written \(/[^{]*No space left on device\).*40 is whole, and a second start"
    ):
        store.save(RunState())
    assert sorted(os.listdir(saved)) == ["20", "30", "40"]
    assert Checkpoints(model, saved.parent).restore().epoch == 4
