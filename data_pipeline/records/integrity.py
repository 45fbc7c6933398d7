"""Which parts of shards are intact: damaged records are found before a run, counted and left out."""

import os
import sys
import typing

from data_pipeline.common.errors import UserError
from data_pipeline.records import framing


class Segment(typing.NamedTuple):
    """Records that lie one after the other: the shard, the first one's byte in it, and how many; -1 for all."""

    path: str
    offset: int
    records: int


def segments(path: str) -> tuple[list[Segment], int]:
    """The intact records of a shard.

    Returns:
        `(segments, damage)`: a list of `Segment`s, and the byte at which the first damaged record begins, or the
        shard's size where there is none.
    """
    found, end, damage = [], None, os.path.getsize(path)
    for frame in framing.read(path):
        if not frame.intact:
            damage = min(damage, frame.offset)
        elif frame.offset == end:
            found[-1] = found[-1]._replace(records=found[-1].records + 1)
            end = frame.end
        else:
            found.append(Segment(path, frame.offset, 1))
            end = frame.end
    return found, damage


def survey(people: dict[str, int], tolerated: float) -> list[Segment]:
    """Reads shards through; what must be left out is told on standard error.

    Args:
        people: how many records each shard should hold, by path, as `dataset.describe` says.
        tolerated: the share of all of them that may be damaged, 0 to 1.

    Returns:
        A list of `Segment`s for `dataset.load`.

    Raises:
        UserError: more are damaged, or a shard cannot be read; it names the first one and the byte.
    """
    whole, first, lost = [], None, 0
    for path, expected in people.items():
        try:
            found, damage = segments(path)
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}); build the records again") from error
        whole += found
        missing = expected - sum(segment.records for segment in found)
        if missing > 0:
            lost += missing
            first = first or f"{path} at byte {damage}"
    report = f"{lost} of {sum(people.values())} records are damaged or missing, the first in {first}"
    if lost > tolerated * sum(people.values()):
        raise UserError(f"{report}; give the command that built them again: it makes the damaged shards anew")
    if lost:
        print(f"{report}; they are left out", file=sys.stderr)
    return whole
