import gzip
import json
from typing import Annotated

import msgspec
import pytest

from data_pipeline.common import json_file
from data_pipeline.common.errors import UserError, shortened


class Small(msgspec.Struct):
    """Has a check of its own."""

    size: int

    def __post_init__(self):
        if self.size > 5:
            raise ValueError(f"`size` must be at most 5. Received: {self.size}")


class Row(msgspec.Struct):
    name: str
    place: tuple[float, float] = (0.0, 0.0)
    count: Annotated[int, msgspec.Meta(ge=0)] = 0
    told: dict[str, list[int]] = {}
    wanted: bool | float = False


@pytest.fixture
def read(tmp_path):
    """Reads a file of this text."""

    def call(text, kind=list[Row], name="a.json", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return json_file.read(path, kind, **options)

    return call


def test_a_file_becomes_what_was_declared(read):
    assert read('[{"name": "a", "place": [1, 2.5], "more": null}]') == [Row("a", (1.0, 2.5))]


def test_a_packed_file_is_unpacked(read):
    assert read(gzip.compress(b'[{"name": "a"}]'), name="a.json.gz") == [Row("a")]


def test_a_byte_order_mark_is_no_content(read):
    assert read(b'\xef\xbb\xbf[{"name": "a"}]') == [Row("a")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"name": "a"}', 'the whole: must be a list. Received: {"name": "a"}'),
        ("[{}]", "entry '[0]': lacks the field `name`. Received: {}"),
        ('[{"name": "a"}, {"name": null}]', "entry '[1].name': must be text. Received: null"),
        ('[{"name": "a", "place": [1, "x"]}]', "entry '[0].place[1]': must be a number. Received: \"x\""),
        ('[{"name": "a", "place": [1]}]', "entry '[0].place': must be a list of length 2. Received: [1]"),
        ('[{"name": "a", "count": -1}]', "entry '[0].count': must be a whole number >= 0. Received: -1"),
        ('[{"name": "a", "count": true}]', "entry '[0].count': must be a whole number. Received: true"),
        ('[{"name": "a", "wanted": "no"}]', "entry '[0].wanted': must be true or false or a number. Received: \"no\""),
        (
            '[{"name": "a", "told": {"left": [1], "right": [1, 2.5]}}]',
            "entry '[0].told['right'][1]': must be a whole number. Received: 2.5",
        ),
        ('[{"name": "a", "place": [1, 1e999]}]', "entry '[0].place[1]': must be in the range of numbers"),
        (f'[{{"name": "a", "count": {"1" * 5000}}}]', "entry '[0].count': must be in the range of numbers"),
    ],
    ids=[
        "whole",
        "missing",
        "null",
        "text",
        "ragged",
        "below",
        "bool",
        "union",
        "in a dict",
        "infinite",
        "5000 digits",
    ],
)
def test_an_entry_that_breaks_a_rule_is_named(read, text, told):
    with pytest.raises(UserError) as caught:
        read(text)
    assert told in str(caught.value)
    assert "a.json: " in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "truncated"),
        (b'[{"name": "a"', "truncated"),
        (b'[{"name": NaN}]', "invalid character"),
        (b'[{"name": "\xff"}]', "not UTF-8"),
        (b"\xff\xfe[\x00]\x00", "not UTF-8"),
        (b'[{"name": "a", "more": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]", "nested too deep"),
    ],
    ids=["empty", "cut", "NaN", "Latin-1", "UTF-16", "deep"],
)
def test_what_is_no_json_is_one_line(read, content, told):
    with pytest.raises(UserError, match=told) as caught:
        read(content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000], ids=["open", "closed"])
def test_depth_is_bounded_whatever_is_declared(read, text):
    with pytest.raises(UserError, match="nested too deep"):
        read(text, kind=json_file.Any)
    with pytest.raises(UserError, match="nested too deep"):
        read(text, kind=json_file.Any, not_finite=True)


