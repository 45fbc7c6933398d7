"""The frames of a TFRecord file: where its records lie, and which of them are intact.

A frame is the record's length (8 bytes), the length's checksum (4), the record, and the record's checksum (4).
"""

import os
import struct
import typing
from collections.abc import Iterator

import google_crc32c

from data_pipeline.common.files import StrPath

HEADER = 12
FOOTER = 4


class Frame(typing.NamedTuple):
    """A frame: where it begins in the file, in bytes, its `record`, and whether that is what was written."""

    offset: int
    record: bytes
    intact: bool

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + HEADER + len(self.record) + FOOTER


def _checksum(data):
    """TFRecord's checksum: a CRC-32C, rotated by 15 bits and shifted."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def frame(record: bytes) -> bytes:
    """The bytes of a record's frame."""
    length = struct.pack("<Q", len(record))
    return b"".join([length, struct.pack("<I", _checksum(length)), record, struct.pack("<I", _checksum(record))])


def read(path: StrPath) -> Iterator[Frame]:
    """Yields the `Frame`s of a file.

    Where a frame's length is damaged, or the file ends within it, the next frame cannot be found: it is the last one,
    and not intact.
    """
    left = os.path.getsize(path)
    with open(path, "rb") as file:
        while left:
            offset, header = file.tell(), file.read(HEADER)
            length = int.from_bytes(header[:8], "little")
            known = len(header) == HEADER and header[8:] == struct.pack("<I", _checksum(header[:8]))
            if not known or HEADER + length + FOOTER > left:
                yield Frame(offset, b"", False)
                return
            record, footer = file.read(length), file.read(FOOTER)
            yield Frame(offset, record, footer == struct.pack("<I", _checksum(record)))
            left -= HEADER + length + FOOTER
