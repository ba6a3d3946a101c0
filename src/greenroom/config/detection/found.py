"""What was found in a repository, and why we think so."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from pydantic_core import PydanticCustomError

from greenroom.config.fields import split_command
from greenroom.domain.names import NAME, RESERVED
from greenroom.domain.release import Language, Listen, MigrationStyle

Command = str | list[str]

_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-[^}]*)?\}")


@dataclass(frozen=True)
class FoundProcess:
    command: Command
    listen: Listen | None


@dataclass(frozen=True)
class FoundMigration:
    command: Command
    down: Command | None = None
    style: MigrationStyle = MigrationStyle.COMMAND


@dataclass(frozen=True)
class FoundVariable:
    """A variable the code reads. `required`: it reads it without a default."""

    name: str
    where: str
    default: str | None = None
    required: bool = False


@dataclass
class Found:
    """Everything `greenroom init` writes down.

    `reasons` say what it rests on, `advice` what a person should look at.
    """

    project: str
    branch: str = "main"
    language: Language = Language.NONE
    framework: str = ""
    runtime: str = ""
    lock: str = ""
    build: list[Command] = field(default_factory=list)
    processes: dict[str, FoundProcess] = field(default_factory=dict)
    migration: FoundMigration | None = None
    health_path: str = "/"
    postgres: bool = False
    executables: set[str] = field(default_factory=set)
    variables: dict[str, FoundVariable] = field(default_factory=dict)
    checks: dict[str, Command] = field(default_factory=dict)
    dependencies: set[str] = field(default_factory=set)
    reasons: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)

    def because(self, what: str, means: str) -> None:
        """`found manage.py: Django`."""
        self.reasons.append(f"found {what}: {means}")


def as_command(line: str) -> Command:
    """A line written for a shell as a command of ours: split where it can be, given to `sh -c` where it must."""
    plain = _BRACED.sub(r"$\1", line.strip()).removeprefix("exec ")
    try:
        words = split_command(plain)
    except PydanticCustomError:
        words = []
    return plain if words and words[0] else ["sh", "-c", line.strip()]


def words_of(command: Command) -> list[str]:
    """The words of a command, for looking at them."""
    return shlex.split(command) if isinstance(command, str) else command


def listens_how(command: Command) -> Listen:
    """A command that names our socket binds it; every other is taken to mind $PORT."""
    return Listen.SOCKET if "GREENROOM_SOCKET" in " ".join(words_of(command)) else Listen.PORT


def name_from(text: str, fallback: str) -> str:
    """The nearest valid name to `text`."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-").lstrip("0123456789-")[:32].strip("-")
    return name if NAME.fullmatch(name) and name not in RESERVED else fallback
