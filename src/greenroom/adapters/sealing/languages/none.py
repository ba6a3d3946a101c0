"""Files and executables as they are, after the build commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from greenroom.adapters.sealing.files import Entry
from greenroom.adapters.sealing.languages import Component, Job
from greenroom.adapters.sealing.tools import Interpreter


class Builder:
    def fetch(self, job: Job) -> None:
        """Nothing beside the commit."""

    def install(self, job: Job) -> None:
        """Nothing beside the commit."""

    def finish(self, job: Job) -> tuple[Component, ...]:
        return ()

    def path(self, interpreter: Interpreter | None) -> tuple[str, ...]:
        return (".", "bin")

    def env(self, root: Path) -> Mapping[str, str]:
        return {}

    def local_files(self, entries: Mapping[str, Entry], interpreter: Interpreter | None) -> tuple[Entry, ...]:
        return ()
