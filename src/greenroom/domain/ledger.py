"""The ledger: what happened, who did it, when; each entry holds the hash of the one before it.

Entry n's hash is SHA-256 over the canonical form of (seq, at, actor, event, subject, prev). Changing,
removing, inserting or reordering an entry breaks every hash after it; cutting the end off is found by
comparing with an exported head. Verification is a fold over the entries, so it streams.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from greenroom.domain.canonical import digest_of

GENESIS = "sha256:" + "0" * 64


@dataclass(frozen=True)
class Entry:
    """One recorded event. `at` is UTC; `subject` holds JSON values only."""

    seq: int
    at: datetime
    actor: str
    event: str
    subject: Mapping[str, Any]
    prev: str
    hash: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": timestamp(self.at),
            "actor": self.actor,
            "event": self.event,
            "subject": dict(self.subject),
            "prev": self.prev,
            "hash": self.hash,
        }


@dataclass(frozen=True)
class Broken:
    """Where verification stopped, and what it found there."""

    seq: int
    problem: str


@dataclass(frozen=True)
class Verified:
    """How many entries hold together, and the hash of the last."""

    entries: int
    head: str


def timestamp(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds and `Z`; sorts as text. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("a time without a time zone means something else on every machine")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_timestamp(text: str) -> datetime:
    """The instant that `timestamp` wrote."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def entry_hash(seq: int, at: datetime, actor: str, event: str, subject: Mapping[str, Any], prev: str) -> str:
    """The hash that an entry with these contents must carry."""
    return digest_of([seq, timestamp(at), actor, event, subject, prev])


def append(last: Entry | None, at: datetime, actor: str, event: str, subject: Mapping[str, Any]) -> Entry:
    """The entry that follows `last` (None: the first)."""
    seq, prev = (last.seq + 1, last.hash) if last else (1, GENESIS)
    return Entry(seq, at, actor, event, subject, prev, entry_hash(seq, at, actor, event, subject, prev))


def verify(entries: Iterable[Entry]) -> Verified | Broken:
    """Fold over all entries in order; stops at the first that does not follow from the one before."""
    seq, prev = 0, GENESIS
    for entry in entries:
        seq += 1
        if entry.seq != seq:
            return Broken(seq, f"expected entry {seq}, found {entry.seq}: an entry is missing or was added")
        if entry.prev != prev:
            return Broken(seq, "does not name the hash of the entry before it")
        try:
            expected = entry_hash(entry.seq, entry.at, entry.actor, entry.event, entry.subject, entry.prev)
        except ValueError as e:  # something was put in that no entry can have been made with
            return Broken(seq, f"its contents cannot have been recorded so: {e}")
        if entry.hash != expected:
            return Broken(seq, "its contents do not match its hash: it was changed")
        prev = entry.hash
    return Verified(seq, prev)
