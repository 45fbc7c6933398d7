import pytest

from data_pipeline.common.errors import UserError
from data_pipeline.records import framing, integrity

RECORD = b"x" * 84
FRAME = 100


@pytest.fixture
def shards(tmp_path):
    """The paths of two shards with five records of 100 bytes each, frames included."""
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(framing.frame(RECORD) * 5)
    return paths


def damage(path, record):
    content = bytearray(path.read_bytes())
    content[record * FRAME + 50] ^= 1
    path.write_bytes(content)


def people(shards):
    return {str(path): 5 for path in shards}


def test_a_whole_shard_is_one_segment(shards):
    assert integrity.segments(shards[0]) == ([(shards[0], 0, 5)], 500)


def test_a_damaged_record_parts_a_shard(shards):
    damage(shards[0], 2)
    assert integrity.segments(shards[0]) == ([(shards[0], 0, 2), (shards[0], 300, 2)], 200)


def test_a_damaged_first_record_leaves_the_others(shards):
    damage(shards[0], 0)
    assert integrity.segments(shards[0]) == ([(shards[0], 100, 4)], 0)


def test_whole_shards_are_surveyed_without_a_word(shards, capsys):
    found = integrity.survey(people(shards), tolerated=0.0)
    assert [(path[-1], offset, count) for path, offset, count in found] == [("a", 0, 5), ("b", 0, 5)]
    assert capsys.readouterr() == ("", "")


def test_damage_within_the_tolerated_share_is_counted_and_told(shards, capsys):
    damage(shards[1], 3)
    found = integrity.survey(people(shards), tolerated=0.1)
    assert sum(segment.records for segment in found) == 9
    assert capsys.readouterr().err == (
        f"1 of 10 records are damaged or missing, the first in {shards[1]} at byte 300; they are left out\n"
    )


def test_more_damage_names_the_file_and_the_byte(shards):
    damage(shards[1], 3)
    with pytest.raises(UserError, match=rf"1 of 10 records .* the first in {shards[1]} at byte 300; give the command"):
        integrity.survey(people(shards), tolerated=0.09)


def test_a_shard_cut_between_records_lacks_them(shards):
    shards[0].write_bytes(shards[0].read_bytes()[:300])
    with pytest.raises(
        UserError, match=rf"2 of 10 records are damaged or missing, the first in {shards[0]} at byte 300"
    ):
        integrity.survey(people(shards), tolerated=0.1)


def test_a_shard_that_is_gone_is_named(shards):
    shards[0].unlink()
    with pytest.raises(UserError, match=rf"{shards[0]} cannot be read"):
        integrity.survey(people(shards), tolerated=1.0)
