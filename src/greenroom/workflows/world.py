"""Everything a workflow can reach, wired once by `bootstrap`: ports, store, applied configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, select

from greenroom.config.project import ProjectConfig
from greenroom.domain.release import Release
from greenroom.domain.work import Work
from greenroom.ports.artifacts import Artifacts, Sealer
from greenroom.ports.backups import Backups
from greenroom.ports.clock import Clock, Identifiers
from greenroom.ports.clones import Clones
from greenroom.ports.databases import Databases
from greenroom.ports.datasets import Candidates, Vault
from greenroom.ports.edge import Edge
from greenroom.ports.egress import Egress
from greenroom.ports.house import House
from greenroom.ports.mail import Mailboxes
from greenroom.ports.probe import Probe
from greenroom.ports.runtime import Runtime, Unpacked
from greenroom.ports.secrets import Secrets
from greenroom.ports.sources import Sources
from greenroom.ports.workers import Workers
from greenroom.store import records, tables
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from greenroom.store.records import EnvironmentRow
from greenroom.store.witness import Witness
from greenroom.store.works import Works
from greenroom.workflows.progress import Progress

if TYPE_CHECKING:
    from greenroom.workflows.step import NewEvidence


VERIFIED_SECONDS = 60.0


class Store:
    """The store's parts under one name."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(database)
        self.works = Works(database)
        self.witness = Witness(database)

    def has_release(self, tx: Connection, digest: str) -> bool:
        return tx.scalar(select(tables.release.c.id).where(tables.release.c.id == digest)) is not None


class InForce(Protocol):
    """The configuration in force; it changes only when an administrator applies another."""

    def __call__(self) -> ProjectConfig:
        """From memory: it may be asked for anywhere, also within a transaction."""

    def digest(self) -> str:
        """What it was applied under; empty when none was applied."""

    def refresh(self) -> None:
        """Another was applied: take it up. Not within a transaction."""


@dataclass(frozen=True)
class World:
    """`project()` gives the configuration in force."""

    clock: Clock
    ids: Identifiers
    store: Store
    runtime: Runtime
    edge: Edge
    databases: Databases
    backups: Backups
    vault: Vault
    sources: Sources
    candidates: Candidates
    clones: Clones
    artifacts: Artifacts
    sealer: Sealer
    secrets: Secrets
    mail: Mailboxes
    egress: Egress
    probe: Probe
    house: House
    workers: Workers
    progress: Progress
    project: InForce
    _unpacked: dict[str, tuple[float, Unpacked]] = field(default_factory=dict)

    def release(self, digest: str) -> Release:
        with self.store.database.reading() as tx:
            return records.release(tx, digest)

    def unpacked(self, digest: str) -> Unpacked:
        """The release on the ground, its signature checked and its every byte hashed by this process within the last
        minute, or now: a promotion verifies before its migration, and again before its start if that took long."""
        known = self._unpacked.get(digest)
        if known is None or self.clock.monotonic() - known[0] > VERIFIED_SECONDS:
            known = (self.clock.monotonic(), self.artifacts.unpack(digest))
            self._unpacked[digest] = known
        return known[1]

    def environment(self, name: str) -> EnvironmentRow:
        with self.store.database.reading() as tx:
            return records.environment(tx, name)

    def record_evidence(self, tx: Connection, work: Work, found: NewEvidence, release: str | None = None) -> str:
        """Write evidence about the work's release (or `release`) in its environment; its new id."""
        evidence_id = self.ids.new("evidence")
        row = {
            "id": evidence_id,
            "kind": found.kind,
            "name": found.name,
            "release": release or work.release or "",
            "environment": work.about,
            "outcome": found.outcome.value,
            "at": self.clock.now(),
            "by": work.requested_by,
            "facts": dict(found.facts),
        }
        self.store.recorder.record(tx, work.requested_by, "evidence.recorded", {"work": work.id}, evidence=row)
        return evidence_id
