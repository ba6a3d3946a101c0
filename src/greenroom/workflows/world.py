"""Everything a workflow can reach, wired once by `bootstrap`: ports, store, applied configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from greenroom.config.project import ProjectConfig
from greenroom.domain.release import Release
from greenroom.domain.work import Work
from greenroom.ports.artifacts import Artifacts, Sealer
from greenroom.ports.clock import Clock, Identifiers
from greenroom.ports.databases import Databases
from greenroom.ports.edge import Edge
from greenroom.ports.probe import Probe
from greenroom.ports.runtime import Runtime
from greenroom.ports.secrets import Secrets
from greenroom.store import records, tables
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from greenroom.store.records import EnvironmentRow
from greenroom.store.works import Works
from greenroom.workflows.progress import Progress

if TYPE_CHECKING:
    from greenroom.workflows.step import NewEvidence


class Store:
    """The store's parts under one name."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.recorder = Recorder(database)
        self.works = Works(database)

    def has_release(self, tx: Connection, digest: str) -> bool:
        return tx.scalar(select(tables.release.c.id).where(tables.release.c.id == digest)) is not None


@dataclass(frozen=True)
class World:
    """`project()` gives the configuration in force; it changes only when an administrator applies another."""

    clock: Clock
    ids: Identifiers
    store: Store
    runtime: Runtime
    edge: Edge
    databases: Databases
    artifacts: Artifacts
    sealer: Sealer
    secrets: Secrets
    probe: Probe
    progress: Progress
    project: Callable[[], ProjectConfig]

    def release(self, digest: str) -> Release:
        with self.store.database.reading() as tx:
            return records.release(tx, digest)

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
            "environment": work.environment,
            "outcome": found.outcome.value,
            "at": self.clock.now(),
            "by": work.requested_by,
            "facts": dict(found.facts),
        }
        self.store.recorder.record(tx, work.requested_by, "evidence.recorded", {"work": work.id}, evidence=row)
        return evidence_id
