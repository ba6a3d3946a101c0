"""What runs of a working tree: which commands, in exactly which environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from greenroom.config.project import EnvironmentConfig, ProjectConfig
from greenroom.domain.command import checked_command
from greenroom.domain.errors import Refused
from greenroom.domain.kinds import Kind
from greenroom.domain.release import Listen, MigrationStyle
from greenroom.domain.secret import Secret, revealed
from greenroom.domain.variables import MailAddress, resolved

ENVIRONMENT = "dev"
RELEASE = "working-tree"
"""In place of a digest: what runs was never sealed."""

OF_THE_DEVELOPER = ("HOME", "USER", "LOGNAME", "TMPDIR", "TZ")
"""Taken over from whoever runs it; what else their shell has set, an environment would not have."""

PROGRAMS = (".venv/bin", "venv/bin", "node_modules/.bin")


@dataclass(frozen=True)
class Runs:
    """One command, with everything in its environment."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    stop_seconds: float


@dataclass(frozen=True)
class Plan:
    """`web` is the name of the process that listens at `dial`: `unix/PATH` or `127.0.0.1:PORT`."""

    root: Path
    migration: Runs | None
    processes: tuple[Runs, ...]
    web: str
    dial: str


@dataclass(frozen=True)
class Given:
    """What is handed in: `set` wins over everything, `generate` gives a name's random value (the same each time),
    `mail` says where mail is caught."""

    set: Mapping[str, str]
    database: Secret | None
    generate: Callable[[str], Secret]
    mail: Callable[[], MailAddress]
    sockets: Path
    port: int
    shell: Mapping[str, str]


def plan_of(config: ProjectConfig, root: Path, given: Given) -> Plan:
    """Each process of the file once. Raises Refused (`config.missing`), BadInput (`command.…`)."""
    described = config.described
    env = _variables(config, given)
    web, migration = described.web, described.migration
    dial = f"127.0.0.1:{given.port}" if web.listen is Listen.PORT else f"unix/{given.sockets / 'web.sock'}"
    address = {"PORT": str(given.port)} if web.listen is Listen.PORT else {"GREENROOM_SOCKET": dial[5:]}
    base = _base(root, given.shell)
    off = migration.switch_off if migration.style is MigrationStyle.AT_START_UNLESS else {}

    def runs(name: str, command: tuple[str, ...], seconds: float, more: Mapping[str, str]) -> Runs:
        whole = {**base, **env, **more}
        return Runs(name, checked_command(command, whole), whole, seconds)

    return Plan(
        root,
        runs("migrate", migration.command, 10.0, {})
        if migration.style in (MigrationStyle.COMMAND, MigrationStyle.AT_START_UNLESS)
        else None,
        tuple(
            runs(p.name, p.command, p.stop_seconds, {**off, **(address if p.name == web.name else {})})
            for p in described.processes
            if not p.outside or p.name in _of_dev(config)
        ),
        web.name,
        dial,
    )


def _of_dev(config: ProjectConfig) -> frozenset[str]:
    """Processes that reach outside and are started in dev all the same."""
    dev = _dev(config)
    return dev.outside if dev else frozenset()


def _dev(config: ProjectConfig) -> EnvironmentConfig | None:
    return next((e for e in config.environments if e.kind is Kind.DEV), None)


def _variables(config: ProjectConfig, given: Given) -> dict[str, str]:
    declared = {v.name for v in config.described.variables}
    dev = _dev(config)
    found, missing = resolved(
        (v for v in config.described.variables if v.name not in given.set),
        kept={},
        plain=dev.config if dev else {},
        generate=given.generate,
        mail=given.mail,
        catches=True,
    )
    if missing:
        raise Refused(
            "config.missing",
            f"the working tree lacks {', '.join(missing)}",
            because="greenroom.yaml declares them as required, and secrets of environments are given to nobody",
            hint=f"greenroom dev --set {missing[0]}=VALUE",
            facts={"environment": ENVIRONMENT, "missing": missing},
        )
    if unknown := sorted(set(given.set) - declared):
        raise Refused(
            "config.undeclared",
            f"greenroom.yaml does not declare {', '.join(unknown)}",
            because="in an environment the application would not be given it",
            hint="declare it under config, or leave --set out",
        )
    whole = {**revealed(found), **given.set}
    if given.database is not None:
        whole["DATABASE_URL"] = given.database.reveal()
    return {**whole, "GREENROOM_ENVIRONMENT": ENVIRONMENT, "GREENROOM_RELEASE": RELEASE}


def _base(root: Path, shell: Mapping[str, str]) -> dict[str, str]:
    """The tree's own programs first, then the developer's."""
    own = [str(root / p) for p in PROGRAMS if (root / p).is_dir()]
    path = os.pathsep.join([*own, shell.get("PATH") or "/usr/local/bin:/usr/bin:/bin"])
    found = {"PATH": path, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
    found |= {name: shell[name] for name in OF_THE_DEVELOPER if shell.get(name)}
    sources = [str(root), *([str(root / "src")] if (root / "src").is_dir() else [])]
    found["PYTHONPATH"] = os.pathsep.join(sources)
    return found
