"""Inputs that are nearly right: a good one with some bytes, or some values of its JSON, changed."""

import json
import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

# What JSON can hold and programs do not expect, each made anew.
VALUES: tuple[Callable[[], Any], ...] = (
    lambda: None,
    lambda: True,
    lambda: "",
    lambda: "x",
    lambda: "../../x",
    lambda: "\0",
    lambda: "\ud800",
    lambda: "9" * 400,
    lambda: 0,
    lambda: -1,
    lambda: 1.5,
    lambda: 1e-300,
    lambda: 1e30,
    lambda: 1e308,
    lambda: 10**30,
    lambda: float("nan"),
    lambda: float("inf"),
    list,
    dict,
    lambda: [[]],
    lambda: {"x": []},
)
# What numbers in a text become.
TOKENS = (b"-1", b"1e999", b"NaN", b"9" * 400, b"0x10", b"1_0", b"", b"null")
DEPTH = 100_000


def of_bytes(content: bytes, rng: random.Random) -> bytes:
    """A text or a binary file with one to four places changed."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        place, length = rng.randrange(len(changed) + 1), rng.choice((1, 2, 4, 8, 64))
        kind = rng.randrange(7)
        if kind == 0:
            changed[place : place + length] = rng.randbytes(length)
        elif kind == 1:
            del changed[place : place + length]
        elif kind == 2:
            changed[place:place] = changed[max(place - length, 0) : place] * rng.randint(1, 50)
        elif kind == 3:
            del changed[place:]
        elif kind == 4:
            changed[place:place] = rng.choice(TOKENS)
        elif kind == 5 and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        else:
            changed[place : place + 4] = rng.choice((0, 1, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little")
    return bytes(changed)


def of_png(content: bytes, rng: random.Random) -> bytes:
    """A PNG with one to four changes within chunks, of right lengths and checksums, so that it is decoded."""
    chunks, place = [], 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunks.append([content[place + 4 : place + 8], content[place + 8 : place + 8 + length]])
        place += length + 12
    for _ in range(rng.randint(1, 4)):
        n = rng.randrange(len(chunks))
        if rng.random() < 0.2:
            chunks.insert(n, list(chunks[n]))
        else:
            chunks[n][1] = of_bytes(chunks[n][1], rng)
    return content[:8] + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def of_json(value: Any, rng: random.Random) -> bytes:
    """A value's JSON with one to three entries changed, doubled, or left out; now and then its bytes too."""
    told = json.loads(json.dumps(value))
    for _ in range(rng.randint(1, 3)):
        told = _changed(told, rng)
    content = json.dumps(told).encode("utf-8", "surrogatepass")
    if rng.random() < 0.02:
        content = b"[" * DEPTH + content + b"]" * DEPTH
    return of_bytes(content, rng) if rng.random() < 0.2 else content


def _changed(value, rng):
    """The value with one entry at a random depth replaced."""
    if not isinstance(value, (dict, list)) or not value or rng.random() < 0.15:
        return rng.choice(VALUES)()
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    kind = rng.random()
    if kind < 0.08:
        del value[key]
    elif kind < 0.12 and isinstance(value, list):
        value.insert(key, value[key])
    elif kind < 0.15 and isinstance(value, dict):
        value[rng.choice(("x", "", "id"))] = value[key]
    else:
        value[key] = _changed(value[key], rng)
    return value
