"""The keeper's durable truth: one small file per fact, written to a temporary name and renamed.

    specs/NAME.json    what to keep running, and whether it is still wanted
    states/NAME.json   how often it ended, how, and when it may start again
    births/NAME        pid and start time, written by the process itself before it executes, under a lock
    births/NAME.info   what the sandbox says: the pid of the process inside
    fences.json        the highest token that somebody came with, for each scope

The lock on `births/NAME` is taken before the fork and let go by the exec, so whoever holds it knows: no start of
this name is half done. That is why a keeper killed at any moment never starts a process twice.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from greenroom.keeper.spec import Spec

VERSION = 1
LONGEST_NAME = 150


class UnknownVersion(Exception):
    """A record of a newer keeper: it is left alone."""


@dataclass
class State:
    """What is remembered of a process beyond its life. Times are seconds since the epoch."""

    started_at: float | None = None
    exits: int = 0
    last_exit: str = ""
    failures: int = 0  # ends in a row that came soon after the start
    next_at: float = 0.0
    ran: bool = False  # it was started at least once
    child: int = 0  # the process inside the sandbox, once known
    child_start: int = 0


class Records:
    """The records in one directory, which belongs to the keeper alone (0700)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._specs, self._states, self._births = (directory / d for d in ("specs", "states", "births"))

    def prepare(self) -> None:
        for path in (self._specs, self._states, self._births):
            path.mkdir(mode=0o700, exist_ok=True)

    def names(self) -> Iterator[str]:
        for entry in sorted(self._specs.glob("[!.]*.json")):
            yield unquote(entry.name.removesuffix(".json"))

    def save_spec(self, spec: Spec, *, wanted: bool) -> None:
        self._write(self._specs, spec.name, {"spec": as_json(spec), "wanted": wanted})

    def spec(self, name: str) -> tuple[Spec, bool]:
        """The spec and whether it is wanted. Raises UnknownVersion, ValueError (unreadable), FileNotFoundError."""
        data = self._read(self._specs, name)
        return from_json(data["spec"]), bool(data["wanted"])

    def save_state(self, name: str, state: State) -> None:
        self._write(self._states, name, dataclasses.asdict(state))

    def state(self, name: str) -> State:
        """An absent or unreadable state reads as a new one: only counters are lost."""
        try:
            data = self._read(self._states, name)
            known = {f.name for f in dataclasses.fields(State)}
            return State(**{k: v for k, v in data.items() if k in known})
        except (OSError, ValueError):
            return State()

    def save_fences(self, highest: dict[str, int]) -> None:
        self._write(self.directory, "fences", {"highest": highest})

    def fences(self) -> dict[str, int]:
        """Empty when none was ever written. Raises UnknownVersion, ValueError (unreadable)."""
        try:
            return {str(k): int(v) for k, v in self._read(self.directory, "fences")["highest"].items()}
        except FileNotFoundError:
            return {}
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError("not a record of fences") from error

    def birth_path(self, name: str) -> Path:
        return self._births / _file(name)

    def info_path(self, name: str) -> Path:
        return self._births / (_file(name) + ".info")

    def forget(self, name: str) -> None:
        """Remove all of it; the spec last, so that a forgetting cut short is found and finished."""
        for path in (
            self.info_path(name),
            self.birth_path(name),
            self._states / f"{_file(name)}.json",
            self._specs / f"{_file(name)}.json",
        ):
            path.unlink(missing_ok=True)

    def _write(self, folder: Path, name: str, data: dict[str, Any]) -> None:
        target = folder / f"{_file(name)}.json"
        temporary = folder / f".{_file(name)}"
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            json.dump({"version": VERSION, **data}, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)

    def _read(self, folder: Path, name: str) -> dict[str, Any]:
        data = json.loads((folder / f"{_file(name)}.json").read_text())
        if not isinstance(data, dict):
            raise ValueError("not a record")  # noqa: TRY004 - unreadable, like broken JSON
        if data.get("version") != VERSION:
            raise UnknownVersion(f"record of version {data.get('version')!r}")
        return data


def as_json(spec: Spec) -> dict[str, Any]:
    """The form that crosses the socket and lies on disk."""
    return dataclasses.asdict(spec)


def from_json(data: Any) -> Spec:
    """The spec `as_json` wrote; keys it does not know are passed over. Raises ValueError naming what is wrong."""
    if not isinstance(data, dict):
        raise ValueError("a spec is an object")  # noqa: TRY004 - a malformed request, like all others
    known = {f.name for f in dataclasses.fields(Spec)}
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k in known}
    try:
        spec = Spec(**values)
    except TypeError as error:
        raise ValueError(str(error)) from error
    check(spec)
    return spec


def check(spec: Spec) -> None:
    """Raise ValueError unless every field has the type and form that executing it needs."""
    if not all(isinstance(s, tuple) for s in (spec.argv, spec.groups, spec.sockets)) or not isinstance(spec.env, dict):
        raise ValueError("argv, groups and sockets are lists, env is an object")
    texts = [spec.name, spec.cwd, spec.log, spec.stop_signal, *spec.argv, *spec.sockets, *spec.env, *spec.env.values()]
    numbers = [
        n for n in (spec.uid, spec.gid, *spec.groups, spec.umask, spec.log_bytes, spec.log_keep) if n is not None
    ]
    if not all(isinstance(t, str) and "\0" not in t for t in texts):
        raise ValueError("words and variables are texts without a zero byte")
    if not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise ValueError("uid, gid, groups, umask, log_bytes and log_keep are whole numbers from 0")
    if any("=" in k or not k for k in spec.env):
        raise ValueError("a variable's name is not empty and holds no =")
    if not spec.name or len(_file(spec.name).encode()) > LONGEST_NAME:
        raise ValueError(f"a name has 1 to {LONGEST_NAME} bytes")
    if not spec.argv or not spec.argv[0]:
        raise ValueError("nothing to execute")
    if not all(p.startswith("/") for p in (spec.cwd, spec.log, *spec.sockets)):
        raise ValueError("cwd, log and sockets are absolute paths")
    if not 0 <= float(spec.stop_seconds) < 86400:
        raise ValueError("stop_seconds is between 0 and a day")
    if not 0 <= float(spec.first_wait) <= float(spec.longest_wait) < 86400:
        raise ValueError("first_wait is at most longest_wait, which is less than a day")
    if spec.stop_signal not in signal.Signals.__members__:
        raise ValueError(f"no signal is called {spec.stop_signal}")


def _file(name: str) -> str:
    return quote(name, safe="@:+,=").replace(".", "%2E")
