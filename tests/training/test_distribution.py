import dataclasses
import json
import signal

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.records import dataset, padding
from keras_apn import config
from keras_apn.training import distribution, loop, run_records, signals
from keras_apn.training.build import build_model


def cluster(kind, index, **jobs):
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (cluster("worker", 0, worker=["a:1"]), (0, 1)),
        (cluster("worker", 1, worker=["a:1", "b:1"]), (1, 2)),
        (cluster("chief", 0, chief=["a:1"], worker=["b:1", "c:1"]), (0, 3)),
        (cluster("worker", 1, chief=["a:1"], worker=["b:1", "c:1"]), (2, 3)),
        (cluster("worker", "1", worker=["a:1", "b:1"]), (1, 2)),
    ],
    ids=["one", "two", "chief", "behind a chief", "an index as text"],
)
def test_tf_config_places_a_worker(text, place):
    assert distribution.place_in_cluster(text) == place


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r'multi_worker needs TF_CONFIG, on each machine with its own index: \{"cluster"'),
        ("", "multi_worker needs TF_CONFIG"),
        ("{", "TF_CONFIG is not a whole JSON file .* it must be like"),
        ("[" * 10000, "TF_CONFIG: the whole: must be an object"),
        ("[]", "TF_CONFIG: the whole: must be an object"),
        ('{"task": {}}', "TF_CONFIG: .* lacks the field"),
        ('{"cluster": {"worker": 3}, "task": {"type": "worker", "index": 0}}', r"entry 'cluster\[.*must be a list"),
        (cluster("worker", "first", worker=["a:1"]), r"entry 'task.index': must be .*Received: .first"),
        (cluster("worker", 2, worker=["a:1", "b:1"]), "has no worker 2 in its cluster; it has 2, counted from 0"),
        (cluster("worker", -1, worker=["a:1", "b:1"]), "has no worker -1"),
        (cluster("chief", 0, worker=["a:1", "b:1"]), "has no chief 0 in its cluster; it has 0"),
        (cluster("evaluator", 0, worker=["a:1"]), r"a chief and workers only. Received: \['evaluator', 'worker'\]"),
        (cluster("worker", 0, worker=["a:1"], ps=["b:1"]), "a chief and workers only"),
    ],
)
def test_a_tf_config_that_places_nobody_is_one_clear_line(text, message):
    with pytest.raises(UserError, match=message) as caught:
        distribution.place_in_cluster(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("devices", "settings", "message"),
    [
        (2, {"batch_size": 5}, "--batch_size=5 is no multiple of the 2 devices that share it"),
        (2, {"batch_size": 8, "accumulate": 8}, "--accumulate=8 does not divide the 4 people of a batch"),
        (2, {"accumulate": 2, "synchronized_batch_norm": True}, "--synchronized_batch_norm needs --accumulate=1"),
        (2, {"recompute": True, "synchronized_batch_norm": True}, "--synchronized_batch_norm needs --norecompute"),
        (2, {"xla": True}, "--xla needs --distribute=none"),
    ],
)
def test_settings_that_devices_cannot_share_are_one_clear_line(devices, settings, message):
    with pytest.raises(UserError, match=message):
        distribution.check(config.TrainingConfig(**settings), devices)


@pytest.mark.parametrize(
    ("devices", "settings"),
    [
        (2, {"batch_size": 8, "accumulate": 4}),
        (2, {"batch_size": 8, "synchronized_batch_norm": True}),
        (1, {"batch_size": 5, "accumulate": 5, "synchronized_batch_norm": True, "xla": True}),
    ],
)
def test_settings_that_devices_can_share_are_taken(devices, settings):
    distribution.check(config.TrainingConfig(**settings), devices)


def test_a_cluster_that_cannot_be_joined_is_one_clear_line(monkeypatch):
    def fail():
        raise tf.errors.UnknownError(None, None, "Could not start gRPC server")

    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", fail)
    with pytest.raises(UserError, match=r"cluster of TF_CONFIG cannot be joined \(Could not start gRPC server\)"):
        distribution.make_strategy("multi_worker")


def worker(index, count):
    """A worker of several, without the others."""
    workers = distribution.Workers(config.TrainingConfig())
    workers.index, workers.count = index, count
    return workers


