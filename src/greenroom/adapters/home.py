"""Where Greenroom keeps things on this machine.

`root` is durable; `run` is short (unix sockets have 107 bytes) and, where the machine has one, on a
memory file system: what lies there, such as a process's environment with its secrets, is never at rest.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from greenroom.domain.errors import BadInput, Errored


@dataclass(frozen=True)
class Home:
    """The directories of one project's control plane. Made by `Home.at`."""

    root: Path
    run: Path

    @classmethod
    def at(cls, root: Path) -> Home:
        """The home in `root`, made if absent with safe modes.

        Raises BadInput (`home.unusable`) when no directory can be made there, Errored (`home.unsafe`) when somebody
        else owns a directory that must be ours.
        """
        home = cls.of(root)
        for path, mode in ((home.root, 0o711), (home.run, 0o711)):
            _make(path, mode)
            found = path.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                raise Errored(
                    "home.unsafe", f"{path} is not a directory of ours", hint="remove it, or choose another home"
                )
            path.chmod(mode)
        for path in (home.private, home.keeper, home.logs, home.work, home.backups):
            path.mkdir(exist_ok=True, mode=0o700)
        for path in (home.environments, home.datasets, home.artifacts, home.toolchains, home.sockets):
            path.mkdir(exist_ok=True, mode=0o711)
        return home

    @classmethod
    def of(cls, root: Path) -> Home:
        """The home in `root`, there or not: nothing is made. Raises Errored (`home.no_run_directory`)."""
        root = root.absolute()
        key = hashlib.sha256(os.fsencode(root)).hexdigest()[:10]
        return cls(root, _run_parent() / f"greenroom-{os.getuid()}-{key}")

    @property
    def private(self) -> Path:
        """Keys and tokens; 0700."""
        return self.root / "private"

    @property
    def store(self) -> Path:
        return self.root / "greenroom.db"

    @property
    def environments(self) -> Path:
        """One directory per environment: data, database, logs."""
        return self.root / "env"

    @property
    def artifacts(self) -> Path:
        """The OCI layout, and the unpacked releases beside it."""
        return self.root / "artifacts"

    @property
    def toolchains(self) -> Path:
        """Interpreters and servers that other users of this machine could not read where they are."""
        return self.root / "toolchains"

    @property
    def backups(self) -> Path:
        """One directory per environment: its repository, and what of the log is not in it yet; 0700."""
        return self.root / "backups"

    @property
    def datasets(self) -> Path:
        """One directory per masked dataset; only the vault's user reads what is in them."""
        return self.root / "datasets"

    @property
    def work(self) -> Path:
        """Working directories of builds; what ended leaves nothing here."""
        return self.root / "work"

    @property
    def logs(self) -> Path:
        """Logs of Greenroom's own processes; 0700."""
        return self.root / "logs"

    @property
    def keeper(self) -> Path:
        """The keeper's specs and states, with plain environments: on the run side; 0700."""
        return self.run / "keeper"

    @property
    def sockets(self) -> Path:
        """Unix sockets and the small files the edge reads per request."""
        return self.run / "s"


def _make(path: Path, mode: int) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except (FileExistsError, NotADirectoryError, PermissionError) as e:
        raise BadInput(
            "home.unusable",
            f"{path} cannot be a home",
            because=f"{e.filename}: {e.strerror}",
            hint="name a directory of yours, or one that is not there yet, with --home",
        ) from e


def _run_parent() -> Path:
    if os.getuid() == 0 and os.access("/run", os.W_OK):
        return Path("/run")
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    for candidate in (session, "/dev/shm", "/tmp"):  # noqa: S108 - the owner of what we make there is checked
        if candidate and len(candidate) < 40 and os.access(candidate, os.W_OK):
            return Path(candidate)
    raise Errored(
        "home.no_run_directory",
        "no directory for sockets",
        because="/run, /dev/shm and /tmp are read-only",
        hint="make one of them writable",
    )


def readable_by_all(path: Path) -> bool:
    """True if any user of this machine can reach `path` (every parent lets others through)."""
    path = path.resolve()
    return all(p.stat().st_mode & stat.S_IXOTH for p in path.parents) and bool(path.stat().st_mode & stat.S_IROTH)
