"""What the API answers about backups, restores and drills."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from greenroom.api.answered import Answered
from greenroom.api.shapes import WorkSummary


class BackupInPlace(Answered):
    name: str
    environment: str
    full: bool
    parent: str | None = Field(description="The backup that it is an increment of.")
    at: datetime
    seconds: float
    bytes: int = Field(description="In the repository.")
    size: int = Field(description="Of the files it brings back.")
    files: int
    version: str
    timeline: int
    damaged: str


class DrillInPlace(Answered):
    at: datetime
    outcome: Literal["passed", "failed", "errored"]
    rto_seconds: float | None = Field(description="How long it took to bring everything back.")
    rpo_seconds: float | None = Field(description="How much of the last writing was missing.")


class NamedInstant(Answered):
    name: str
    at: datetime


class BackupsInPlace(Answered):
    environment: str
    enabled: bool
    newest_at: datetime | None
    age_seconds: float | None
    count: int
    flows: bool = Field(description="True if every change reaches the archive as it happens.")
    behind_bytes: int | None
    gap: bool
    drill: DrillInPlace | None
    backups: list[BackupInPlace] = Field(description="Newest first; empty for those who may not back up there.")
    restore_points: list[NamedInstant]
    asides: list[NamedInstant]
    problem: str


class RestorePreview(Answered):
    environment: str
    target: str
    backup: str
    backup_at: datetime
    chain: list[str]
    log_files: int
    missing: str | None
    bytes: int
    seconds: float
    seconds_measured: bool = Field(description="True if the estimate is from a restore or drill here.")
    lost_transactions: int | None
    lost_from: datetime | None
    lost_until: datetime | None
    tables: dict[str, dict[str, int]] = Field(description="Rows written after the target, by table.")
    not_counted: str
    behind_bytes: int | None
    plan: list[str]


class Restoring(Answered):
    work: WorkSummary | None = Field(description="What was begun; null when it was only asked.")
    preview: RestorePreview
