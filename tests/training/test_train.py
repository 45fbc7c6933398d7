import dataclasses
import json

import numpy as np
import pytest

from data_pipeline.common import claims
from data_pipeline.common.errors import UserError
from data_pipeline.records import record_format, shards
from data_pipeline.synthetic import scenes
from keras_apn import config, train
from keras_apn.training import checkpoints, resuming, run_records
from keras_apn.training.build import build_model

pytestmark = pytest.mark.filterwarnings("ignore:Even though the `tf.config.experimental_run_functions_eagerly`")


@pytest.fixture(scope="module")
def one_person(tmp_path_factory):
    """Records of one person for training and one for validation."""
    folder = tmp_path_factory.mktemp("one")
    entries = {}
    for index, split in enumerate(("train", "validation")):
        record = record_format.encode(*scenes.sample(0, index), 56, split)
        entries[split] = {
            "people": 1,
            "shards": {shards.name(split, 0, 1): shards.write(folder, split, 0, 1, [record])},
        }
    shards.describe(folder, {"dataset": "synthetic", "metric": "pckh", "patch_size": 56, "splits": entries})
    return folder


@pytest.fixture(scope="module")
def settings(one_person):
    """Two epochs of two steps, in which everything that can change from step to step does."""
    return config.Config(
        model=config.ModelConfig(crop_size=32, stacks=1, features=4, levels=1, discriminator_features=4),
        data=config.DataConfig(
            dataset="synthetic",
            train_records=str(one_person / "train-*.tfrecord"),
            validation_records=str(one_person / "validation-*.tfrecord"),
        ),
        training=config.TrainingConfig(
            epochs=2,
            batch_size=1,
            steps_per_epoch=2,
            optimizer="adam",
            learning_rate=1e-2,
            learning_rate_schedule="cosine",
            threshold_schedule="linear",
            delta_start=3.0,
            epsilon_start=2.0,
        ),
    )


def everything(model):
    """All that training moves, as one list of arrays."""
    optimizers = (model.optimizer, model.pose_optimizer, model.confidence_optimizer)
    arrays = [w for network in checkpoints.networks(model).values() for w in network.get_weights()]
    for optimizer in optimizers:
        variables = optimizer.variables() if callable(optimizer.variables) else optimizer.variables
        arrays += [variable.numpy() for variable in variables]
    return [*arrays, model.step.numpy()]


