"""Plans: the ordered step names of each kind of work, the same in every environment.

A plan is frozen into the work's row when it is created. Step names are therefore an API: one that a
later Greenroom no longer knows moves the row to `attention`; nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class WorkKind(StrEnum):
    """What durable work there is."""

    RELEASE = "release"
    PROMOTION = "promotion"
    ROLLBACK = "rollback"
    CHECK = "check"
    BACKUP = "backup"
    RESTORE = "restore"
    DRILL = "drill"
    VERIFY = "verify"
    DISCOVERY = "discovery"
    DATASET = "dataset"
    REFRESH = "refresh"


@dataclass(frozen=True)
class Plan:
    """Ordered step names, frozen at creation."""

    steps: tuple[str, ...]
    version: int = 1

    def as_dict(self) -> dict[str, object]:
        return {"version": self.version, "steps": list(self.steps)}


PLANS: dict[WorkKind, Plan] = {
    WorkKind.RELEASE: Plan(("fetch", "build", "clean-room", "seal")),
    WorkKind.PROMOTION: Plan(
        ("restore-point", "prepare", "migrate", "start", "check", "switch", "bake", "retire", "record")
    ),
    WorkKind.ROLLBACK: Plan(
        ("restore-point", "prepare", "revert", "start", "check", "switch", "bake", "retire", "record")
    ),
    WorkKind.CHECK: Plan(("check",)),
    WorkKind.BACKUP: Plan(("protect", "take", "copy", "expire")),
    WorkKind.RESTORE: Plan(("hold", "rebuild", "exchange", "open", "conclude")),
    WorkKind.DRILL: Plan(("drill",)),
    WorkKind.VERIFY: Plan(("verify",)),
    WorkKind.DISCOVERY: Plan(("rebuild", "discover")),
    WorkKind.DATASET: Plan(("rebuild", "mask", "examine", "publish")),
    WorkKind.REFRESH: Plan(("gather", "ready", "hold", "exchange", "open", "record")),
}
"""Backups, drills, verifications, discoveries and datasets hold no environment: a promotion or a way back does not
wait for them.

Packaging runs the promotion's plan too: steps that need something running find nothing to do there."""
