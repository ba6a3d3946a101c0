"""A release: what is built once from a commit, named by its digest, and moved unchanged to production.

The descriptor is everything that decides how the release runs: it is part of the sealed image, so the
digest covers it. Policy (which gates, which windows) is not here: it belongs to the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Language(StrEnum):
    """Which builder makes the release."""

    PYTHON = "python"
    NODE = "node"
    NONE = "none"  # files and executables as they are, after the build commands


class Listen(StrEnum):
    """How the process takes requests."""

    SOCKET = "socket"  # binds the unix socket named by $GREENROOM_SOCKET
    PORT = "port"  # binds 127.0.0.1:$PORT


class MigrationStyle(StrEnum):
    """The ways real applications change their schema."""

    COMMAND = "command"  # only by the command
    AT_START = "at-start"  # by itself at every start, no choice
    AT_START_UNLESS = "at-start-unless"  # at start, unless `switch_off` is set; the command does it
    NONE = "none"


@dataclass(frozen=True)
class Process:
    """A command that is kept running. `command` is an argument list; `$NAME` is replaced from its environment."""

    name: str
    command: tuple[str, ...]
    listen: Listen | None = Listen.SOCKET
    stop_seconds: float = 30.0
    count: int = 1
    outside: bool = False  # reaches people by itself: started only where the environment says so, or nothing is caught


@dataclass(frozen=True)
class Migration:
    """How the schema follows the release.

    `quiet` says that the command wants the application at rest: visitors wait while it runs, and then reach the older
    release again. Changing tables under its writes can end in a deadlock, and somebody's request with it.
    `contracts` says that an older release cannot live on the new schema: traffic is then held from the
    migration to the switch instead of failing. `down` brings the schema back and is run by the newer release.
    """

    style: MigrationStyle = MigrationStyle.NONE
    command: tuple[str, ...] = ()
    switch_off: Mapping[str, str] = field(default_factory=dict)
    down: tuple[str, ...] = ()
    contracts: bool = False
    quiet: bool = False
    timeout_seconds: float = 3600.0


@dataclass(frozen=True)
class Health:
    """The request that says the release is up: GET `path` answers `status` within the time limits."""

    path: str = "/"
    status: int = 200
    boot_seconds: float = 120.0
    request_seconds: float = 10.0


class Mail(StrEnum):
    """What a variable says of the mail server. Where mail is caught, Greenroom gives its value, whatever is set."""

    HOST = "host"
    PORT = "port"
    URL = "url"  # smtp://HOST:PORT
    LOGIN = "login"  # a user, a password, a switch for TLS: not given where mail is caught


@dataclass(frozen=True)
class Variable:
    """One setting the application reads from its environment. A secret's value is never shown."""

    name: str
    secret: bool = False
    required: bool = False
    generate: bool = False
    default: str | None = None
    about: str = ""
    mail: Mail | None = None
    outside: bool = False  # production's value stands nowhere else
    caught: str | None = None  # the value where side effects are caught and the environment sets none


@dataclass(frozen=True)
class Check:
    """A command of the release, run against it in an environment with its address in `GREENROOM_URL`.

    Exit code 0 passes, 1 to 125 fails; a signal, 126, 127 or the time limit is an error (we could not tell).
    """

    name: str
    command: tuple[str, ...]
    environments: tuple[str, ...]
    timeout_seconds: float = 600.0
    journey: bool = False


@dataclass(frozen=True)
class Services:
    """What the release needs beside itself. `postgres` names a major version, or None for no database."""

    postgres: int | None = 18
    extensions: tuple[str, ...] = ()


LATER = frozenset({"mail", "outside", "caught"})
"""Keys that a descriptor of an earlier version does not have."""
UNSAID: tuple[object, ...] = (None, False)


@dataclass(frozen=True)
class Descriptor:
    """How a release runs, the same in every environment."""

    project: str
    version: str
    language: Language
    processes: tuple[Process, ...]
    migration: Migration = Migration()
    health: Health = Health()
    variables: tuple[Variable, ...] = ()
    checks: tuple[Check, ...] = ()
    services: Services = Services()
    runtime_version: str = ""  # e.g. "3.11" or "20": the interpreter line the release was built for
    executables: tuple[str, ...] = ()  # declared system programs, e.g. "ffmpeg"
    files: tuple[str, ...] = ()  # declared paths outside the release, e.g. "/usr/share/zoneinfo"
    seed: tuple[str, ...] = ()  # synthetic data: SQL and CSV files of the release, in the order they are loaded

    @property
    def web(self) -> Process:
        """The process that takes requests: the first that listens."""
        return next(p for p in self.processes if p.listen is not None)

    def as_dict(self) -> dict[str, Any]:
        """What is not said is left out where it came later: the same release keeps its digest."""
        told = asdict(self)
        told["variables"] = [
            {k: x for k, x in v.items() if k not in LATER or x not in UNSAID} for v in told["variables"]
        ]
        told["processes"] = [
            {k: x for k, x in p.items() if k not in LATER or x not in UNSAID} for p in told["processes"]
        ]
        if not self.seed:
            del told["seed"]
        return told

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Descriptor:
        """The descriptor that `as_dict` wrote (also after a trip through JSON)."""
        d = dict(data)
        m, h, s = d.get("migration") or {}, d.get("health") or {}, d.get("services") or {}
        return cls(
            project=d["project"],
            version=d["version"],
            language=Language(d["language"]),
            processes=tuple(
                Process(
                    **{
                        **p,
                        "command": tuple(p["command"]),
                        "listen": Listen(p["listen"]) if p.get("listen") else None,
                    }
                )
                for p in d["processes"]
            ),
            migration=Migration(
                **{
                    **m,
                    "style": MigrationStyle(m.get("style", "none")),
                    "command": tuple(m.get("command", ())),
                    "down": tuple(m.get("down", ())),
                }
            ),
            health=Health(**h),
            variables=tuple(
                Variable(**{**v, "mail": Mail(v["mail"]) if v.get("mail") else None}) for v in d.get("variables", ())
            ),
            checks=tuple(
                Check(**{**c, "command": tuple(c["command"]), "environments": tuple(c["environments"])})
                for c in d.get("checks", ())
            ),
            services=Services(**{**s, "extensions": tuple(s.get("extensions", ()))}),
            runtime_version=d.get("runtime_version", ""),
            executables=tuple(d.get("executables", ())),
            files=tuple(d.get("files", ())),
            seed=tuple(d.get("seed", ())),
        )


@dataclass(frozen=True)
class Release:
    """A sealed release as the store knows it. `digest` is the OCI manifest's: it names every byte that runs."""

    digest: str
    project: str
    version: str
    commit: str
    made_by: str
    made_at: datetime
    descriptor: Descriptor
    size: int = 0


class FindingKind(StrEnum):
    """What the clean room can find missing."""

    IMPORT = "import"
    EXECUTABLE = "executable"
    VARIABLE = "variable"
    FILE = "file"


@dataclass(frozen=True)
class Finding:
    """One thing the release uses and does not declare.

    `blocking` is False for what the code can do without (an import inside try/except ImportError): it is
    named, and does not refuse the seal.
    """

    kind: FindingKind
    name: str
    where: str
    blocking: bool = True

    def __str__(self) -> str:
        said = {
            FindingKind.IMPORT: f"imports `{self.name}`, not in the lock file",
            FindingKind.EXECUTABLE: f"runs `{self.name}`, not declared",
            FindingKind.VARIABLE: f"reads `{self.name}`, not in the config schema",
            FindingKind.FILE: f"opens `{self.name}`, outside the release and not declared",
        }[self.kind]
        return f"{said} ({self.where})"
