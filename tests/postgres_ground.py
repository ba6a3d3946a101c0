"""A home, a real keeper and real PostgreSQL for suites; nothing of it is left afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.home import Home
from greenroom.adapters.postgres.database import PostgresDatabases
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.adapters.runtimes.users import User, ensure_user
from greenroom.keeper.client import KeeperClient, ensure_keeper
from tests.runtime_support import remove_user


@dataclass
class Ground:
    """What a suite works on. `databases()` makes another adapter over the same home, as another process would."""

    home: Home
    keeper: KeeperClient
    made_users: set[str]

    def ensure_user(self, name: str) -> User:
        if not any(p.pw_name == name for p in pwd.getpwall()):
            self.made_users.add(name)
        return ensure_user(name)

    def databases(self, **more: Any) -> PostgresDatabases:
        return PostgresDatabases(
            self.home, self.keeper, "shop", SystemClock(), ensure_user=self.ensure_user, adopt=adopt, **more
        )


def _quick_directory() -> Path | None:
    """Memory, where there is enough of it and programs may run there: fsync costs nothing. None: the usual place."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 4 << 30:
        return None
    return None if os.statvfs(memory).f_flag & os.ST_NOEXEC else memory


@contextmanager
def ground(*, on_disk: bool = False) -> Iterator[Ground]:
    root = Path(tempfile.mkdtemp(prefix="greenroom-pg-", dir=None if on_disk else _quick_directory()))
    root.chmod(0o711)
    try:
        with ground_in(root) as made:
            yield made
    finally:
        shutil.rmtree(root)


@contextmanager
def ground_in(root: Path) -> Iterator[Ground]:
    """In this directory, which other users must be able to reach; it stays."""
    home = Home.at(root / "home")
    keeper = ensure_keeper(home.keeper)
    made = Ground(home, keeper, set())
    try:
        yield made
    finally:
        keeper.shutdown(stop_children=True)
        shutil.rmtree(home.run)
        for name in made.made_users:
            remove_user(name)


def query(url: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement as the application would, in a session of its own, which is over then: its server process is
    gone, its locks are free, and what it counted is handed in."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        found, backend = cursor.fetchall() if cursor.description else [], connection.info.backend_pid
    deadline = time.monotonic() + 60
    while _works(backend):
        assert time.monotonic() < deadline, f"session {backend} did not end"
        time.sleep(0.001)
    return found


def _works(pid: int) -> bool:
    """Whether a process of PostgreSQL has this number."""
    try:
        return Path(f"/proc/{pid}/comm").read_text() == "postgres\n"
    except OSError:
        return False


def tear_out(folder: Path) -> None:
    """Remove it while somebody works in it, who may make and remove files meanwhile."""
    deadline = time.monotonic() + 60
    while folder.exists():
        assert time.monotonic() < deadline, f"{folder} comes again and again"
        shutil.rmtree(folder, ignore_errors=True)


def served_in(root: Path) -> set[str]:
    """Data directories below `root` that some process works in."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                directory = os.readlink(entry / "cwd")
            except OSError:
                continue
            if directory.startswith(f"{root}/"):
                found.add(directory.removesuffix(" (deleted)"))
    return found
