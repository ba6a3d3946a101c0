"""Break-glass access: a person in an environment's database, by hand, for a while, in front of everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LIMIT = timedelta(hours=4)
"""Whoever needs longer says so again, with a reason."""


@dataclass(frozen=True)
class Glass:
    """Who was let in, where, why, how far, and until when. The password is in none of it: it is kept nowhere."""

    id: str
    environment: str
    by: str
    reason: str
    writes: bool
    at: datetime
    expires_at: datetime
    closed_at: datetime | None = None
    closed_why: str = ""

    def is_over(self, now: datetime) -> bool:
        return now >= self.expires_at
