import pathlib

import numpy as np
import pytest
import tensorflow as tf

from data_pipeline.common.errors import UserError
from data_pipeline.readers.person import Person
from data_pipeline.records import dataset, framing, integrity, record_format, shards

PATCH = 16


def record(index):
    """A person whose index can be told from everything in the record."""
    joints = np.full((16, 2), float(index), np.float32)
    annotated = np.arange(16) != index
    somebody = Person(
        f"{index}.jpg", index, "train", joints, annotated, annotated, 1.0 + index, np.array([8.0, 8.0]), 16.0
    )
    return record_format.encode(somebody, np.full((16, 16, 3), 10 * index, np.uint8), PATCH, "train")


def write(path, people):
    """Two shards of people: every second one in the first, the others in the second."""
    halves = people[::2], people[1::2]
    return {
        shards.name("train", n, 2): shards.write(path, "train", n, 2, map(record, own)) for n, own in enumerate(halves)
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten people in two shards: even ones in the first, odd ones in the second."""
    path = tmp_path_factory.mktemp("records")
    names = write(path, range(10))
    entries = {"train": {"people": 10, "shards": names}, "validation": {"people": 4, "shards": {"v": 4}}}
    shards.describe(path, {"dataset": "mpii", "patch_size": PATCH, "splits": entries})
    return path


@pytest.fixture(scope="module")
def paths(folder):
    return dataset.find(str(folder / "train-*.tfrecord"))


@pytest.fixture
def service():
    """The address of a tf.data service with one worker."""
    dispatcher = tf.data.experimental.service.DispatchServer()
    address = dispatcher.target.split("://")[1]
    worker = tf.data.experimental.service.WorkerServer(
        tf.data.experimental.service.WorkerConfig(dispatcher_address=address)
    )
    yield dispatcher.target
    del worker


def order(paths, epochs=1, **options):
    """The people's indices in the order in which they come, an epoch a list."""
    batches = dataset.load(paths, patch_size=PATCH, batch_size=3, names=True, **options)
    return [[int(index) for batch in batches for index in batch["person_index"]] for _ in range(epochs)]


EVEN_THEN_ODD = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def test_find_sorts_the_shards(folder, paths):
    assert [path.rsplit("/", 1)[-1] for path in paths] == [
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
    ]


def test_find_refuses_a_glob_without_records(folder):
    with pytest.raises(UserError, match=r"No records match .*test-\*\.tfrecord"):
        dataset.find(str(folder / "test-*.tfrecord"))


def test_without_shuffling_records_keep_the_order_of_the_files(paths):
    assert order(paths) == [EVEN_THEN_ODD]


def test_batches_hold_what_the_records_do(paths):
    batch = next(iter(dataset.load(paths, patch_size=PATCH, batch_size=3)))
    assert {name: (value.shape.as_list(), value.dtype.name) for name, value in batch.items()} == {
        "patch": ([3, 16, 16, 3], "uint8"),
        "joints_patch": ([3, 16, 2], "float32"),
        "annotated": ([3, 16], "bool"),
        "visible": ([3, 16], "bool"),
        "occlusion_known": ([3], "bool"),
        "head_size_patch": ([3], "float32"),
    }
    # 28 image pixels are shown by 16.
    np.testing.assert_allclose(batch["head_size_patch"], np.array([1, 3, 5]) * 16 / 28, rtol=1e-6)
    assert np.flatnonzero(~batch["annotated"].numpy()[1]).tolist() == [2]


def test_names_are_given_when_asked_for(paths):
    batch = next(iter(dataset.load(paths, patch_size=PATCH, batch_size=3, names=True)))
    assert batch["image"].numpy().tolist() == [b"0.jpg", b"2.jpg", b"4.jpg"]
    assert batch["patch_to_image"].shape == (3, 2, 3)


@pytest.mark.parametrize("shuffle", [0, 100], ids=["in order", "shuffled"])
def test_an_epoch_keeps_its_ragged_last_batch(paths, shuffle):
    batches = dataset.load(paths, patch_size=PATCH, batch_size=4, shuffle=shuffle)
    assert [len(batch["patch"]) for batch in batches] == [4, 4, 2]


def test_repeated_batches_are_full_and_go_over_all_records(paths):
    batches = dataset.endless(paths, patch_size=PATCH, batch_size=4, shuffle=100, names=True)
    first_twenty = [batch["person_index"].numpy() for batch in batches.take(5)]
    assert [len(batch) for batch in first_twenty] == [4] * 5
    indices = np.concatenate(first_twenty)
    assert sorted(indices[:10]) == sorted(indices[10:]) == list(range(10))


def test_a_shuffled_epoch_has_every_record_once(paths):
    for epoch in order(paths, epochs=3, shuffle=100):
        assert sorted(epoch) == list(range(10))


def test_the_same_seed_shuffles_alike(paths):
    assert order(paths, epochs=2, shuffle=100, seed=3) == order(paths, epochs=2, shuffle=100, seed=3)


def test_another_seed_shuffles_otherwise(paths):
    assert order(paths, shuffle=100, seed=3) != order(paths, shuffle=100, seed=4)


def test_each_epoch_has_its_own_order(paths):
    first, second, third = order(paths, epochs=3, shuffle=100, seed=3)
    assert first != second != third != first
    assert EVEN_THEN_ODD not in (first, second, third)


def test_describe_counts_the_people_of_the_given_shards(paths):
    assert dataset.describe(paths)["people"] == 10
    assert dataset.describe(paths[:1])["people"] == 5
    assert dataset.describe(paths)["patch_size"] == PATCH


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "[]", '"text"', "{}", '{"splits": {"train": {}}}', '{"splits": []}'],
    ids=["missing", "empty", "cut", "a list", "a text", "no splits", "no shards", "splits are a list"],
)
def test_a_damaged_description_is_one_clear_line(tmp_path, content):
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(UserError, match=r"dataset\.json is missing or damaged .*build the records again") as caught:
        dataset.describe([str(tmp_path / "train-00000-of-00001.tfrecord")])
    assert "\n" not in str(caught.value)


