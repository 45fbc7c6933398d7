import json
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
    shards.describe(path, {"dataset": "mpii", "metric": "pckh", "patch_size": PATCH, "splits": entries})
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
    with pytest.raises(UserError, match=r"dataset\.json.*build the records again") as caught:
        dataset.describe([str(tmp_path / "train-00000-of-00001.tfrecord")])
    assert "\n" not in str(caught.value)


def described(folder, **changes):
    """A folder whose description says so; its one shard's path."""
    folder.mkdir()
    told = {"dataset": "mpii", "metric": "pckh", "patch_size": 56, "splits": {"train": {"shards": {"t": 3}}}}
    (folder / "dataset.json").write_text(json.dumps({**told, **changes}))
    return str(folder / "t")


@pytest.mark.parametrize(
    ("changes", "entry"),
    [
        ({"patch_size": "56"}, "entry 'patch_size': must be a whole number"),
        ({"patch_size": 10**9}, "entry 'patch_size': must be a whole number <= 8192"),
        ({"metric": None}, "entry 'metric': must be text"),
        ({"splits": {"train": {"shards": {"t": -3}}}}, r"entry 'splits\['train'\]\.shards\['t'\]': must be .* >= 0"),
    ],
    ids=["text", "huge", "null", "negative"],
)
def test_an_entry_of_the_description_that_breaks_a_rule_is_named(tmp_path, changes, entry):
    with pytest.raises(UserError, match=entry):
        dataset.describe([described(tmp_path / "a", **changes)])


def test_shards_without_people_are_refused(tmp_path):
    path = described(tmp_path / "a", splits={"train": {"shards": {"t": 0}}})
    with pytest.raises(UserError, match="hold no people; build the records again"):
        dataset.describe([path])


def test_folders_that_can_be_read_as_one_are(tmp_path):
    first, second = described(tmp_path / "a"), described(tmp_path / "b", dataset="synthetic")
    found = dataset.describe([first, second])
    assert (found["people"], found["shards"], found["dataset"]) == (6, {first: 3, second: 3}, "mpii")


@pytest.mark.parametrize(("name", "value"), [("metric", "pck"), ("patch_size", 112), ("joints", ["nose"])])
def test_folders_of_different_kinds_are_not_scored_as_one(tmp_path, name, value):
    told = {"skeleton": {"name": "nose", "joints": value}} if name == "joints" else {name: value}
    paths = [described(tmp_path / "a"), described(tmp_path / "b", **told)]
    with pytest.raises(UserError, match=f"hold records of different {name} .*; give a glob of one folder's"):
        dataset.describe(paths)


def test_shards_without_a_record_are_not_read_for_ever():
    nobody = [integrity.Segment("a", 0, 0)]
    with pytest.raises(UserError, match="hold no people"):
        dataset.endless(nobody, patch_size=PATCH, batch_size=2)


def test_a_worker_whose_shards_hold_nobody_does_not_wait_for_ever():
    segments = [integrity.Segment("a", 0, 3), integrity.Segment("b", 0, 0)]
    with pytest.raises(UserError, match="hold no people"):
        dataset.endless(segments, patch_size=PATCH, batch_size=2, worker=(1, 2))


def test_patches_too_small_for_the_crops_are_told_once(capsys):
    dataset.tell_enlarged.cache_clear()
    for crop_size in (32, 64, 64):
        dataset.tell_enlarged(56, crop_size)
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "patches of 56 pixels are enlarged for crops of 64; build records with --patch_size=112" in told


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
