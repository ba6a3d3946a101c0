"""PostgreSQL's write-ahead log as values: positions, segments, timelines.

A position (LSN) is a number of bytes, written `HIGH/LOW` in hexadecimal. A segment's file name is its timeline, then
its number cut in two, 8 hexadecimal digits each (documentation, 28.6 and `src/include/access/xlog_internal.h`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

SEGMENT_NAME = re.compile(r"[0-9A-F]{24}")
HISTORY_NAME = re.compile(r"[0-9A-F]{8}\.history")
PARTIAL = ".partial"
"""The segment that is being received: `NAME.partial`, as long as a whole one, zeros after what has come."""

DEFAULT_SEGMENT_BYTES = 16 << 20


def parse_lsn(text: str) -> int:
    """Raises ValueError for what is no position."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"{text!r} is not a position in the log")
    return (int(high, 16) << 32) + int(low, 16)


def format_lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


@dataclass(frozen=True, order=True)
class Segment:
    """One file of the log. `number` counts segments of this size from the beginning of the log."""

    timeline: int
    number: int
    bytes: int = DEFAULT_SEGMENT_BYTES

    @property
    def name(self) -> str:
        per_file = (1 << 32) // self.bytes
        return f"{self.timeline:08X}{self.number // per_file:08X}{self.number % per_file:08X}"

    @classmethod
    def parse(cls, name: str, size: int = DEFAULT_SEGMENT_BYTES) -> Segment:
        """Of a file's name, `.partial` or not. Raises ValueError."""
        plain = name.removesuffix(PARTIAL)
        if not SEGMENT_NAME.fullmatch(plain):
            raise ValueError(f"{name!r} does not name a segment")
        per_file = (1 << 32) // size
        return cls(int(plain[:8], 16), int(plain[8:16], 16) * per_file + int(plain[16:], 16), size)


@dataclass(frozen=True)
class Era:
    """From `at` on the cluster wrote on this timeline, which left `parent` at position `fork` (None for the first).

    A restore begins an era. So does going back to what a restore had put aside: then a timeline that was left is
    written on again.
    """

    at: datetime
    timeline: int
    parent: int | None = None
    fork: int | None = None


def era_at(eras: Iterable[Era], at: datetime | None) -> Era | None:
    """The era of that instant; the newest for None."""
    known = sorted((e for e in eras if at is None or e.at <= at), key=lambda e: e.at)
    return known[-1] if known else None


def ancestry(eras: Iterable[Era], timeline: int) -> list[tuple[int, int | None]]:
    """The timelines that lead to this one, oldest first, each with the position where it was left (None: not left)."""
    left: dict[int, tuple[int, int]] = {}
    for era in sorted(eras, key=lambda e: e.at):
        if era.parent is not None and era.fork is not None:
            left[era.timeline] = (era.parent, era.fork)  # one that left nothing in the archive: its number came again
    line: list[tuple[int, int | None]] = [(timeline, None)]
    while (step := left.get(line[0][0])) is not None and step[0] < line[0][0]:
        line.insert(0, step)
    return line


def timeline_of(line: list[tuple[int, int | None]], number: int, size: int) -> int:
    """Which timeline's file holds segment `number` on the way along `line`: the one in which a timeline was left
    belongs to the next, which begins with a copy of it."""
    for timeline, end in line:
        if end is None or number < end // size:
            return timeline
    return line[-1][0]


@dataclass(frozen=True)
class Reach:
    """How far the log goes without a hole. `names` are the files to read; `missing` is the first that is not there
    although later ones are (None: the log simply ends)."""

    names: tuple[str, ...]
    end: int  # position up to which it is there, as far as files tell
    missing: str | None


def reach(
    there: Mapping[str, object], line: list[tuple[int, int | None]], start: int, size: int, upto: int | None = None
) -> Reach:
    """Follow the log along `line` from position `start`, at most to `upto`."""
    names: list[str] = []
    number = start // size
    last = max((Segment.parse(n, size).number for n in there if is_on(n, line)), default=-1)
    while upto is None or number * size < upto:
        wanted = Segment(timeline_of(line, number, size), number, size).name
        if wanted not in there and wanted + PARTIAL not in there:
            break
        names.append(wanted if wanted in there else wanted + PARTIAL)
        number += 1
    # A timeline that was just begun may have nothing archived yet: what its parent wrote up to the fork still counts.
    wanted_of_parent = [Segment(t, number, size).name for t, end in line if end is not None and end // size == number]
    names += [n if n in there else n + PARTIAL for n in wanted_of_parent if n in there or n + PARTIAL in there]
    has_hole = last >= number and (upto is None or number * size < upto)
    missing = Segment(timeline_of(line, number, size), number, size).name if has_hole else None
    return Reach(tuple(names), number * size, missing)


def is_on(name: str, line: list[tuple[int, int | None]]) -> bool:
    """True for a segment that belongs to the way along `line`."""
    plain = name.removesuffix(PARTIAL)
    return bool(SEGMENT_NAME.fullmatch(plain)) and int(plain[:8], 16) in {t for t, _ in line}
