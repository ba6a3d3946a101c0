"""What an environment's processes said: the last lines, and what comes.

Besides the kept processes there are the logs of commands that ended (migrations, checks): after a failed promotion
they are what a person wants. Files lie in a directory that is Greenroom's own.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, NamedTuple

from greenroom.domain.errors import BadInput
from greenroom.domain.roles import Action, Actor
from greenroom.domain.secret import Secret, redact
from greenroom.keeper.logs import noted
from greenroom.services.app import App
from greenroom.workflows.hidden import hidden

MOST_LINES = 5000
TAIL_BYTES = 1024 * 1024
LONGEST_LINE = 8192
OLD_LOGS = 20
"""Logs beyond the newest twenty are history: the files are there, the command shows what is near."""

_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s/@]+(@)")
_INSTANCE = re.compile(r"(?P<environment>[a-z0-9-]+)\.(?P<process>[a-z0-9-]+)\.(?P<number>\d+)\.[^.]+\.log")
_COMMAND = re.compile(r"(?P<command>.+)-(?:promotion|rollback|check|release)-[^-]+\.log")


@dataclass(frozen=True)
class LogLine:
    """`source` is a process and its number (`web.0`), or a command that ran (`migrate`, `check-journey`)."""

    source: str
    text: str


class Taken(NamedTuple):
    """A line as it lies in its file, and when it was written, in seconds since the epoch."""

    at: float
    source: str
    line: bytes


@dataclass
class Tail:
    """The last lines of an environment's logs, and, asked again, what was written since. Not thread-safe."""

    directory: Path
    process: str | None
    secrets: tuple[Secret, ...]
    _read: dict[Path, tuple[int, int]] = field(default_factory=dict)  # inode, offset

    def last(self, lines: int) -> list[LogLine]:
        """The last `lines` over all files, in the order in which they were written."""
        most = max(1, min(lines, MOST_LINES))
        taken = [t for path in self._files() for t in self._last_of(path, most)]
        return self._in_order(taken)[-most:]

    def new(self) -> list[LogLine]:
        """What was written since the last call, also to files that came or were rotated meanwhile, in the order in
        which it was written."""
        return self._in_order([t for path in self._files() for t in self._lines(path, from_end=0)])

    def _last_of(self, path: Path, most: int) -> list[Taken]:
        """Of one log. Just after a rotation nearly all of it is in the file that was rotated away."""
        now = self._lines(path, from_end=TAIL_BYTES)[-most:]
        if len(now) == most or self._read.get(path, (0, 0))[1] > TAIL_BYTES:
            return now
        older = self._lines(path.with_name(f"{path.name}.1"), from_end=TAIL_BYTES, source=source_of(path.name))
        if not older:
            return now
        return older[len(now) - most :] + [t._replace(at=max(t.at, older[-1].at)) for t in now]

    def _in_order(self, taken: list[Taken]) -> list[LogLine]:
        """By time, as exactly as it was noted (see `keeper.logs`); what is of one moment stays as it was found."""
        return [LogLine(t.source, self._shown(t.line)) for t in sorted(taken, key=lambda t: t.at)]

    def sources(self) -> list[str]:
        return sorted({source_of(p.name) for p in self._files(everything=True)})

    def _files(self, *, everything: bool = False) -> list[Path]:
        """Newest last. Only regular files of this directory; whatever else lies there is not ours."""
        try:
            entries = [
                e for e in os.scandir(self.directory) if e.name.endswith(".log") and e.is_file(follow_symlinks=False)
            ]
        except FileNotFoundError:
            return []
        newest = sorted(entries, key=lambda e: e.stat(follow_symlinks=False).st_mtime_ns)
        wanted = [e for e in newest if everything or self.process is None or _is_of(source_of(e.name), self.process)]
        return [Path(e.path) for e in wanted[-OLD_LOGS:]]

    def _lines(self, path: Path, *, from_end: int, source: str | None = None) -> list[Taken]:
        """Complete lines after what was read before; a first read starts `from_end` bytes before the end.

        A file that is new since the first read is read from its start.
        """
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # rotated away since the directory was read
            return []
        named = source or source_of(path.name)
        with open(handle, "rb") as file:
            return [Taken(at, named, line) for line, at in self._take(path, file, from_end)]

    def _take(self, path: Path, file: BinaryIO, from_end: int) -> list[tuple[bytes, float]]:
        found = os.fstat(file.fileno())
        is_first = path not in self._read
        inode, offset = self._read.get(path, (found.st_ino, max(0, found.st_size - from_end) if from_end else 0))
        if inode != found.st_ino or offset > found.st_size:  # rotated: by another file, or emptied
            offset = 0
        file.seek(offset)
        content = file.read(max(TAIL_BYTES, from_end))
        complete = content.rfind(b"\n") + 1
        if not complete and len(content) >= LONGEST_LINE:
            complete = len(content)
        lines = content[:complete].splitlines(keepends=True)
        self._read[path] = (found.st_ino, offset + complete)
        ends = accumulate((len(line) for line in lines), initial=offset)
        next(ends)
        timed = list(zip((line.rstrip(b"\r\n") for line in lines), _when(path, ends, found.st_mtime), strict=True))
        return timed[1:] if is_first and offset > 0 else timed  # the first one began before what was read

    def _shown(self, line: bytes) -> str:
        """Redacted before it is cut: half a secret is not recognised."""
        text = redact(line.decode(errors="replace"), self.secrets)
        return _URL_PASSWORD.sub(r"\1••••\2", text)[:LONGEST_LINE]


def tail(app: App, actor: Actor, environment: str, *, process: str | None = None) -> Tail:
    """The environment's logs. Raises BadInput (`log.unknown`) for a process or command that said nothing there.

    Values of the environment's secrets, its database's passwords, and passwords in addresses, are not shown.
    """
    app.allow(actor, Action.READ_LOGS, environment)
    directory = app.world.runtime.prepare(environment).logs
    found = Tail(directory, process, hidden(app.world, environment))
    if process is not None and not any(_is_of(s, process) for s in found.sources()):
        known = ", ".join(found.sources()) or "nothing yet"
        raise BadInput("log.unknown", f"{process[:80]!r} said nothing in {environment}", hint=f"there is {known}")
    return found


def source_of(file_name: str) -> str:
    """`web.0` for an instance's file, `migrate` for a command's."""
    if match := _INSTANCE.fullmatch(file_name):
        return f"{match['process']}.{match['number']}"
    if match := _COMMAND.fullmatch(file_name):
        return match["command"]
    return file_name.removesuffix(".log")


def _when(path: Path, ends: Iterable[int], last: float) -> Iterator[float]:
    """When the bytes before each of `ends` were there: by the first note that has them, else at the `last` change. A
    clock that was set back changes no order within a file."""
    notes = noted(path)
    at = 0.0
    for end in ends:
        index = bisect_left(notes, end, key=lambda n: n[0])
        at = max(at, notes[index][1] if index < len(notes) else last)
        yield at


def _is_of(source: str, process: str) -> bool:
    return source == process or source.rpartition(".")[0] == process
