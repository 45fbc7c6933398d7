"""Several devices and several processes train what one does: the same weights, by float error, and the same scores.

In processes of their own: devices and other workers must be known before TensorFlow starts.
"""

import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from data_pipeline.records import record_format, shards
from data_pipeline.synthetic import scenes
from keras_apn import config
from keras_apn.training import history

ROOT = pathlib.Path(__file__).parents[2]
SECONDS = 1800
# Measured: at most 5e-5, above 1e-2 where devices do not share means, norms or batch norm (BUILD_NOTES 37).
CLOSE = 1e-3


@pytest.fixture(scope="module")
def two_shards(tmp_path_factory):
    """A folder with two training shards of 4 people and 5 validation people."""
    folder = tmp_path_factory.mktemp("two_shards")
    people = {"train": [range(4), range(4, 8)], "validation": [range(8, 13)]}
    entries = {}
    for split, parts in people.items():
        counts = {}
        for n, part in enumerate(parts):
            encoded = [record_format.encode(*scenes.sample(0, index, split), 56, split) for index in part]
            counts[shards.name(split, n, len(parts))] = shards.write(folder, split, n, len(parts), encoded)
        entries[split] = {"people": sum(map(len, parts)), "shards": counts}
    shards.describe(folder, {"dataset": "synthetic", "metric": "pckh", "patch_size": 56, "splits": entries})
    return folder


@pytest.fixture(scope="module")
def settings(tiny_config, two_shards):
    """Two epochs of one step, unaugmented, no moved joints, on batches that hold as many people of either shard."""
    return dataclasses.replace(
        tiny_config,
        model=dataclasses.replace(tiny_config.model, features=4, levels=1, discriminator_features=4),
        data=config.DataConfig(
            dataset="synthetic",
            train_records=f"{two_shards}/train-*",
            validation_records=f"{two_shards}/validation-*",
            rotation=0.0,
            scale=0.0,
            flip=0.0,
            color=0.0,
            shuffle=1,
        ),
        training=config.TrainingConfig(
            epochs=2,
            steps_per_epoch=1,
            batch_size=4,
            panel_epochs=0,
            average_decay=0.5,
            synchronized_batch_norm=True,
            # Like the augmentation, every device has its own draws of these.
            moved_joints=False,
        ),
    )


def start(settings, folder, name, environment=None, **told):
    """Starts a training; its weights come into `folder/name.npz`."""
    settings.save(folder)
    told = {"config": str(folder), "workdir": str(folder / "run"), "out": str(folder / f"{name}.npz"), **told}
    command = [sys.executable, str(ROOT / "tests" / "training_process.py"), json.dumps(told)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **(environment or {})}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables)


def ended(*processes):
    """Waits for processes and gives exit code, output and errors of each; none outlives the test."""
    try:
        printed = [process.communicate(timeout=SECONDS) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *each) for process, each in zip(processes, printed, strict=True)]


def finish(*processes):
    """What processes that end well print."""
    found = ended(*processes)
    for code, _, errors in found:
        assert code == 0, errors[-3000:]
    return [out for _, out, _ in found]


def trained(settings, **training):
    return dataclasses.replace(settings, training=dataclasses.replace(settings.training, **training))


@pytest.fixture(scope="module")
def alone(settings, tmp_path_factory):
    """The folder of a training on one device."""
    folder = tmp_path_factory.mktemp("alone")
    finish(start(settings, folder, "weights"))
    return folder


def apart(found, expected):
    """By network and kind, how far what training changed is from what it should have, as a share of that."""
    shares = {}
    for kind in {name.partition("/")[0] for name in expected.files} - {"begun"}:
        names = [name for name in expected.files if name.startswith(f"{kind}/")]
        change, other = (
            np.concatenate([np.ravel(weights[name].astype(np.float64) - weights[f"begun/{name}"]) for name in names])
            for weights in (expected, found)
        )
        shares[kind] = np.linalg.norm(change - other) / np.linalg.norm(change)
    return shares


def assert_same_training(folder, name, alone):
    """The same change of every network, the same losses and the same scores."""
    assert max(apart(np.load(folder / f"{name}.npz"), np.load(alone / "weights.npz")).values()) < CLOSE
    epochs, expected = (history.read(place / "run") for place in (folder, alone))
    assert [line["epoch"] for line in epochs] == [1, 2]
    for line, other in zip(epochs, expected, strict=True):
        # Which joints are moved for the score follows the batches, which each device has smaller ones of.
        own = dict.fromkeys(("seconds", "step_seconds", "val_p_moved_auc"), 0)
        assert {**line, **own} == pytest.approx({**other, **own}, rel=1e-4, abs=1e-6)
        assert line["val_pckh"] > 0


