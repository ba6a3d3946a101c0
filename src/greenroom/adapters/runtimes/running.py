"""Run one command to its end: its output watched and redacted, its time limited, nothing of it left behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.courtesy import FIRST_SECONDS, Standing
from greenroom.domain.disk import is_full
from greenroom.domain.secret import Secret, parts, redact
from greenroom.keeper import logs, procfs, reaper
from greenroom.ports.runtime import Finished

TAIL_BYTES = 64 * 1024
LOG_BYTES = 50_000_000
LONGEST_LINE = 16 * 1024
LOOK_SECONDS = 0.1
KILL_SECONDS = 10.0
NOTE_SECONDS = 0.2


@dataclass(frozen=True)
class Limits:
    """When a command has to end, apart from by itself."""

    seconds: float
    cancelled: Callable[[], bool] | None = None


def reaper_argv(*options: str) -> tuple[str, ...]:
    """The words in front of a command that make the reaper stand over it."""
    return (sys.executable, "-I", "-S", str(Path(reaper.__file__)), *options, "--")


def run_to_end(
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    limits: Limits,
    log: Path,
    secrets: Iterable[Secret],
    on_line: Callable[[str], None] | None,
    cwd: Path,
    options: Sequence[str] = (),
    stands_back: bool = False,
) -> Finished:
    """Run `argv` under a reaper and wait. As root it can stand back (`courtesy.Standing`).

    The reaper dies, and kills the whole tree, when the thread that calls this ends (PR_SET_PDEATHSIG goes by thread);
    that thread waits here, so it ends only with its process, however that dies.
    """
    began = time.monotonic()
    output = Output(log, secrets, on_line)
    words = [*reaper_argv("--parent", str(os.getpid()), *options), *argv]
    process = subprocess.Popen(
        words, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        standing = Standing(process.pid) if stands_back else None
        ended_by = _watch(process, limits, began, output, standing)
    finally:
        _end(process)
        output.close()
    if not ended_by and process.returncode > 128:
        ended_by = f"signal {process.returncode - 128}"
    elif not ended_by and process.returncode < 0:
        ended_by = f"signal {-process.returncode}"
    code = None if ended_by else process.returncode
    return Finished(code, ended_by, output.tail(), time.monotonic() - began)


def _watch(
    process: subprocess.Popen[bytes], limits: Limits, began: float, output: Output, standing: Standing | None
) -> str:
    """Pass output on until the command ends. Says what ended it early, or nothing."""
    assert process.stdout is not None  # noqa: S101
    pipe = process.stdout.fileno()
    poller = select.poll()
    poller.register(pipe, select.POLLIN | select.POLLHUP)
    look_seconds = FIRST_SECONDS if standing else LOOK_SECONDS
    while True:
        if standing is not None:
            standing.look()
        if poller.poll(look_seconds * 1000):
            data = os.read(pipe, 65536)
            if not data:
                break
            output.feed(data)
        if limits.cancelled is not None and limits.cancelled():
            return "cancelled"
        if time.monotonic() - began > limits.seconds:
            return "time limit"
    while True:  # the output is closed, the command may go on in silence
        try:
            process.wait(LOOK_SECONDS)
            return ""
        except subprocess.TimeoutExpired:
            if limits.cancelled is not None and limits.cancelled():
                return "cancelled"
            if time.monotonic() - began > limits.seconds:
                return "time limit"


def _end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM makes the reaper kill everything; if the reaper itself does not go, kill what can be seen from here."""
    assert process.stdout is not None  # noqa: S101
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            for member in procfs.family(process.pid):
                procfs.kill(member)
            process.kill()
            process.wait()
    process.stdout.close()


class Output:
    """A command's output on its way to the log, the caller and the tail; redacted before it goes anywhere."""

    def __init__(self, log: Path, secrets: Iterable[Secret], on_line: Callable[[str], None] | None) -> None:
        self._secrets = tuple(parts(secrets))
        self._hold = max([4, *(len(s.reveal().encode()) for s in self._secrets)])  # 4: a whole character
        self._on_line = on_line
        fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._log = os.fdopen(fd, "wb", buffering=0)
        self._path, self._noted, self._noted_at = log, 0, 0.0
        self._room = LOG_BYTES
        self._is_cut = False  # the disk took no more of it
        self._partial = b""
        self._tail: deque[str] = deque()
        self._tail_bytes = 0

    def feed(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._partial) > LONGEST_LINE:
            self._break_line()
        if time.monotonic() - self._noted_at > NOTE_SECONDS:
            self._note()

    def close(self) -> None:
        if self._partial:
            self._line(self._partial)
            self._partial = b""
        self._note()
        self._log.close()

    def _note(self) -> None:
        """When the log grew, as the keeper notes it of the logs of processes. It is whole without, too."""
        with suppress(OSError):
            self._noted = logs.note(self._path, time.time(), self._noted)
        self._noted_at = time.monotonic()

    def tail(self) -> str:
        """The last 64 KiB."""
        return "".join(self._tail).encode()[-TAIL_BYTES:].decode(errors="ignore")  # cut within a character

    def _keep(self, data: bytes) -> None:
        """A full disk costs lines of a log, never the command that writes them."""
        try:
            if self._is_cut:
                self._log.write(b"\n[the disk was full: what came here is not kept]\n")
            self._is_cut = self._log.write(data) != len(data)
        except OSError as error:
            if not is_full(error):
                raise
            self._is_cut = True

    def _break_line(self) -> None:
        """Let the beginning of an endless line go, but no part of a secret that may end in what comes next."""
        text = redact(self._partial.decode(errors="surrogateescape"), self._secrets)
        raw = text.encode(errors="surrogateescape")
        cut = max(0, len(raw) - self._hold)
        while cut > 0 and raw[cut] & 0xC0 == 0x80:  # not within a character (RFC 3629)
            cut -= 1
        self._partial = raw[cut:]
        if cut:
            self._line(raw[:cut])

    def _line(self, raw: bytes) -> None:
        line = redact(raw.decode(errors="replace"), self._secrets)
        data = line.encode() + b"\n"
        if self._room > 0:
            self._room -= len(data)
            self._keep(data if self._room > 0 else b"[the rest is not kept: the log is full]\n")
        self._tail.append(line + "\n")
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0].encode()) > TAIL_BYTES:
            self._tail_bytes -= len(self._tail.popleft().encode())
        if self._on_line is not None:
            self._on_line(line)
