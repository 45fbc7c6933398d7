import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from data_pipeline.records import framing, integrity, stream


def write(folder, name, values):
    """A shard of so many one-byte records, and its segments."""
    path = folder / name
    with tf.io.TFRecordWriter(str(path)) as writer:
        for value in values:
            writer.write(bytes([value]))
    assert len(list(framing.read(str(path)))) == len(values)
    return integrity.segments(str(path))[0]


@pytest.fixture(scope="module")
def segments(tmp_path_factory):
    """Twelve records in three shards."""
    folder = tmp_path_factory.mktemp("shards")
    return [s for n in range(3) for s in write(folder, f"{n}", range(4 * n, 4 * n + 4))]


def take(records, count):
    return [value[0] for value in itertools.islice(records.as_numpy_iterator(), count)]


@pytest.mark.parametrize("shuffle", [0, 5, 100], ids=["in order", "small buffer", "large buffer"])
@pytest.mark.parametrize("start", [1, 11, 12, 13, 30])
def test_a_stream_goes_on_where_it_was(segments, shuffle, start):
    whole = take(stream.endless(segments, shuffle, seed=3), 48)
    assert take(stream.endless(segments, shuffle, seed=3, start=start), 48 - start) == whole[start:]


def test_every_pass_has_every_record_once_in_an_order_of_its_own(segments):
    passes = np.reshape(take(stream.endless(segments, 100, seed=3), 48), (4, 12))
    assert (np.sort(passes, axis=1) == np.arange(12)).all()
    assert len({tuple(order) for order in passes}) == 4


@pytest.mark.parametrize("global_seed", [0, 1])
def test_the_global_seed_changes_nothing(segments, global_seed):
    before = take(stream.endless(segments, 100, seed=3), 24)
    tf.random.set_seed(global_seed)
    assert take(stream.endless(segments, 100, seed=3), 24) == before


def test_another_seed_is_another_order(segments):
    assert take(stream.endless(segments, 100, seed=3), 12) != take(stream.endless(segments, 100, seed=4), 12)


def test_the_start_needs_counted_segments(segments):
    with pytest.raises(ValueError, match="`start` needs segments that tell their records"):
        stream.endless([segments[0]._replace(records=-1)], start=3)


def test_turns_are_spread_evenly():
    assert stream.turns([1, 1])[:6].tolist() == [0, 1, 0, 1, 0, 1]
    assert np.bincount(stream.turns([3, 1])[:8]).tolist() == [6, 2]


@given(st.lists(st.floats(0.2, 10), min_size=1, max_size=5).filter(lambda shares: min(shares) >= 0.01 * sum(shares)))
def test_turns_keep_the_proportions(proportions):
    counts = np.bincount(stream.turns(proportions), minlength=len(proportions))
    assert counts.sum() == stream.PERIOD
    assert (np.abs(counts - stream.PERIOD * np.array(proportions) / np.sum(proportions)) < 1 + 1e-9).all()


def test_a_share_that_would_never_come_is_refused():
    with pytest.raises(ValueError, match="at least 1 in 100"):
        stream.turns([1, 200])


@pytest.mark.parametrize("start", [0, 1, 7, 100, 230])
def test_a_mixture_goes_on_where_it_was(segments, start):
    def mixture(begin):
        sources = [
            lambda taken, own=own: stream.endless(own, 100, seed=1, start=taken) for own in (segments[:1], segments[1:])
        ]
        return stream.mixed(sources, [0.3, 0.7], begin)

    whole = take(mixture(0), 300)
    assert sum(value < 4 for value in whole) == 90
    assert take(mixture(start), 300 - start) == whole[start:]
