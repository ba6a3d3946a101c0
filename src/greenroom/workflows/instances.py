"""How a release's processes look in an environment: identifiers, addresses, and exactly which variables they get."""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping
from dataclasses import dataclass

from greenroom.domain.errors import Refused
from greenroom.domain.release import Listen, MigrationStyle, Process, Release
from greenroom.domain.secret import Secret
from greenroom.domain.variables import MailAddress, resolved
from greenroom.ports.databases import Database
from greenroom.ports.runtime import InstanceSpec, Place, Unpacked
from greenroom.workflows.outside import refuse_shared
from greenroom.workflows.world import World


@dataclass(frozen=True)
class Deployment:
    """A release as one work puts it into an environment. Equal inputs name equal instances: that is what makes
    starting them idempotent, also from a later control plane."""

    environment: str
    release: Release
    work_id: str
    port: int | None = None
    idle: frozenset[str] = frozenset()
    """Processes of the release that are not started here: they reach outside, and side effects are caught."""

    @property
    def tag(self) -> str:
        return self.work_id.rpartition("-")[2]

    @property
    def processes(self) -> list[Process]:
        """Those that are started here."""
        return [p for p in self.release.descriptor.processes if p.name not in self.idle]

    def instance_ids(self) -> list[str]:
        """Of what is started here."""
        return [i for p in self.processes for i in self.instance_ids_of(p)]

    def instance_ids_of(self, process: Process) -> list[str]:
        return [self._id(process, n) for n in range(process.count)]

    def _id(self, process: Process, number: int) -> str:
        return f"{self.environment}.{process.name}.{number}.{self.tag}"

    def dial(self, place: Place) -> str:
        """Where its web process listens."""
        if self.release.descriptor.web.listen is Listen.PORT:
            return f"127.0.0.1:{self.port}"
        return f"unix/{place.sockets / self.tag}.sock"

    def specs(
        self, place: Place, unpacked: Unpacked, variables: Mapping[str, str | Secret], dial: str
    ) -> list[InstanceSpec]:
        """One spec per process and number; only the web process gets the address."""
        web = self.release.descriptor.web
        return [
            InstanceSpec(
                id=self._id(process, number),
                place=place,
                release=unpacked,
                command=process.command,
                env={**variables, **(_address(dial) if process.name == web.name else {})},
                listen=process.listen if process.name == web.name else None,
                dial=dial if process.name == web.name else "",
                stop_seconds=process.stop_seconds,
            )
            for process in self.processes
            for number in range(process.count)
        ]


def idle_processes(world: World, environment: str, release: Release) -> frozenset[str]:
    """Processes of the release that reach outside and are not started in this environment."""
    config = world.project().environment(environment)
    if not config.catches:
        return frozenset()
    return frozenset(p.name for p in release.descriptor.processes if p.outside and p.name not in config.outside)


def deployment_of(
    world: World, environment: str, release: Release, work_id: str, port: int | None = None
) -> Deployment:
    """The release as a work deploys it, under the configuration in force."""
    return Deployment(environment, release, work_id, port, idle_processes(world, environment, release))


def _address(dial: str) -> dict[str, str]:
    if dial.startswith("unix/"):
        return {"GREENROOM_SOCKET": dial.removeprefix("unix/")}
    return {"PORT": dial.rpartition(":")[2]}


def variables(
    world: World, environment: str, release: Release, database: Database | None = None
) -> dict[str, str | Secret]:
    """What an application is given: its configuration, its secrets, its database (the environment's own unless another
    is given), where and what it is.

    Secrets that are to be generated are made here, once per environment. Raises Refused (`config.missing`)
    naming everything that is required and absent.
    """
    descriptor = release.descriptor
    config = world.project().environment(environment)

    def generate(name: str) -> Secret:
        value = Secret(randomness.token_urlsafe(48))
        world.secrets.put(environment, name, value)
        return value

    def mail() -> MailAddress:
        address = world.mail.address(environment)
        return address.host, address.port

    found, missing = resolved(
        descriptor.variables,
        kept=world.secrets.values(environment),
        plain=config.config,
        generate=generate,
        mail=mail if config.catches_mail else None,
        catches=config.catches,
    )
    if missing:
        raise Refused(
            "config.missing",
            f"{environment} lacks {', '.join(missing)}",
            because=f"release {release.version} declares them as required",
            hint=f"greenroom secret set {environment} {missing[0]}, or a value under environments/{environment}/config",
            facts={"environment": environment, "missing": missing},
        )
    refuse_shared(world, environment, release, found)
    if descriptor.services.postgres is not None:
        found["DATABASE_URL"] = (database or world.databases.ensure(environment, descriptor.services)).url
    found["GREENROOM_ENVIRONMENT"] = environment
    found["GREENROOM_RELEASE"] = release.digest
    return found


def process_variables(given: Mapping[str, str | Secret], release: Release) -> dict[str, str | Secret]:
    """For kept processes: a release that migrates at start unless told not to is told not to."""
    migration = release.descriptor.migration
    if migration.style is MigrationStyle.AT_START_UNLESS:
        return {**given, **migration.switch_off}
    return dict(given)