def test_a_shard_that_the_description_does_not_know_is_refused(folder):
    with pytest.raises(UserError, match=r"does not describe train-00009-of-00010\.tfrecord; give a glob"):
        dataset.describe([str(folder / "train-00009-of-00010.tfrecord")])


@pytest.mark.parametrize("shuffle", [0, 100], ids=["in order", "shuffled"])
def test_damaged_records_are_left_out(paths, tmp_path, shuffle):
    copy = tmp_path / "train-00000-of-00002.tfrecord"
    content = bytearray(pathlib.Path(paths[0]).read_bytes())
    third = list(framing.read(paths[0]))[2]
    content[third.offset + 40] ^= 1
    copy.write_bytes(content)
    segments, _ = integrity.segments(str(copy))
    assert sorted(order([*segments, paths[1]], shuffle=shuffle)[0]) == [0, 1, 2, 3, 5, 6, 7, 8, 9]


def test_workers_share_the_records_out(paths):
    for index, expected in enumerate(([0, 2, 4, 6, 8], [1, 3, 5, 7, 9])):
        batches = dataset.endless(paths, patch_size=PATCH, batch_size=5, names=True, shuffle=100, worker=(index, 2))
        assert [sorted(batch["person_index"].numpy()) for batch in batches.take(2)] == [expected] * 2


def test_more_workers_than_shards_are_refused(paths):
    with pytest.raises(UserError, match="3 workers need as many shards, here are 2; build with --shards=3"):
        dataset.endless(paths, patch_size=PATCH, batch_size=3, worker=(0, 3))


def test_without_a_promised_order_every_record_comes_once(paths):
    assert sorted(order(paths, shuffle=100, deterministic=False)[0]) == list(range(10))


def test_a_data_service_reads_the_same_records(paths, service):
    assert sorted(order(paths, shuffle=100, service=service)[0]) == list(range(10))


@pytest.mark.parametrize("served", [False, True])
def test_workers_share_a_mixture_out(paths, service, tmp_path, served):
    write(tmp_path, range(10, 20))
    options = {"patch_size": PATCH, "batch_size": 10, "names": True, "shuffle": 100}
    options |= {"proportions": [0.5, 0.5], "service": service if served else None}
    for index in range(2):
        batches = dataset.endless([paths, sorted(map(str, tmp_path.iterdir()))], worker=(index, 2), **options)
        assert sorted(next(iter(batches))["person_index"].numpy()) == list(range(index, 20, 2))


@pytest.mark.parametrize("address", ["grpc://localhost:1", "grpc://localhost", "nowhere"])
def test_a_service_that_does_not_answer_is_one_clear_line(paths, address):
    with pytest.raises(UserError, match=rf"{address} does not answer .*; python -m data_pipeline\.service starts one"):
        dataset.load(paths, patch_size=PATCH, batch_size=3, service=address)
