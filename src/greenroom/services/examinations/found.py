"""What an examination says."""

from __future__ import annotations

from dataclasses import dataclass

from greenroom.ports.damage import Damage

AGAIN = "greenroom down --keep-applications, then greenroom up"
"""What brings back whatever should run and does not; what runs goes on."""


@dataclass(frozen=True)
class Found:
    """One finding: `outcome` is passed, failed (it is damaged) or errored (it could not be looked at). `next` is the
    way out, and empty when it passed."""

    name: str
    outcome: str
    said: str
    next: str = ""


def passed(name: str, said: str) -> Found:
    return Found(name, "passed", said)


def failed(name: str, said: str, way_out: str) -> Found:
    return Found(name, "failed", said, way_out)


def damaged(name: str, damage: Damage) -> Found:
    return Found(name, "failed", damage.said, damage.next)
