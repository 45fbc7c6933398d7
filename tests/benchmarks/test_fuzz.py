import random

import pytest

from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz import doors, mutations
from data_pipeline.common.errors import UserError


def test_an_input_follows_from_door_seed_and_number():
    assert fuzz.made("coco", 0, 7) == fuzz.made("coco", 0, 7)
    assert len({fuzz.made("coco", seed, number) for seed in (0, 1) for number in (7, 8)}) == 4


@pytest.mark.parametrize("name", [name for name, door in doors.DOORS.items() if not door.dear])
def test_every_doors_good_input_is_read(name, tmp_path):
    door = doors.DOORS[name]
    good = door.sample()
    content = good if isinstance(good, bytes) else mutations.json.dumps(good).encode()
    assert fuzz.tried(name, content, str(tmp_path)) == fuzz.READ


@pytest.mark.parametrize("name", [name for name, door in doors.DOORS.items() if not door.dear])
def test_changed_inputs_are_read_or_refused(name, tmp_path):
    for number in range(60):
        outcome = fuzz.tried(name, fuzz.made(name, 3, number), str(tmp_path))
        assert outcome in (fuzz.READ, fuzz.REFUSED), f"number {number}: {outcome}"


def test_what_goes_wrong_is_told(monkeypatch, tmp_path):
    for name, error in (("fault", RuntimeError("ours")), ("mistake", UserError("a"))):

        def read(_, error=error):
            raise error

        monkeypatch.setitem(doors.DOORS, name, doors.Door("a", lambda: b"", read))
    assert fuzz.tried("fault", b"", str(tmp_path)) == "RuntimeError: ours"
    assert fuzz.tried("mistake", b"", str(tmp_path)) == fuzz.REFUSED


def test_a_process_that_ends_is_an_outcome_and_the_next_goes_on(monkeypatch):
    script = "import sys, json\nfirst = int(sys.argv[-2])\nprint(json.dumps([first, 'read']))\nsys.exit(first)"
    popen = fuzz.subprocess.Popen
    monkeypatch.setattr(fuzz.subprocess, "Popen", lambda told, **kw: popen([told[0], "-c", script, *told[3:]], **kw))
    assert fuzz.run("coco", 0, 4) == {
        0: "read",
        1: "the process ended with 0",
        2: "read",
        3: "the process ended with 2",
    }


def test_a_summary_counts():
    told = fuzz.summary({0: fuzz.READ, 1: "x", 2: fuzz.REFUSED, 3: "x"})
    assert told == {fuzz.READ: 1, fuzz.REFUSED: 1, "wrong": {"x": [1, 3]}}


def test_changes_keep_to_what_was_given():
    rng = random.Random(0)
    assert mutations.of_bytes(b"", rng) is not None
    assert isinstance(mutations.of_json([1, {"a": None}], rng), bytes)


def test_an_unknown_door_is_one_line():
    with pytest.raises(UserError, match="--door must be one of mpii, hrnet"):
        fuzz.main(type("Values", (), {"door": "none"}))