def test_one_worker_has_the_workdir_and_the_others_a_folder_for_a_while(tmp_path):
    with worker(0, 2).folder(tmp_path / "run") as own:
        assert own == tmp_path / "run"
    assert (tmp_path / "run").is_dir()
    other = worker(1, 2)
    with other.folder(tmp_path / "other") as own:
        assert tf.io.gfile.isdir(own)
    assert not tf.io.gfile.exists(own)
    assert not (tmp_path / "other").exists()
    assert not other.writes


def test_workers_of_other_settings_or_steps_are_told(monkeypatch):
    workers = worker(1, 2)
    monkeypatch.setattr(workers, "told", lambda number: [number, number])
    workers.check_agreement(config.Config(), 7)
    monkeypatch.setattr(workers, "told", lambda number: [0, number] if number == 7 else [number, number])
    with pytest.raises(UserError, match=r"go on after steps \[0, 7\]; --workdir must be a folder that all see"):
        workers.check_agreement(config.Config(), 7)
    monkeypatch.setattr(workers, "told", lambda number: [0, number])
    with pytest.raises(UserError, match="different settings; start all of them with the same command"):
        workers.check_agreement(config.Config(), 7)


@pytest.mark.parametrize("count", [1, 2], ids=["alone", "of two"])
def test_a_lost_worker_is_one_clear_line_where_there_are_several(count):
    error = tf.errors.UnavailableError(None, None, "Connection reset by peer")
    with (
        pytest.raises(
            tf.errors.UnavailableError if count == 1 else UserError,
            match="reset" if count == 1 else r"does not answer any more \(UnavailableError\); start all of them again",
        ),
        worker(0, count).together(),
    ):
        raise error


def test_a_signal_to_one_worker_is_a_signal_to_all_at_the_next_look(monkeypatch):
    others = [0]
    with signals.StopSignal(lambda number: [number, *others]) as asked:
        others[0] = int(signal.SIGTERM)
        asked.look(signals.EVERY + 1)
        assert asked.signal is None
        asked.look(signals.EVERY)
        assert asked.signal is signal.SIGTERM


@pytest.fixture(scope="module")
def settings(tiny_config):
    model = dataclasses.replace(tiny_config.model, features=4, levels=1, discriminators=False)
    return dataclasses.replace(tiny_config, model=model)


def people(batches):
    return [int(np.sum(batch["annotated"].numpy().any(axis=1))) for batch in batches]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        # Five people, in batches of 4.
        (run_records.Share(0, 1, 2), [2, 2, 1, 0]),
        (run_records.Share(0, 2, 2), [2, 1]),
        (run_records.Share(1, 2, 2), [2, 0]),
        (run_records.Share(1, 2, 4), [1, 1, 0, 0]),
    ],
    ids=["two devices", "first of two workers", "second of two", "two devices of the second of two"],
)
def test_everybody_is_validated_once_in_batches_of_one_size(settings, share, expected):
    records = run_records.survey(settings, settings.data.validation_records, 0.0)
    size = len(expected)
    batches = list(run_records.held_out_share(settings, records, share).take(2 * size))
    assert people(batches) == 2 * expected
    assert {batch["patch"].shape for batch in batches} == {(4 // share.devices, 56, 56, 3)}


def test_padding_keeps_what_is_there(settings):
    records = run_records.survey(settings, settings.data.validation_records, 0.0)
    found = dataset.load(records.segments, patch_size=56, batch_size=4)
    expected, last = list(found), list(padding.padded(found, 4, 3))
    assert len(last) == 3
    for name, values in expected[1].items():
        np.testing.assert_array_equal(last[1][name][:1], values)
        assert not last[1][name][1:].numpy().any()


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_people_of_whom_nothing_is_annotated_change_no_score(settings, reduction):
    training = dataclasses.replace(settings.training, reduction=reduction)
    model = build_model(dataclasses.replace(settings, training=training), 1)
    records = run_records.survey(settings, settings.data.validation_records, 0.0)
    found = dataset.load(records.segments, patch_size=56, batch_size=5)
    padded = run_records.held_out_share(settings, records, run_records.Share(0, 1, 2))
    whole = loop.Validation(found, 1).scores(model)
    assert loop.Validation(padded, 4).scores(model) == pytest.approx(whole, rel=1e-5)


def test_workers_together_are_given_the_batch_that_is_named(settings):
    records = run_records.survey(settings, settings.data.train_records, 0.0)
    named = run_records.whole_batch(settings, records, 2, 1)
    (batch,) = run_records.batches(settings, records, 2).take(1)
    np.testing.assert_array_equal(named["patch"], batch["patch"])
    assert len(named["image"]) == 4
