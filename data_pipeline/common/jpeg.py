"""What a JPEG file costs to decode, told by its segments before a decoder sees it.

A file of some kilobytes can make a decoder run for seconds: by scans that each go over all pixels, by thousands of
segments, or by filling that is read byte by byte.
"""

import re

from data_pipeline.common.errors import UserError

START = b"\xff\xd8\xff"
# A marker is FF and any byte that is neither a stuffed zero, nor filling, nor one of the markers within a scan.
MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
# Frame headers are C0 to CF but for the markers of tables: Huffman's, a reserved one, arithmetic coding's.
FRAMES, TABLES = (0xC0, 0xCF), (0xC4, 0xC8, 0xCC)
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
# Notes of tens of megabytes and progressive files of a hundred scans have fewer; decoders take any number.
MOST_SEGMENTS = 512
# Passes over pixels: of the 2**27 that are decoded a progressive file may have twelve scans, of fewer pixels more. A
# JPEG's pixels cost some four passes beside its scans. About 3 ns each, 6 s in all at most.
DECODING_PASSES, MOST_WORK = 4, 2**31
# Bytes between segments, which Pillow reads one by one.
MOST_FILLING = 2**16


def check(data: bytes) -> None:
    """Looks at a file's segments, as libjpeg walks them.

    Args:
        data: a file that begins with `START`, whole or cut short anywhere; one that is damaged passes, for the decoder
            to say so.

    Raises:
        UserError: it would cost too much; the message is a sentence without its subject.
    """
    at, scans, pixels, filling = len(START) - 1, 0, 0, 0
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(data, at)
        if found is None or data[found.start() + 1] == END_OF_IMAGE:
            return
        start, kind = found.start(), data[found.start() + 1]
        filling += 0 if scans else start - at
        if filling > MOST_FILLING:
            raise UserError(f"has more than {MOST_FILLING} bytes of filling between its segments")
        if FRAMES[0] <= kind <= FRAMES[1] and kind not in TABLES and not pixels:
            pixels = _number(data, start + 5) * _number(data, start + 7)
        scans += kind == START_OF_SCAN
        if (DECODING_PASSES + scans) * pixels > MOST_WORK:
            raise UserError(f"has too many scans for its {pixels} pixels; save it anew, not progressive")
        at = start + 2 + max(2, _number(data, start + 2))
    raise UserError(f"has more than the {MOST_SEGMENTS} segments that are looked at; save it anew")


def _number(data, at):
    return int.from_bytes(data[at : at + 2], "big")
