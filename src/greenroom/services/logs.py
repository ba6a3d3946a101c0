"""What an environment's processes said: the last lines, and what comes.

Besides the kept processes there are the logs of commands that ended (migrations, checks): after a failed promotion
they are what a person wants. Files lie in a directory that is Greenroom's own.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from greenroom.domain.errors import BadInput
from greenroom.domain.roles import Action, Actor
from greenroom.domain.secret import Secret, redact
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


@dataclass
class Tail:
    """The last lines of an environment's logs, and, asked again, what was written since. Not thread-safe."""

    directory: Path
    process: str | None
    secrets: tuple[Secret, ...]
    _read: dict[Path, tuple[int, int]] = field(default_factory=dict)  # inode, offset

    def last(self, lines: int) -> list[LogLine]:
        """The last `lines` over all files, older files first."""
        found: deque[LogLine] = deque(maxlen=max(1, min(lines, MOST_LINES)))
        for path in self._files():
            found.extend(self._lines(path, from_end=TAIL_BYTES))
        return list(found)

    def new(self) -> list[LogLine]:
        """What was written since the last call, also to files that came or were rotated meanwhile."""
        return [line for path in self._files() for line in self._lines(path, from_end=0)]

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

    def _lines(self, path: Path, *, from_end: int) -> Iterator[LogLine]:
        """Complete lines after what was read before; a first read starts `from_end` bytes before the end.

        A file that is new since the first read is read from its start.
        """
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # rotated away since the directory was read
            return
        with open(handle, "rb") as file:
            yield from (LogLine(source_of(path.name), self._shown(line)) for line in self._take(path, file, from_end))

    def _take(self, path: Path, file: BinaryIO, from_end: int) -> list[bytes]:
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
        lines = content[:complete].splitlines()
        self._read[path] = (found.st_ino, offset + complete)
        return lines[1:] if is_first and offset > 0 else lines  # the first one began before what was read

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


def _is_of(source: str, process: str) -> bool:
    return source == process or source.rpartition(".")[0] == process
