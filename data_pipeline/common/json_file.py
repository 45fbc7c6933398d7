"""The door for JSON: a value is of a declared type, of bounded size and depth, or refused in one line.

    class Box(msgspec.Struct):
        image: str
        corner: tuple[Annotated[float, msgspec.Meta(ge=0)], Annotated[float, msgspec.Meta(ge=0)]]

    boxes = json_file.read(path, list[Box])

A line reads `PATH: entry 'x.y[3]': must be a number. Received: null`. Types are what msgspec takes: structs,
dataclasses, annotated numbers, lists, dicts and unions of them. Numbers are finite, unless a caller asks for those that
Python writes as NaN and Infinity.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from data_pipeline.common.errors import MOST_SHOWN, UserError, shortened
from data_pipeline.common.files import StrPath

T = TypeVar("T")

# Of a file after it is unpacked. COCO's largest annotation file has 0.47 GB; what else is read has some kilobytes.
MOST_BYTES = 2**30
# Keys of a dict among which the one at fault is looked for.
MOST_KEYS = 1000

_WORDS = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")


def read(
    path: StrPath, kind: type[T] | Any, *, way: str = "", most_bytes: int = MOST_BYTES, not_finite: bool = False
) -> T:
    """The value of a JSON file, packed by gzip where its name ends in `.gz`.

    Args:
        path: the file.
        kind: the type of the whole value.
        way: what the user can do about a bad file, for the end of the message.
        most_bytes: of the file, unpacked.
        not_finite: whether NaN and Infinity, which JSON does not have, are numbers here.

    Raises:
        UserError: it is missing, too large, no JSON, or something else than `kind`.
    """
    return decode(text(path, way=way, most_bytes=most_bytes), kind, path, way=way, not_finite=not_finite)


def text(path: StrPath, *, way: str = "", most_bytes: int = MOST_BYTES) -> bytes:
    """What a file holds, unpacked; arguments and errors as of `read`."""
    try:
        with gzip.open(path, "rb") if str(path).endswith(".gz") else open(path, "rb") as file:
            content = file.read(most_bytes + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is not a whole gzip file ({error}){_ending(way)}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}){_ending(way)}") from error
    if len(content) > most_bytes:
        raise UserError(f"{path} has more than {most_bytes} bytes, too many to be one{_ending(way)}")
    return content


def decode(content: bytes | str, kind: type[T] | Any, name: StrPath, *, way: str = "", not_finite: bool = False) -> T:
    """The value of a text.

    Args:
        content: the text, as bytes in UTF-8.
        kind, way, not_finite: as of `read`.
        name: what the message calls it.

    Raises:
        UserError: it is no JSON, or something else than `kind`.
    """
    try:
        told = content.decode("utf-8-sig") if isinstance(content, bytes) else content
    except UnicodeDecodeError as error:
        raise UserError(f"{name} is not a whole JSON file: it is not UTF-8 ({error.reason}){_ending(way)}") from error

    def parsed(of: Any) -> Any:
        return msgspec.convert(json.loads(told), of) if not_finite else msgspec.json.decode(told, type=of)

    return _checked(parsed, kind, name, way)


def convert(value: Any, kind: type[T] | Any, name: StrPath, *, way: str = "") -> T:
    """A value of dicts, lists and numbers, as JSON has them, as a declared type; the rest as of `decode`."""
    return _checked(lambda of: msgspec.convert(value, of), kind, name, way)


def _checked(parsed: Callable, kind: Any, name: StrPath, way: str) -> Any:
    """What `parsed` gives of `kind`, its errors as one line."""
    try:
        return parsed(kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{os.fspath(name)}: {_told(str(error), parsed, kind)}{_ending(way)}") from error
    except RecursionError as error:
        raise UserError(f"{name} is nested too deep{_ending(way)}") from error
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise UserError(f"{name} is not a whole JSON file ({shortened(str(error))}){_ending(way)}") from error


def _ending(way):
    return f"; {way}" if way else ""


def _told(message, parsed, kind):
    """The line about an entry, from msgspec's `RULE - at `$.x[3]``."""
    rule, _, place = message.rpartition(" - at ")
    rule, place = (rule, place.replace("`", "")) if rule else (message, "$")
    in_key, place = place.startswith("key in "), place.removeprefix("key in ")
    entry, value = _walked(place, message, parsed, kind)
    if rule.startswith("Expected "):
        rule = "must be " + re.sub(r", got .*", "", rule.removeprefix("Expected "))
    elif rule.startswith("Object "):
        rule = rule.removeprefix("Object ").replace("missing required", "lacks the")
    elif rule.endswith("out of range"):
        rule = "must be in the range of numbers"
    rule = re.sub("`([^`]+)`", _plain_words, rule)
    subject = ("a key of " if in_key else "") + (f"entry '{entry}'" if entry else "the whole")
    if "Received: " in rule:  # Of a check of the type's own, which says all.
        return f"{subject}: {rule}"
    return f"{subject}: {rule}" + ("" if value is _UNKNOWN else f". Received: {shortened(_written(value))}")


def _plain_words(match):
    """Types in plain words; anything else, as a field's name, as it is."""
    words = [_WORDS.get(word) for word in match[1].split(" | ")]
    return match[0] if None in words else " or ".join(words)


_UNKNOWN = object()


def _written(value):
    """A value as JSON writes it; what is far too long is not written out."""
    try:
        return json.dumps(value[: 2 * MOST_SHOWN] if isinstance(value, (str, list)) else value)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def _walked(place, message, parsed, kind):
    """`(the entry's name, its value)` of a place as msgspec writes it, in which the keys of dicts are dots."""
    plain = place.removeprefix("$").removeprefix(".")
    try:
        value = parsed(Any)
    except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
        return plain, _UNKNOWN
    name, wrapped = "", lambda inner: inner
    for match in _STEP.finditer(place):
        field, index, dots = match.groups()
        key = field if field else int(index) if index else _key_at_fault(value, wrapped, message, kind)
        try:
            inner = value[key]
        except (KeyError, IndexError, TypeError):
            return plain, _UNKNOWN
        name += f"[{shortened(repr(key))}]" if dots else match.group()
        wrapped, value = _around(wrapped, value, key), inner
    return name.removeprefix("."), value


def _around(wrapped, whole, key):
    """A function from a value to the whole in which it stands in the place of `whole[key]`."""

    def around(inner):
        copy = whole.copy()
        copy[key] = inner
        return wrapped(copy)

    return around


def _key_at_fault(found, wrapped, message, kind):
    """The key of a dict whose entry alone gives the same message; None where it is not found."""
    for key in list(found)[:MOST_KEYS] if isinstance(found, dict) else ():
        try:
            msgspec.convert(wrapped({key: found[key]}), kind)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return key
    return None
