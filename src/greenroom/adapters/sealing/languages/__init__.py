"""One file per language: how its lock file is fetched, how it is built, what it needs on the machine that runs it.

The file is named after the value of `Language`, and its class `Builder` keeps the promises below.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from greenroom.adapters.sealing.files import Entry
from greenroom.adapters.sealing.rooms import Room
from greenroom.adapters.sealing.tools import Interpreter, Recipe
from greenroom.domain.release import Language
from greenroom.ports.artifacts import Say

Component = dict[str, Any]
"""name, version, purl, `sha256` or `sha512` where the lock file names it, `files`: digest of what is installed."""


@dataclass(frozen=True)
class Job:
    """One build. Directories are absolute; `deps` holds what `fetch` brought, `root` becomes the release."""

    recipe: Recipe
    interpreter: Interpreter | None
    tree: Path
    deps: Path
    root: Path
    caches: Path
    room: Room
    say: Say

    def program(self) -> Interpreter:
        if self.interpreter is None:
            raise TypeError(f"{self.recipe.language} needs an interpreter")
        return self.interpreter

    def path_entries(self) -> tuple[str, ...]:
        """Where the build finds the interpreter."""
        return (str(self.interpreter.executable.parent),) if self.interpreter else ()


def surroundings(work: Path, path: tuple[str, ...]) -> dict[str, str]:
    """The exact environment of a room: empty home and temporary directory in `work`, fixed time and seed."""
    home, temporary = work / "home", work / "tmp"
    return {
        "PATH": os.pathsep.join([*path, "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": "315532800",  # 1980-01-01: the earliest time a zip file can hold
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "UV_OFFLINE": "1",
        "PIP_NO_INDEX": "1",
        "npm_config_offline": "true",
        "npm_config_update_notifier": "false",
    }


class Builder(Protocol):
    def fetch(self, job: Job) -> None:
        """Bring everything the lock file names into `job.deps`; runs no code of the project with our rights.

        Raises BadInput (`release.lock_missing`), Refused (`release.lock_unpinned`, `release.lock_incomplete`,
        `release.fetch_failed`).
        """

    def install(self, job: Job) -> None:
        """Put what was fetched into `job.root`, ready for the build commands. No network."""

    def finish(self, job: Job) -> tuple[Component, ...]:
        """After the build commands: compile, remove what would differ next time; what was installed."""

    def path(self, interpreter: Interpreter | None) -> tuple[str, ...]:
        """Directories put before PATH: relative ones lie in the release."""

    def env(self, root: Path) -> Mapping[str, str]:
        """Variables the language needs."""

    def local_files(self, entries: Mapping[str, Entry], interpreter: Interpreter | None) -> tuple[Entry, ...]:
        """Files and links that only this machine's interpreter needs; a file's text is in `target`."""


def builder(language: Language) -> Builder:
    """The builder of a language."""
    return cast(Builder, import_module(f"{__name__}.{language.value}").Builder())
