"""From the models of the file to values of the core: defaults resolved, text turned into kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from greenroom.config import schema as s
from greenroom.config import schema_data as d
from greenroom.config.project import (
    BackupPolicy,
    BakePolicy,
    BuildConfig,
    CanaryPolicy,
    ClonePolicy,
    DataPolicy,
    EnvironmentConfig,
    ProjectConfig,
    VersionSource,
)
from greenroom.domain.data import Link, MaskingPlan, Root, Subset
from greenroom.domain.dotted import dotted, parts, table_of
from greenroom.domain.egress import Destination, destination
from greenroom.domain.gate import Gate, GateConfig
from greenroom.domain.kinds import DEFAULTS, DataLabel, ErrorDetail, Kind
from greenroom.domain.masking import HARMLESS, Chosen
from greenroom.domain.release import (
    Check,
    Descriptor,
    Health,
    Language,
    Listen,
    Migration,
    Process,
    Services,
    Variable,
)
from greenroom.domain.source import SourceServer

GatePairs = tuple[tuple[Gate, GateConfig], ...]
PREVIEW_OFFSET = 50


def project_of(
    file: s.ProjectFile,
    path: Sequence[tuple[str, s.Environment]],
    kinds: Mapping[str, Kind],
    gates: Mapping[str, GatePairs],
) -> ProjectConfig:
    """The complete configuration of a file that every rule has passed. `path` is in order."""
    edge = file.edge or s.Edge()
    release = file.release or s.Release()
    running = [name for name, _ in path if DEFAULTS[kinds[name]].runs]
    return ProjectConfig(
        project=file.project,
        template=file.template,
        build=_build(release),
        environments=tuple(
            _environment(name, one, kinds[name], ports_of(edge, rank, name in running, one), gates[name])
            for rank, (name, one) in enumerate(path)
        ),
        edge_port=edge.port,
        api_port=(file.api or s.Api()).port,
        described=_descriptor(file, release, running),
        data=_data(file.data or d.Data(), kinds),
    )


def ports_of(edge: s.Edge, rank: int, runs: bool, one: s.Environment) -> tuple[int | None, int | None]:
    """An environment's own port and its preview port: as written, or counted from the edge's range (rank from 0)."""
    if not runs:
        return None, None
    return one.port or edge.ports_from + rank, one.preview_port or edge.ports_from + PREVIEW_OFFSET + rank


def listens(name: str, process: s.Process) -> Listen | None:
    """How a process takes requests; only `web` does when nothing is said."""
    if process.listen is None:
        return Listen.SOCKET if name == "web" else None
    return None if process.listen == "none" else process.listen


def _build(release: s.Release) -> BuildConfig:
    version = release.version
    source = VersionSource(file=version.file) if isinstance(version, s.VersionFile) else VersionSource(text=version)
    commands = tuple(tuple(c) for c in release.build)
    runtime, lock = release.runtime or "", release.lock
    return BuildConfig(release.language, runtime, source, lock, commands, release.timeout, release.size)


def _descriptor(file: s.ProjectFile, release: s.Release, running: Sequence[str]) -> Descriptor:
    services = file.services or s.Services()
    health = file.health or s.Health()
    return Descriptor(
        project=file.project,
        version="",
        language=release.language or Language.NONE,
        processes=tuple(
            Process(name, tuple(p.command), listens(name, p), p.stop, p.count, p.outside)
            for name, p in file.processes.items()
        ),
        migration=_migration(file.migration),
        health=Health(health.path, health.status, health.boot, health.request),
        variables=tuple(_variable(name, v or s.Setting()) for name, v in (file.config or {}).items()),
        checks=tuple(
            Check(name, tuple(c.command), tuple(running if c.in_ is None else c.in_), c.timeout, c.journey)
            for name, c in (file.checks or {}).items()
        ),
        services=Services(None if services.postgres == "none" else services.postgres, tuple(services.extensions)),
        runtime_version=release.runtime or "",
        executables=tuple(release.executables),
        files=tuple(release.files),
        seed=tuple((file.data or d.Data()).seed),
    )


def _migration(migration: s.Migration | None) -> Migration:
    if migration is None:
        return Migration()
    return Migration(
        style=migration.style,
        command=tuple(migration.command or ()),
        switch_off=dict(migration.switch_off),
        down=tuple(migration.down or ()),
        contracts=migration.contracts,
        quiet=migration.quiet,
        timeout_seconds=migration.timeout,
    )


def _variable(name: str, v: s.Setting) -> Variable:
    return Variable(name, v.secret, v.required, v.generate, v.default, v.about, v.mail, v.outside, v.caught)


def _environment(
    name: str, one: s.Environment, kind: Kind, ports: tuple[int | None, int | None], gates: GatePairs
) -> EnvironmentConfig:
    default = DEFAULTS[kind]
    bake = one.bake
    return EnvironmentConfig(
        name=name,
        kind=kind,
        follow=one.follow,
        port=ports[0],
        preview_port=ports[1],
        hosts=tuple(one.hosts),
        errors=ErrorDetail[one.errors.upper()] if one.errors else default.errors,
        clearance=DataLabel[one.clearance.upper()] if one.clearance else default.clearance,
        bake=BakePolicy(
            default.bake_seconds if bake.for_ is None else bake.for_,
            bake.max_failed,
            bake.max_slower,
            bake.min_requests,
        ),
        canary=CanaryPolicy(tuple(one.canary.shares), one.canary.hold) if one.canary else None,
        restore_points=one.restore_points or (5 if kind is Kind.PRODUCTION else 3),
        drain_seconds=one.drain,
        config=dict(one.config),
        gates=gates,
        backups=_backups(one.backups, kind),
        refresh_seconds=one.data.refresh,
        edits=tuple(one.data.edits),
        egress=_egress(one.egress, kind),
        is_egress_said=one.egress is not None,
        outside=frozenset(one.outside),
    )


def _data(said: d.Data, kinds: Mapping[str, Kind]) -> DataPolicy:
    ruled = [chosen_of(column, value) for column, value in said.rules.items()]
    harmless = [
        Chosen(f"{table}.{dotted(c)}", HARMLESS, {}) for table, columns in said.harmless.items() for c in columns
    ]
    plan = MaskingPlan(
        chosen=(*ruled, *harmless),
        links=tuple(_link(r) for r in said.references),
        subset=_subset(said.subset) if said.subset else None,
        quasi={table: tuple(columns) for table, columns in said.quasi_identifiers.items()},
        k=said.k,
        large_objects=said.large_objects,
    )
    production = next((n for n, k in kinds.items() if k is Kind.PRODUCTION), None)
    clones = ClonePolicy(said.clones.limit, said.clones.per_owner, said.clones.expire)
    server = SourceServer(said.source_url, said.source_password) if said.source_url else None
    return DataPolicy(said.source or production, plan, said.keep, clones, server)


def _subset(said: d.Subset) -> Subset:
    return Subset(tuple(Root(r.table, r.where, r.share) for r in said.roots), said.children)


def chosen_of(column: str, value: Any) -> Chosen:
    """A rule as it is written: its name, or a mapping of `rule` and its settings."""
    if isinstance(value, Mapping):
        return Chosen(column, str(value["rule"]), {k: v for k, v in value.items() if k != "rule"})
    return Chosen(column, str(value), {})


def _link(reference: d.Reference) -> Link:
    """The columns of one side are of one table; a rule has seen to that."""
    table, target = (table_of(side[0]) for side in (reference.from_, reference.to))
    columns, referred = (tuple(parts(c)[-1] for c in side) for side in (reference.from_, reference.to))
    return Link(table, columns, target, referred)


def _egress(said: s.Egress | None, kind: Kind) -> tuple[Destination, ...] | None:
    default = DEFAULTS[kind]
    if said is None:
        return () if default.runs and default.side_effects_caught else None
    return None if said.allow == ["any"] else tuple(dict.fromkeys(map(destination, said.allow)))


def _backups(said: s.Backups, kind: Kind) -> BackupPolicy:
    default = DEFAULTS[kind]
    return BackupPolicy(
        is_on=default.runs and (default.backed_up if said.enabled is None else said.enabled),
        full_seconds=said.full,
        incremental_seconds=said.incremental,
        keep_seconds=said.keep,
        keep_fulls=said.keep_fulls,
        drill_seconds=said.drill,
        directory=said.directory,
        second=said.second,
        endpoint=said.endpoint,
        region=said.region,
        access_key=said.access_key,
        secret_key=said.secret_key,
        is_encrypted=said.encrypted,
        log_limit=said.log_limit << 20,
    )
