"""Backups: which one, and how much of the log after it, brings a wanted state back; which may be forgotten.

A *chain* is a full backup and the increments on it, oldest first. Nothing here reads a clock or a file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from greenroom.domain.errors import Refused
from greenroom.domain.wal import (
    DEFAULT_SEGMENT_BYTES,
    HISTORY_NAME,
    PARTIAL,
    SEGMENT_NAME,
    Era,
    Reach,
    Segment,
    ancestry,
    era_at,
    format_lsn,
    reach,
)


@dataclass(frozen=True)
class Backup:
    """A base backup that is complete: read back and compared with its manifest.

    Restoring it needs the log from position `start`, and gives a consistent state from `stop` on. `bytes` is what it
    takes in the repository, `size` what its files take on disk. `damaged` says why it cannot be used any more.
    """

    name: str
    environment: str
    system: str  # PostgreSQL's identifier of the cluster
    timeline: int
    start: int
    stop: int
    started_at: datetime
    ended_at: datetime
    parent: str | None
    bytes: int
    size: int
    version: str
    files: int = 0
    extensions: tuple[str, ...] = ()
    segment_bytes: int = DEFAULT_SEGMENT_BYTES
    damaged: str = ""

    @property
    def is_full(self) -> bool:
        return self.parent is None


@dataclass(frozen=True)
class Mark:
    """A named restore point: a position in the log that can be gone back to exactly.

    `census` holds rows and checksums by table as they were at that position, where they were taken.
    """

    name: str
    label: str  # what the log calls it; unique in the whole log
    environment: str
    system: str
    timeline: int
    lsn: int
    at: datetime
    census: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """What is wanted back: an instant, a restore point, or (neither) the latest there is."""

    time: datetime | None = None
    mark: Mark | None = None

    @property
    def words(self) -> str:
        if self.mark is not None:
            return f"restore point {self.mark.name}"
        return f"{self.time:%Y-%m-%d %H:%M:%S} UTC" if self.time is not None else "the latest"


@dataclass(frozen=True)
class Archive:
    """What a repository holds of one cluster. `wal`: the names of the log's files, `.partial` and `.history` too."""

    backups: tuple[Backup, ...]
    eras: tuple[Era, ...]
    wal: Mapping[str, int] = field(default_factory=dict)  # bytes by name
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Route:
    """The way to a wanted state: the chain to lay out, the files of the log to replay, the timeline to follow.

    `missing` names a hole in the log: the way ends before it, whatever lies behind.
    """

    target: Target
    chain: tuple[Backup, ...]
    timeline: int
    wal: tuple[str, ...]
    missing: str | None

    @property
    def base(self) -> Backup:
        return self.chain[-1]


def chain_of(backups: Iterable[Backup], name: str) -> tuple[Backup, ...]:
    """The full backup and the increments that lead to `name`, oldest first; empty when one is gone or damaged."""
    known = {b.name: b for b in backups}
    chain: list[Backup] = []
    wanted: str | None = name
    while wanted is not None:
        found = known.get(wanted)
        if found is None or found.damaged or found in chain:
            return ()
        chain.insert(0, found)
        wanted = found.parent
    return tuple(chain)


def choose(archive: Archive, target: Target) -> Route:
    """The newest backup from which the target can be reached, and the log from there.

    Raises Refused (`backup.none`, `backup.out_of_reach`) naming what is missing.
    """
    if not archive.backups:
        raise Refused("backup.none", "there is no backup", hint="greenroom backup now makes one")
    era = era_at(archive.eras, target.time)
    timeline = target.mark.timeline if target.mark else (era.timeline if era else archive.backups[-1].timeline)
    line = ancestry(archive.eras, timeline)
    tried: list[str] = []
    for backup in _candidates(archive.backups, target, line):
        chain = chain_of(archive.backups, backup.name)
        if not chain:
            tried.append(f"{backup.name} or one it builds on is damaged or gone")
            continue
        size = backup.segment_bytes
        found = reach(archive.wal, line, backup.start, size, target.mark.lsn if target.mark else None)
        needed = max(backup.stop, target.mark.lsn if target.mark else 0)
        if found.end < needed:
            tried.append(f"{backup.name} needs the log up to {format_lsn(needed)}; {_first_missing(found, size, line)}")
            continue
        histories = tuple(n for n in archive.wal if HISTORY_NAME.fullmatch(n))
        return Route(target, chain, timeline, (*histories, *found.names), found.missing)
    raise Refused(
        "backup.out_of_reach",
        f"{target.words} cannot be brought back",
        because="; ".join(tried[:5]) or _oldest(archive.backups),
        hint="greenroom backup list shows what can",
    )


