"""What backups are due: pure, from what there is and what the policy says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from greenroom.domain.backup import Archive, Backup, chain_of
from greenroom.domain.wal import Era, era_at


def due_backup(archive: Archive, now: datetime, *, full: float, incremental: float, has_gap: bool) -> str | None:
    """`full`, `incremental` or None; `full` and `incremental` are ages in seconds.

    A full one when there is none of this life of the cluster, when the newest is too old, or when the log has a hole:
    what was written since then can be brought back only from a new beginning.
    """
    era = era_at(archive.eras, None)
    usable = [b for b in archive.backups if chain_of(archive.backups, b.name) and is_of(b, era)]
    fulls = [b for b in usable if b.is_full]
    if not fulls or has_gap or _older(fulls, now, full):
        return "full"
    return "incremental" if _older(usable, now, incremental) else None


def is_of(backup: Backup, era: Era | None) -> bool:
    """True for a backup of this life of the cluster, which alone an increment can build on."""
    return era is None or (backup.timeline == era.timeline and backup.ended_at >= era.at)


def _older(backups: Sequence[Backup], now: datetime, seconds: float) -> bool:
    return now - max(b.ended_at for b in backups) >= timedelta(seconds=seconds)
