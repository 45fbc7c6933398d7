import json

import pytest
import tensorflow as tf

from data_pipeline.records import shards


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_write_keeps_records_and_their_order(tmp_path):
    assert shards.write(tmp_path, "train", 2, 8, [b"one", b"two"]) == 2
    assert names(tmp_path) == ["train-00002-of-00008.tfrecord"]
    written = tf.data.TFRecordDataset(str(tmp_path / "train-00002-of-00008.tfrecord"))
    assert list(written.as_numpy_iterator()) == [b"one", b"two"]


def test_a_shard_may_be_empty(tmp_path):
    assert shards.write(tmp_path, "train", 0, 1, []) == 0
    assert names(tmp_path) == ["train-00000-of-00001.tfrecord"]


def test_nothing_is_left_of_a_shard_that_could_not_be_finished(tmp_path):
    def cut_short():
        yield b"one"
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        shards.write(tmp_path, "train", 0, 1, cut_short())
    assert names(tmp_path) == []


def test_a_shard_has_its_name_only_once_it_is_whole(tmp_path):
    seen = []

    def watched():
        yield b"one"
        seen.append(names(tmp_path))

    shards.write(tmp_path, "train", 0, 1, watched())
    assert seen == [["train-00000-of-00001.tfrecord.partial"]]


def test_describe_keeps_what_is_said_of_other_splits(tmp_path):
    train, test, newer = ({"shards": {}, "people": people} for people in (3, 1, 2))
    told = {"metric": "pckh", "patch_size": 56}
    shards.describe(tmp_path, {**told, "dataset": "lsp", "splits": {"train": train, "test": test}})
    shards.describe(tmp_path, {**told, "dataset": "mpii", "splits": {"test": newer}})
    whole = {**told, "dataset": "mpii", "splits": {"train": train, "test": newer}}
    assert json.loads((tmp_path / "dataset.json").read_text()) == whole
    assert names(tmp_path) == ["dataset.json"]
