"""What answers carry, for the OpenAPI document. There may be more than is named here; never less."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from greenroom.api.answered import Answered
from greenroom.api.shapes_egress import EgressStanding


class Problem(Answered):
    """Every error."""

    outcome: Literal["refused", "invalid", "errored"]
    code: str
    message: str
    because: str
    next: str
    facts: dict[str, Any]


class ReleaseInPlace(Answered):
    digest: str
    short: str
    version: str
    commit: str


class ReleaseSummary(ReleaseInPlace):
    made_by: str
    made_at: datetime
    size: int
    in_: list[str] = Field(alias="in", description="The environments it is in.")


class Finding(Answered):
    id: str
    kind: str
    name: str
    environment: str | None
    outcome: Literal["passed", "failed", "errored"]
    at: datetime
    by: str
    revoked_at: datetime | None
    facts: dict[str, Any]


class ReleaseInFull(ReleaseSummary):
    descriptor: dict[str, Any] = Field(description="How it runs, as sealed into it.")
    evidence: list[Finding]


class Documents(Answered):
    sbom: dict[str, Any] = Field(description="CycloneDX.")
    provenance: dict[str, Any] = Field(description="A signed in-toto statement in a DSSE envelope.")


class ChecklistLine(Answered):
    gate: str
    title: str
    verdict: Literal["passed", "refused", "waiting"]
    because: str
    next: str = Field(description="Who or what can satisfy it.")
    until: datetime | None = Field(description="When time alone satisfies it.")
    code: str | None
    overridden_by: str | None


class Checklist(Answered):
    verdict: Literal["passed", "refused", "waiting"]
    lines: list[ChecklistLine]


class WorkSummary(Answered):
    id: str
    kind: Literal[
        "release",
        "promotion",
        "rollback",
        "check",
        "backup",
        "restore",
        "drill",
        "verify",
        "discovery",
        "dataset",
        "refresh",
    ]
    environment: str | None
    release: str | None
    short: str | None
    version: str | None = Field(description="Of the release, or the commit that it is being made from.")
    state: Literal["waiting", "queued", "active", "done", "rolled_back", "rejected", "attention"]
    step: str | None
    direction: Literal["forward", "backward"]
    plan: list[str]
    done: int
    requested_by: str
    requested_at: datetime
    not_before: datetime | None
    bakes_until: datetime | None = Field(description="When the bake that is under way ends by itself.")
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float
    error: dict[str, Any] | None
    cancel: str | None


class StepSeconds(Answered):
    name: str
    seconds: float


class Attempt(Answered):
    id: int
    step: str
    direction: Literal["forward", "backward"]
    attempt: int
    outcome: str
    started_at: datetime
    seconds: float
    detail: str


class WorkInFull(WorkSummary):
    heard: bool = Field(description="Whether what programs said is in it: for those who may read logs there.")
    history: list[Attempt]
    facts: dict[str, Any]
    steps: list[StepSeconds]
    application_seconds: float = Field(description="Of its seconds, those the application itself took.")


class Decided(Checklist):
    work: WorkSummary | None = Field(description="What was begun; null when it was only asked.")
    shown: str = Field(description="The digest of what an approver is shown now.")
    plan: list[str]
    way: list[str] = Field(description="How a rollback that was only asked about would go, in words.")


class Frozen(Answered):
    by: str
    reason: str
    until: datetime | None


class Arrow(Checklist):
    release: ReleaseInPlace
    requested: bool = Field(description="True when somebody asked for it already.")


Label = Literal["none", "synthetic", "masked", "copy", "live"]


class Held(Answered):
    label: Label
    source: str = Field(description="The environment whose data it was.")
    at: datetime = Field(description="When it was put there.")
    as_of: datetime | None = Field(description="The instant of the newest change in it.")
    age_seconds: float | None
    backup: str | None
    dataset: str | None
    rules: str | None = Field(description="Digest of the masking rules it was made under.")
    seed: str | None = Field(description="The version of the release whose seed it is.")
    rules_current: bool = Field(description="False when other rules are in force by now.")


class Followed(Answered):
    branch: str
    failed: WorkSummary | None = Field(description="Why its newest commit is not there, if it failed.")


class GlassInPlace(Answered):
    id: str
    environment: str
    by: str
    reason: str
    writes: bool = Field(description="False: it reads only.")
    at: datetime
    expires_at: datetime
    closed_at: datetime | None
    closed_why: str
    open: bool


class EnvironmentInPlace(Answered):
    name: str
    kind: Literal["dev", "qa", "packaging", "uat", "staging", "production"]
    url: str | None
    release: ReleaseInPlace | None
    previous: ReleaseInPlace | None
    since: datetime | None
    age_seconds: float | None
    data: Held | None = Field(description="What its database holds.")
    health: str | None
    frozen: list[Frozen]
    glass: list[GlassInPlace] = Field(description="Who is let into its database by hand.")
    work: list[WorkSummary]
    egress: EgressStanding | None = Field(description="Where it may go on the network; null where nothing runs.")
    idle: list[str] = Field(description="Processes that reach outside and are not started here.")
    arrow: Arrow | None = Field(description="What may come in next, and what keeps it.")
    follows: Followed | None


class PathInPlace(Answered):
    project: str
    at: datetime
    environments: list[EnvironmentInPlace]
    releases: list[WorkSummary] = Field(description="Releases that are being made.")


class LogEntry(Answered):
    source: str = Field(description="A process and its number, or a command that ran.")
    text: str


class Logs(Answered):
    environment: str
    lines: list[LogEntry]


class RestorePointInPlace(Answered):
    name: str
    environment: str
    at: datetime
    bytes: int
    rows_lost: int = Field(description="Rows written since, which a restore would undo.")
    tables: dict[str, dict[str, int]]


class Approval(Answered):
    id: str
    release: str
    environment: str
    by: str
    roles: list[str]
    shown: str
    at: datetime
    note: str


class Override(Answered):
    id: str
    gate: str
    release: str
    environment: str
    by: str
    role: str
    reason: str
    at: datetime
    expires_at: datetime


class Freeze(Answered):
    id: str
    environment: str
    by: str
    reason: str
    at: datetime
    until: datetime | None


class GlassOpened(Answered):
    glass: GlassInPlace
    url: str = Field(description="How the database is reached, from this machine. Shown once, kept nowhere.")


class Thawed(Answered):
    environment: str
    lifted: int


class LedgerEntry(Answered):
    seq: int
    at: datetime
    actor: str
    event: str
    subject: dict[str, Any]
    prev: str
    hash: str


class LedgerVerified(Answered):
    verified: bool
    entries: int
    head: str | None
    problems: list[str]


class Account(Answered):
    name: str
    roles: list[str]
    created_at: datetime
    disabled_at: datetime | None


class Granted(Answered):
    name: str
    roles: list[str]
    token: str = Field(description="Shown this once.")


class Me(Answered):
    name: str
    roles: list[str]
    may: dict[str, list[str]] = Field(description="Each action, and the kinds of environment where it is allowed.")


class SecretInPlace(Answered):
    name: str
    is_set: bool
    declared: bool
    required: bool
    generated: bool
    about: str


class SecretKept(Answered):
    environment: str
    name: str
    declared: bool = Field(description="False: no process is given it until greenroom.yaml declares it.")


class PolicyChange(Answered):
    changed: bool
    differences: list[str]
    project: str


class PolicyInForce(Answered):
    id: str
    text: str
    repository: str
    by: str
    at: datetime


class Collected(Answered):
    removed: list[str]
    kept: int
    freed_bytes: int
    dry_run: bool


class Push(Answered):
    work: WorkSummary | None
    said: str


class Examined(Answered):
    name: str
    outcome: Literal["passed", "failed", "errored"]
    said: str
    next: str


class CaughtMessage(Answered):
    id: str
    at: datetime
    sender: str = Field(description="Of the envelope.")
    to: list[str] = Field(description="Of the envelope: who would have got it.")
    subject: str
    bytes: int


class Message(CaughtMessage):
    headers: list[tuple[str, str]]
    text: str | None
    html: str | None = Field(description="As it was sent. Nothing in it is harmless.")
    attached: list[str] = Field(description="Names of attached files.")


class Cleared(Answered):
    environment: str
    cleared: int
