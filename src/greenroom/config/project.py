"""A project's configuration, complete: every default resolved, every gate in place.

Two halves that live differently. How a release runs comes from the file of its commit (`descriptor`) and is sealed
into it. Policy (environments, gates, ports) comes from the file that was applied, and changes without a new release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from greenroom.config.durations import format_duration, format_share
from greenroom.domain.canonical import digest_of
from greenroom.domain.data import MaskingPlan
from greenroom.domain.egress import Destination
from greenroom.domain.gate import Gate, GateConfig
from greenroom.domain.kinds import DEFAULTS, DataLabel, ErrorDetail, Kind
from greenroom.domain.release import Descriptor, Language
from greenroom.domain.source import SourceServer


@dataclass(frozen=True)
class BakePolicy:
    """How the new release is watched after the switch; zero seconds: not at all."""

    seconds: float
    max_failed: float
    max_slower: float
    min_requests: int


@dataclass(frozen=True)
class CanaryPolicy:
    """Ascending shares (0 to 1) of the visitors that go first, each held for `hold_seconds`."""

    shares: tuple[float, ...]
    hold_seconds: float


@dataclass(frozen=True)
class BackupPolicy:
    """How an environment's database is backed up; lengths of time in seconds, `log_limit` in bytes.

    `access_key` and `secret_key` are names of the environment's secrets.
    """

    is_on: bool = False
    full_seconds: float = 604800.0
    incremental_seconds: float = 86400.0
    keep_seconds: float = 1209600.0
    keep_fulls: int = 2
    drill_seconds: float = 604800.0
    directory: str | None = None
    second: str | None = None
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    is_encrypted: bool = True
    log_limit: int = 4096 << 20

    def as_policy(self) -> dict[str, Any]:
        return {
            "enabled": self.is_on,
            "full": format_duration(self.full_seconds),
            "incremental": format_duration(self.incremental_seconds),
            "keep": format_duration(self.keep_seconds),
            "keep_fulls": self.keep_fulls,
            "drill": format_duration(self.drill_seconds),
            "directory": self.directory,
            "second": self.second,
            "endpoint": self.endpoint,
            "region": self.region,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "encrypted": self.is_encrypted,
            "log_limit": self.log_limit >> 20,
        }


@dataclass(frozen=True)
class ClonePolicy:
    """How many clones there may be, and how long after it was last asked for one is removed."""

    limit: int = 10
    per_owner: int = 3
    expire_seconds: float = 604800.0

    def as_policy(self) -> dict[str, Any]:
        return {"limit": self.limit, "per_owner": self.per_owner, "expire": format_duration(self.expire_seconds)}


@dataclass(frozen=True)
class DataPolicy:
    """How production's data becomes harmless. `source` None: there is no production to take it from."""

    source: str | None = None
    plan: MaskingPlan = field(default_factory=MaskingPlan)
    keep: int = 3
    clones: ClonePolicy = ClonePolicy()
    server: SourceServer | None = None
    """Where the source's data is read from; None: from its backups."""

    def as_policy(self) -> dict[str, Any]:
        told = {"source": self.source, **self.plan.as_dict(), "keep": self.keep}
        if self.server is not None:
            told |= {"source_url": self.server.url, "source_password": self.server.password}
        return {**told, "clones": self.clones.as_policy()}