@pytest.fixture(scope="module")
def uninterrupted(settings, eagerly, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("uninterrupted")
    return train.train(settings, workdir), workdir


@pytest.fixture(scope="module")
def resumed(settings, eagerly, tmp_path_factory):
    """A run that was stopped after its first epoch and started again."""
    workdir = tmp_path_factory.mktemp("resumed")

    def stop(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train.Progress, "on_epoch_end", stop)
        with pytest.raises(KeyboardInterrupt):
            train.train(settings, workdir)
    assert json.loads((workdir / "state.json").read_text())["epoch"] == 1
    return train.train(settings, workdir), workdir


def test_a_run_counts_its_steps(uninterrupted):
    model, _ = uninterrupted
    assert int(model.step) == int(model.optimizer.iterations) == int(model.pose_optimizer.iterations) == 4


def test_a_stopped_and_resumed_run_is_the_uninterrupted_one(uninterrupted, resumed):
    for whole, again in zip(everything(uninterrupted[0]), everything(resumed[0]), strict=True):
        np.testing.assert_array_equal(again, whole)


def test_a_resumed_run_has_the_scores_of_the_uninterrupted_one(uninterrupted, resumed):
    states = [json.loads((workdir / "state.json").read_text()) for _, workdir in (uninterrupted, resumed)]
    assert states[0] == states[1]
    assert states[0]["epoch"] == 2


def test_the_workdir_holds_the_configuration(uninterrupted, settings):
    assert config.load(uninterrupted[1]) == settings


def test_training_moves_all_three_networks(uninterrupted, settings):
    fresh = build_model(settings, 2)
    for name, network in checkpoints.networks(uninterrupted[0]).items():
        first, last = checkpoints.networks(fresh)[name].get_weights(), network.get_weights()
        assert sum((a != b).any() for a, b in zip(first, last, strict=True)) > 0.9 * len(first)


def changed(settings, **training):
    return dataclasses.replace(settings, training=dataclasses.replace(settings.training, **training))


def test_other_settings_are_not_resumed(uninterrupted, settings):
    _, workdir = uninterrupted
    other = dataclasses.replace(changed(settings, delta=0.4), data=dataclasses.replace(settings.data, sigma=2.0))
    with pytest.raises(UserError) as caught:
        train.train(other, workdir)
    assert str(caught.value) == (
        f"{workdir} holds a run of other settings (--sigma=1.0 there, 2.0 here; --delta=0.5 there, 0.4 here); "
        "give another --workdir"
    )
    assert config.load(workdir) == settings


def test_more_epochs_are_welcome(uninterrupted, settings):
    resuming.check_resumable(changed(settings, epochs=5), uninterrupted[1])


def test_a_run_in_float16_says_how_to_go_on(tmp_path, settings):
    settings.save(tmp_path)
    path = tmp_path / "config.json"
    raw = json.loads(path.read_text())
    raw["training"]["precision"] = "float16"
    path.write_text(json.dumps(raw))
    with pytest.raises(UserError, match=f"was trained in float16.*--init_from={tmp_path}$"):
        resuming.check_resumable(changed(settings, precision="bfloat16"), str(tmp_path))


def test_an_empty_workdir_is_no_hindrance(tmp_path, settings):
    resuming.check_resumable(settings, tmp_path)


@pytest.mark.parametrize(
    ("dataset", "sources"),
    [
        ("mpii", "--annotations=mpii_human_pose_v1_u12_1.mat --images=images"),
        ("lsp", "--annotations=lsp_dataset/joints.mat --images=lsp_dataset/images"),
        ("lspet", "--annotations=hr-lspet/joints.mat --images=hr-lspet/images"),
        ("synthetic", "--limit="),
    ],
    ids=["mpii", "lsp", "lspet", "synthetic"],
)
def test_missing_records_are_answered_with_the_command_that_builds_them(dataset, sources):
    settings = config.Config(data=config.DataConfig(dataset=dataset))
    with pytest.raises(UserError) as caught:
        run_records.find_records(settings, "no/such place/train-*.tfrecord")
    message = str(caught.value)
    assert message.startswith("No records match no/such place/train-*.tfrecord")
    assert f"python -m data_pipeline.build_tfrecords --dataset={dataset} {sources}" in message
    # A crop of 256 needs 1.75 times as much.
    assert message.endswith("--patch_size=448 --output='no/such place'")
    assert "\n" not in message


def test_missing_records_leave_no_workdir(settings, tmp_path):
    missing = dataclasses.replace(settings, data=dataclasses.replace(settings.data, train_records="nowhere/*"))
    with pytest.raises(UserError, match="No records match"):
        train.train(missing, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_batch_larger_than_the_records_is_refused(settings, tmp_path):
    with pytest.raises(UserError, match="--batch_size=2 is more than the 1 training people"):
        train.train(changed(settings, batch_size=2, steps_per_epoch=0), tmp_path / "run")


def test_two_trainings_in_one_workdir_are_one_too_many(settings, tmp_path):
    with claims.alone(str(tmp_path), train.CLAIM, "workdir"):
        with pytest.raises(UserError, match=r"Another process works in .*; wait for its end or give another --workdir"):
            train.train(settings, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [train.CLAIM]


def elsewhere(settings, **data):
    return dataclasses.replace(settings, data=dataclasses.replace(settings.data, **data))


def test_a_run_goes_on_once_its_records_moved(settings, tmp_path):
    gone = {"train_records": "gone/train-*", "validation_records": "gone/val-*", "mix": "gone/a=0.5,gone/b=0.1"}
    elsewhere(settings, **gone).save(tmp_path)
    resuming.check_resumable(elsewhere(settings, mix="here/a=0.5,here/b=0.1"), tmp_path)
    with pytest.raises(UserError, match="--mix="):
        resuming.check_resumable(elsewhere(settings, mix="here/a=0.4,here/b=0.1"), tmp_path)


@pytest.mark.parametrize("name", ["train_records", "validation_records"])
def test_a_run_whose_records_are_there_keeps_them(settings, tmp_path, name):
    settings.save(tmp_path)
    with pytest.raises(UserError, match=f"--{name}=.* there, other/x here"):
        resuming.check_resumable(elsewhere(settings, **{name: "other/x"}), tmp_path)


def test_training_tells_of_patches_that_are_too_small(settings, capsys):
    run_records.dataset.tell_enlarged.cache_clear()
    larger = dataclasses.replace(settings, model=dataclasses.replace(settings.model, crop_size=64))
    run_records.of_run(larger)
    assert "warning: the records' patches of 56 pixels are enlarged for crops of 64" in capsys.readouterr().err