@pytest.mark.slow
def test_a_run_goes_on_on_two_devices_as_it_would_on_one(settings, alone, tmp_path):
    finish(start(trained(settings, epochs=1), tmp_path, "first"))
    (told,) = finish(start(trained(settings, distribute="mirrored"), tmp_path, "weights", devices=2))
    assert told.startswith("Training on 2 devices on ")
    assert f"Going on in {tmp_path / 'run'} after epoch 1.\n" in told
    assert_same_training(tmp_path, "weights", alone)


def clusters():
    """TF_CONFIG of two workers on this machine, on ports that were free a moment ago."""
    places = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    addresses = [f"127.0.0.1:{place.getsockname()[1]}" for place in places]
    for place in places:
        place.close()
    tasks = ({"type": "worker", "index": index} for index in range(2))
    return [{"TF_CONFIG": json.dumps({"cluster": {"worker": addresses}, "task": task})} for task in tasks]


def assert_equal_bits(folder):
    """Both workers hold the same."""
    weights = [np.load(folder / f"{name}.npz") for name in ("chief", "other")]
    assert set(weights[0].files) == set(weights[1].files)
    for name in weights[0].files:
        np.testing.assert_array_equal(weights[0][name], weights[1][name], err_msg=name)


@pytest.mark.slow
def test_two_processes_train_what_one_does_and_one_of_them_writes(settings, alone, tmp_path):
    """One of them is asked to stop after the first step; both do, and go on from there."""
    both = trained(settings, distribute="multi_worker")
    first, second = clusters()
    chief, other = finish(start(both, tmp_path, "chief", first), start(both, tmp_path, "other", second, stop_after=1))
    assert chief.startswith("Training on 2 devices of 2 workers, here ")
    assert f"Going on in {tmp_path / 'run'} after epoch 0, step 1 of the next." in chief
    assert other == ""
    assert_equal_bits(tmp_path)
    assert_same_training(tmp_path, "chief", alone)
    # The process that wrote them.
    events = (tmp_path / "run" / "tensorboard" / "train").iterdir()
    assert len({event.name.split(".")[-2] for event in events}) == 1


@pytest.mark.slow
def test_where_a_worker_is_lost_the_other_says_so_and_one_alone_goes_on(settings, alone, tmp_path):
    both = trained(settings, distribute="multi_worker", checkpoint_steps=1)
    first, second = clusters()
    chief, other = ended(start(both, tmp_path, "chief", first), start(both, tmp_path, "other", second, die_after=1))
    assert other[0] == -signal.SIGKILL
    assert chief[0] == 1
    assert "UserError: Another worker does not answer any more (" in chief[2].strip().splitlines()[-1]
    (told,) = finish(start(trained(settings, checkpoint_steps=1), tmp_path, "weights"))
    assert f"Going on in {tmp_path / 'run'} after epoch 0, step 1 of the next." in told
    assert_same_training(tmp_path, "weights", alone)


@pytest.mark.slow
def test_a_run_of_one_goes_on_with_two_workers(settings, alone, tmp_path):
    finish(start(trained(settings, epochs=1), tmp_path, "first"))
    both = trained(settings, distribute="multi_worker")
    chief, _ = finish(
        *(start(both, tmp_path, n, place) for n, place in zip(("chief", "other"), clusters(), strict=True))
    )
    assert f"Going on in {tmp_path / 'run'} after epoch 1.\n" in chief
    assert_same_training(tmp_path, "chief", alone)


@pytest.mark.slow
def test_two_processes_hold_equal_bits_as_users_start_them(settings, tmp_path):
    """In graphs, by RMSProp, with augmentation, moved joints and batch norms of each one's own, in parts of a batch."""
    data = dataclasses.replace(settings.data, rotation=30.0, scale=0.25, flip=0.5, color=0.4, shuffle=8)
    plain = trained(settings, synchronized_batch_norm=False, moved_joints=True, distribute="multi_worker", epochs=1)
    whole = trained(dataclasses.replace(plain, data=data), accumulate=2, steps_per_epoch=3)
    processes = [
        start(whole, tmp_path, name, place, whole=True)
        for name, place in zip(("chief", "other"), clusters(), strict=True)
    ]
    chief, other = finish(*processes)
    assert "epoch 1/1" in chief
    assert other == ""
    assert_equal_bits(tmp_path)
