"""What the seal asks from outside: interpreters of this machine, and the recipe in the commit's own file."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from greenroom.adapters.home import Home
from greenroom.adapters.runtimes.toolchain import adopt, find_node, find_python
from greenroom.domain.release import Language


@dataclass(frozen=True)
class Interpreter:
    """A program that runs a release's files. `needs` are the host directories it lives in, readable by all."""

    executable: Path
    version: str
    needs: tuple[Path, ...] = ()


class Toolchain(Protocol):
    def find(self, language: Language, line: str) -> Interpreter | None:
        """The interpreter of a version line ("3.11"; "" for any); None for a language that needs none.

        The one found can be read by every user of this machine. Raises Refused (`toolchain.missing`).
        """


@dataclass(frozen=True)
class Account:
    """The unprivileged operating-system user that builds; None in its place: the caller's own."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Recipe:
    """How a commit is built: what its `greenroom.yaml` says under `release`."""

    language: Language
    runtime_version: str = ""
    lock: str | None = None  # the lock file's path in the commit; None: found by its usual name
    commands: tuple[tuple[str, ...], ...] = ()
    seconds: float = 1800.0  # the time limit of each command
    max_bytes: int = 4 * 10**9  # what a build may write, and what is sealed of it may hold


class HostToolchain:
    """The interpreters installed here, copied into the home where other users could not read them."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[tuple[Language, str], Interpreter | None] = {}

    def find(self, language: Language, line: str) -> Interpreter | None:
        key = (language, line)
        if key not in self._known:
            self._known[key] = self._find(language, line)
        return self._known[key]

    def _find(self, language: Language, line: str) -> Interpreter | None:
        if language is Language.NONE:
            return None
        own = ".".join(str(n) for n in sys.version_info[:2])
        found = find_python(line or own) if language is Language.PYTHON else find_node(line)
        if found.base_prefix == Path("/usr"):
            return Interpreter(found.executable, found.version)
        prefix = adopt(found.base_prefix, self._home)
        relative = found.executable.resolve().relative_to(found.base_prefix.resolve())
        return Interpreter(prefix / relative, found.version, (prefix,))
