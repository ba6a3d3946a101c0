"""Evidence: what was found out about a release, where, when; it ages, and it can be revoked.

Revoking withdraws what stood on it: approvals that were shown it lapse, and work that waits is decided again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Failed: the answer is no. Errored: we could not tell."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"


@dataclass(frozen=True)
class Evidence:
    """One finding. `kind` is a family ("seal", "check", "promotion"), `name` the one within it."""

    id: str
    kind: str
    name: str
    release: str
    environment: str | None
    outcome: Outcome
    at: datetime
    by: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    revoked_at: datetime | None = None
    revoked_why: str = ""

    def is_fresh(self, now: datetime, limit: timedelta | None) -> bool:
        """Not older than `limit` (None: no limit) and not from the future by more than a minute."""
        age = now - self.at
        return age >= timedelta(minutes=-1) and (limit is None or age <= limit)


@dataclass(frozen=True)
class Approval:
    """A person's yes, bound to what was shown: if that changes, `shown` no longer matches and it lapses."""

    id: str
    release: str
    environment: str
    by: str
    roles: frozenset[str]
    shown: str
    at: datetime
    note: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class Freeze:
    """No ordinary promotion into `environment` until `until` (None: until lifted). Rollback is allowed.

    It holds from the moment it is declared. One dated in the future was declared before the clock was set back: it
    holds too.
    """

    id: str
    environment: str
    by: str
    reason: str
    at: datetime
    until: datetime | None = None
    lifted_at: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whatever `at` says: one that was declared before the clock went back holds all the same."""
        return self.lifted_at is None and (self.until is None or now < self.until)


@dataclass(frozen=True)
class Override:
    """A person sets one gate aside for one release in one environment, with a reason and an expiry."""

    id: str
    gate: str
    release: str
    environment: str
    by: str
    role: str
    reason: str
    at: datetime
    expires_at: datetime

    def holds(self, now: datetime) -> bool:
        return self.at <= now < self.expires_at
