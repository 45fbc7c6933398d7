"""Writing files that appear under their name only when they are whole."""

import contextlib
import glob
import json
import os
from collections.abc import Iterator
from typing import Any

StrPath = str | os.PathLike[str]


def write_whole(path: StrPath, content: str | bytes) -> None:
    """Writes text or bytes to a file by way of another name in the same folder."""
    partial = f"{path}.partial"
    try:
        with open(partial, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def write_json(path: StrPath, value: Any) -> None:
    """Writes a value as indented JSON, whole or not at all; makes the folder where it is missing."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    write_whole(path, json.dumps(value, indent=2) + "\n")


def find_files(pattern: str) -> list[str]:
    """What matches a glob, sorted; `~` is the home folder, and a folder or file that is called as the pattern is taken
    as it is, so that `data[v2]/train-*` finds the shards of `data[v2]`.
    """
    escaped, literal = [], ""
    for part in os.path.expanduser(pattern).split("/"):
        literal = f"{literal}{part}/"
        exists = part and glob.has_magic(part) and os.path.lexists(literal.rstrip("/"))
        escaped.append(glob.escape(part) if exists else part)
    return sorted(glob.glob("/".join(escaped)))


@contextlib.contextmanager
def whole_file(path: StrPath) -> Iterator[str]:
    """Gives a name to write to; the file becomes `path` at the end, and goes where an exception comes before."""
    stem, extension = os.path.splitext(path)
    partial = f"{stem}.partial{extension}"
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)