def test_size_is_bounded_and_that_of_a_packed_file_too(read):
    for content, name in ((b" " * 2000, "a.json"), (gzip.compress(b" " * 2000), "a.json.gz")):
        with pytest.raises(UserError, match="more than 1000 bytes"):
            read(content, name=name, most_bytes=1000)


@pytest.mark.parametrize("content", [b"[]", gzip.compress(b"[]" * 100)[:20]], ids=["not packed", "cut"])
def test_a_file_that_is_not_packed_as_its_name_says_is_one_line(read, content):
    with pytest.raises(UserError, match="is not a whole gzip file"):
        read(content, name="a.json.gz")


def test_a_missing_file_is_one_line_with_the_way(tmp_path):
    with pytest.raises(UserError, match=r"a.json cannot be read \(No such file or directory\); write it"):
        json_file.read(tmp_path / "a.json", int, way="write it")


def test_what_python_writes_for_no_number_is_read_where_that_is_wanted(read):
    (row,) = read('[{"name": "a", "place": [NaN, Infinity]}]', not_finite=True)
    assert row.place[0] != row.place[0]
    assert row.place[1] == float("inf")


def test_numbers_of_5000_digits_are_one_line_in_pythons_reading_too(read):
    with pytest.raises(UserError, match="not a whole JSON file"):
        read(f"[{'1' * 5000}]", not_finite=True)


def test_a_value_of_python_is_checked_alike():
    assert json_file.convert({"name": "a"}, Row, "told") == Row("a")
    with pytest.raises(UserError, match=r"^told: entry 'name': must be text. Received: 3$"):
        json_file.convert({"name": 3}, Row, "told")


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        ('{"a": 1}', dict[int, int], 'a key of the whole: must be a whole number. Received: {"a": 1}'),
        (
            '[{"x": {"a": 1}}]',
            list[dict[str, dict[int, int]]],
            "a key of entry '[0]['x']': must be a whole number. Received: {\"a\": 1}",
        ),
        ('{"size": 9}', Small, "the whole: `size` must be at most 5. Received: 9"),
        ('[{"size": 9}]', list[Small], "entry '[0]': `size` must be at most 5. Received: 9"),
        ('{"a - at b": null}', dict[str, int], "entry '['a - at b']': must be a whole number. Received: null"),
    ],
    ids=["a key", "a key within", "a check", "a check within", "a key like a message"],
)
def test_keys_and_checks_of_types_are_named(content, kind, told):
    with pytest.raises(UserError) as caught:
        json_file.decode(content, kind, "F")
    assert str(caught.value) == f"F: {told}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff", "F is not a whole JSON file: it is not UTF-8 (invalid start byte)"),
        ("[1", "F is not a whole JSON file (Input data was truncated)"),
        ("[NaN]", "F is not a whole JSON file (JSON is malformed: invalid character (byte 1))"),
        ("[" * 100_000, "F is nested too deep"),
        ('["a"]', "F: entry '[0]': must be a whole number. Received: \"a\""),
    ],
    ids=["Latin-1", "cut", "NaN", "deep", "rule"],
)
def test_the_way_out_ends_the_line_where_there_is_one(content, told):
    kind = json_file.Any if told.endswith("deep") else list[int]
    for way, ending in ((None, ""), ("mend it", "; mend it")):
        with pytest.raises(UserError) as caught:
            json_file.decode(content, kind, "F", **({"way": way} if way else {}))
        assert str(caught.value) == told + ending
    with pytest.raises(UserError, match=r"Received: 3; mend it$"):
        json_file.convert(3, str, "F", way="mend it")


def test_long_values_and_keys_are_cut(read):
    text = json.dumps([{"name": "a", "told": {"k" * 500: ["v" * 500]}}])
    with pytest.raises(UserError) as caught:
        read(text)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("value", "told"), [("abc", "abc"), ([1, None], "[1, null]"), ({1j: 2}, "{1j: 2}"), ("a" * 9, "aaaaa ...")]
)
def test_shortened(value, told):
    assert shortened(value, 9 if value != "a" * 9 else 5) == told
