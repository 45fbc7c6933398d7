import pytest

from data_pipeline.common.errors import UserError
from keras_apn.training import history


def epoch(workdir, number, **logs):
    callback = history.History(str(workdir))
    callback.on_epoch_begin(number)
    callback.on_epoch_end(number, logs)


def test_a_run_without_history_has_none(tmp_path):
    assert history.read(str(tmp_path)) == []


def test_epochs_are_kept_in_order(tmp_path):
    epoch(tmp_path, 0, loss=2.0, val_pckh=0.25)
    epoch(tmp_path, 1, loss=1.0, val_pckh=0.5)
    found = history.read(str(tmp_path))
    assert [(line["epoch"], line["loss"], line["val_pckh"]) for line in found] == [(1, 2.0, 0.25), (2, 1.0, 0.5)]
    assert all(line["seconds"] >= 0 for line in found)


@pytest.mark.parametrize(("times", "seconds"), [([0, 9, 10, 11.5, 12.5], 1.0), ([0, 9, 9.25], 0.25), ([0, 9], None)])
def test_what_a_step_takes_is_the_median_from_one_to_the_next(tmp_path, monkeypatch, times, seconds):
    clock = iter([*times, times[-1]])
    monkeypatch.setattr(history.time, "monotonic", lambda: next(clock))
    callback = history.History(str(tmp_path))
    callback.on_epoch_begin(0)
    for step in range(len(times) - 1):
        callback.on_train_batch_end(step)
    callback.on_epoch_end(0, {})
    assert history.read(str(tmp_path))[0].get("step_seconds") == seconds


def test_an_epoch_done_again_replaces_itself_and_what_came_after(tmp_path):
    for number, loss in ((0, 3.0), (1, 2.0), (2, 1.0), (1, 1.5)):
        epoch(tmp_path, number, loss=loss)
    assert [(line["epoch"], line["loss"]) for line in history.read(str(tmp_path))] == [(1, 3.0), (2, 1.5)]


def test_a_damaged_history_is_one_clear_line(tmp_path):
    (tmp_path / history.FILE).write_text('{"epoch": 1}\n{"epo')
    with pytest.raises(UserError, match=r"history\.jsonl, line \d+.*; delete the file"):
        history.read(str(tmp_path))
