import pytest
import tensorflow as tf

from data_pipeline.records import framing

RECORDS = [b"one", b"", b"three" * 1000]


@pytest.fixture
def path(tmp_path):
    """A file of `RECORDS` as TensorFlow writes it."""
    path = tmp_path / "records.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    return path


def damage(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def intact(path):
    return [frame.intact for frame in framing.read(path)]


def test_frames_are_those_that_tensorflow_writes(path):
    assert path.read_bytes() == b"".join(map(framing.frame, RECORDS))


def test_what_was_written_is_read(path):
    frames = list(framing.read(path))
    assert [frame.record for frame in frames] == RECORDS
    assert all(frame.intact for frame in frames)


def test_frames_lie_one_after_the_other(path):
    frames = list(framing.read(path))
    assert [frame.offset for frame in frames] == [0, frames[0].end, frames[1].end] == [0, 19, 35]
    assert frames[-1].end == path.stat().st_size


def test_an_empty_file_has_no_frames(tmp_path):
    (tmp_path / "empty").touch()
    assert list(framing.read(tmp_path / "empty")) == []


@pytest.mark.parametrize("place", [12, 15], ids=["record", "its checksum"])
def test_after_a_damaged_record_reading_goes_on(path, place):
    damage(path, place)
    assert intact(path) == [False, True, True]


@pytest.mark.parametrize("place", [19, 30], ids=["length", "its checksum"])
def test_after_a_damaged_length_nothing_can_be_found(path, place):
    damage(path, place)
    assert intact(path) == [True, False]


@pytest.mark.parametrize("kept", [20, 31, 40, 5000], ids=["in a length", "after a length", "in a record", "later"])
def test_a_file_that_ends_early_ends_with_a_damaged_frame(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    assert intact(path)[-1] is False
    assert all(intact(path)[:-1])