@dataclass(frozen=True)
class EnvironmentConfig:
    """One environment of the path. `port` and `preview_port` are None where nothing runs."""

    name: str
    kind: Kind
    follow: str | None
    port: int | None
    preview_port: int | None
    hosts: tuple[str, ...]
    errors: ErrorDetail
    clearance: DataLabel
    bake: BakePolicy
    canary: CanaryPolicy | None
    restore_points: int
    drain_seconds: float
    config: Mapping[str, str]
    gates: tuple[tuple[Gate, GateConfig], ...]
    backups: BackupPolicy = BackupPolicy()
    refresh_seconds: float | None = None
    edits: tuple[str, ...] = ()
    egress: tuple[Destination, ...] | None = None
    """Where its application may go on the network; None: anywhere."""
    is_egress_said: bool = False
    outside: frozenset[str] = frozenset()
    """Processes that are started here although they reach outside."""

    @property
    def runs(self) -> bool:
        """False for packaging: nothing runs there."""
        return DEFAULTS[self.kind].runs

    @property
    def catches_mail(self) -> bool:
        """True where what the application sends must not reach anybody."""
        return self.runs and self.catches

    @property
    def catches(self) -> bool:
        """True where side effects are caught: what leads outside is not production's."""
        return DEFAULTS[self.kind].side_effects_caught

    def as_policy(self) -> dict[str, Any]:
        """JSON values as a person would write them: what `digest` covers and `policy_difference` compares."""
        canary = self.canary and {
            "shares": [format_share(s) for s in self.canary.shares],
            "hold": format_duration(self.canary.hold_seconds),
        }
        return {
            "kind": self.kind.value,
            "follow": self.follow,
            "port": self.port,
            "preview_port": self.preview_port,
            "hosts": list(self.hosts),
            "errors": self.errors.name.lower(),
            "clearance": self.clearance.name.lower(),
            "bake": {
                "for": format_duration(self.bake.seconds),
                "max_failed": format_share(self.bake.max_failed),
                "max_slower": self.bake.max_slower,
                "min_requests": self.bake.min_requests,
            },
            "canary": canary,
            "restore_points": self.restore_points,
            "backups": self.backups.as_policy(),
            "data": {
                "refresh": format_duration(self.refresh_seconds) if self.refresh_seconds else None,
                "edits": list(self.edits),
            },
            "egress": "any" if self.egress is None else [str(d) for d in self.egress],
            "outside": sorted(self.outside),
            "drain": format_duration(self.drain_seconds),
            "config": dict(self.config),
            "gates": {g.name: c.model_dump(mode="json", by_alias=True) for g, c in self.gates},
        }


@dataclass(frozen=True)
class VersionSource:
    """Where a release's version comes from: `text`, the first line of `file`, or, both None, git."""

    text: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class BuildConfig:
    """How a release is built from a commit. `language` and `lock` are None when they are to be found out."""

    language: Language | None
    runtime: str
    version: VersionSource
    lock: str | None
    commands: tuple[tuple[str, ...], ...]
    timeout_seconds: float
    max_bytes: int


@dataclass(frozen=True)
class ProjectConfig:
    """`greenroom.yaml`, read and complete. Equal policies have equal digests."""

    project: str
    template: str | None
    build: BuildConfig
    environments: tuple[EnvironmentConfig, ...]
    edge_port: int
    api_port: int
    described: Descriptor
    """The descriptor, but for the version and, where absent in the file, the language."""
    data: DataPolicy = field(default_factory=DataPolicy)

    def environment(self, name: str) -> EnvironmentConfig:
        """The environment of that name; KeyError when there is none."""
        for one in self.environments:
            if one.name == name:
                return one
        raise KeyError(name)

    def descriptor(self, version: str, language: Language | None = None) -> Descriptor:
        """How a release of this commit runs. `language`: what was found out, for a file that does not say."""
        said = self.build.language or language or Language.NONE
        return replace(self.described, version=version, language=said)

    @cached_property
    def policy(self) -> dict[str, Any]:
        """JSON values; environments as a list of pairs' names and contents, because their order matters."""
        return {
            "project": self.project,
            "data": self.data.as_policy(),
            "environments": [{"name": e.name, **e.as_policy()} for e in self.environments],
            "edge": {"port": self.edge_port},
            "api": {"port": self.api_port},
        }

    @cached_property
    def digest(self) -> str:
        """Names the policy: `sha256:` over its canonical form."""
        return digest_of(self.policy)