def _candidates(backups: Sequence[Backup], target: Target, line: list[tuple[int, int | None]]) -> list[Backup]:
    """Backups on the way to the target, newest first."""
    ends = dict(line)
    found = []
    for backup in backups:
        if backup.damaged or backup.timeline not in ends:
            continue
        left = ends[backup.timeline]
        is_before = left is None or backup.stop <= left
        in_time = target.time is None or backup.ended_at <= target.time
        in_place = target.mark is None or (backup.stop <= target.mark.lsn and backup.system == target.mark.system)
        if is_before and in_time and in_place:
            found.append(backup)
    return sorted(found, key=lambda b: (b.stop, b.ended_at), reverse=True)


def _first_missing(found: Reach, size: int, line: list[tuple[int, int | None]]) -> str:
    return f"{found.missing or Segment(line[-1][0], found.end // size, size).name} is missing"


def _oldest(backups: Sequence[Backup]) -> str:
    oldest = min(b.ended_at for b in backups)
    return f"the oldest backup ended at {oldest:%Y-%m-%d %H:%M:%S} UTC, and nothing reaches further back"


@dataclass(frozen=True)
class Retention:
    """Every instant of the last `days` days can be brought back; `fulls` full backups and what the newest `marks`
    restore points need are kept in any case."""

    days: float
    fulls: int
    marks: int


@dataclass(frozen=True)
class Expired:
    """What may go: backups by name, and the log's files by name."""

    backups: tuple[str, ...]
    wal: tuple[str, ...]
    marks: tuple[str, ...]


def expired(archive: Archive, policy: Retention, now: datetime, *, in_use: Collection[str] = ()) -> Expired:
    """What nothing needs any more. `in_use`: backups that a restore or a drill under way reads.

    Kept are the backups in the window, those from which its instants, the latest state and the newest marks are
    reached, the newest fulls of the present life, everything those build on, and the log from the oldest of them on. A
    damaged backup counts for nothing, and a backup of a life that was left leads only to what was before.
    """
    cutoff = now - timedelta(days=policy.days)
    usable = sorted((b for b in archive.backups if chain_of(archive.backups, b.name)), key=lambda b: b.ended_at)
    keep = {b.name for b in usable if b.ended_at > cutoff} | set(in_use)
    turns = [
        cutoff,
        *(e.at for e in archive.eras if e.at > cutoff),
        *(b.ended_at for b in usable if b.ended_at > cutoff),
    ]
    wanted = [Target(), *(Target(time=t) for t in turns)]  # between two turns the same backup leads to every instant
    wanted += [Target(mark=m) for m in _newest(archive.marks, policy.marks)]
    keep |= {name for target in wanted for name in _leads_to(archive, target)}
    keep |= {b.name for b in [b for b in _present(archive, usable) if b.is_full][-max(1, policy.fulls) :]}
    if not usable:  # all is damaged: what there is may still be of use to somebody
        return Expired((), (), ())
    keep = _with_parents(archive.backups, keep)
    kept = [b for b in archive.backups if b.name in keep]
    gone = tuple(b.name for b in archive.backups if b.name not in keep)
    oldest: dict[int, int] = {}
    for b in kept:
        oldest[b.segment_bytes] = min(oldest.get(b.segment_bytes, b.start), b.start)
    return Expired(gone, _old_wal(archive.wal, oldest), _old_marks(archive.marks, kept))


def _newest(marks: Iterable[Mark], count: int) -> list[Mark]:
    return sorted(marks, key=lambda m: (m.at, m.lsn), reverse=True)[:count]


def _leads_to(archive: Archive, target: Target) -> list[str]:
    """The backup it is reached from; nothing for what cannot be reached."""
    try:
        return [choose(archive, target).base.name]
    except Refused:
        return []


def _present(archive: Archive, backups: Sequence[Backup]) -> list[Backup]:
    """Those that lead to the latest state, oldest first."""
    era = era_at(archive.eras, None)
    line = ancestry(archive.eras, era.timeline if era else 1)
    return sorted(_candidates(backups, Target(), line), key=lambda b: b.ended_at)


def _with_parents(backups: Iterable[Backup], names: Iterable[str]) -> set[str]:
    known = {b.name: b for b in backups}
    found: set[str] = set()
    for name in names:
        step: str | None = name
        while step is not None and step in known and step not in found:
            found.add(step)
            step = known[step].parent
    return found


def _old_wal(wal: Iterable[str], oldest: Mapping[int, int]) -> tuple[str, ...]:
    """Positions grow over all timelines, so one number is enough; histories are small and stay."""
    size, start = next(iter(oldest.items()))
    return tuple(
        n
        for n in wal
        if SEGMENT_NAME.fullmatch(n.removesuffix(PARTIAL)) and Segment.parse(n, size).number < start // size
    )


def _old_marks(marks: Iterable[Mark], kept: Sequence[Backup]) -> tuple[str, ...]:
    """Restore points that nothing leads to any more."""
    first = min(b.stop for b in kept)
    return tuple(m.name for m in marks if m.lsn < first)
