"""Becoming a keeper: leave the caller's session, take the directory's lock, recover, serve."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from greenroom.keeper.server import Server

LOG_BYTES = 1_000_000
READY, TAKEN = b"ready", b"taken"


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 when a keeper of that directory runs, ours or another; 2 for a wrong call, 3 when it cannot."""
    foreground, at_rest = "--foreground" in arguments, "--at-rest" in arguments
    words = [a for a in arguments if a not in ("--foreground", "--at-rest")]
    if len(words) != 1:
        os.write(2, b"usage: python -m greenroom.keeper [--foreground] [--at-rest] DIRECTORY\n")
        return 2
    directory = Path(words[0]).absolute()
    trouble = _unsafe(directory)
    if trouble:
        os.write(2, f"{directory}: {trouble}\n".encode())
        return 3
    if foreground:
        return 0 if _keep(directory, -1, at_rest=at_rest) else 3
    return _detach(directory, at_rest=at_rest)


def _detach(directory: Path, *, at_rest: bool) -> int:
    """Double fork, so that nobody waits for the keeper and no terminal reaches it; return once it answers."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.close(reader)
            _quiet(directory)
            os._exit(0 if _keep(directory, writer, at_rest=at_rest) else 3)
        os._exit(0)
    os.close(writer)
    os.wait()
    with os.fdopen(reader, "rb") as said:
        return 0 if said.read() in (READY, TAKEN) else 3


def _unsafe(directory: Path) -> str:
    """Why this directory cannot hold a keeper; empty when it can. Made if absent."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        return str(error)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return "is not a directory of ours"
    if len(os.fsencode(directory / "keeper.sock")) > 107:
        return "is too long a path for a unix socket"
    directory.chmod(0o700)
    return ""


def _quiet(directory: Path) -> None:
    os.chdir("/")
    os.umask(0o077)
    log = directory / "keeper.log"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    output, nothing = os.open(log, flags, 0o600), os.open(os.devnull, os.O_RDONLY)
    if os.fstat(output).st_size > LOG_BYTES:
        os.ftruncate(output, 0)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)


def _keep(directory: Path, ready: int, *, at_rest: bool) -> bool:
    """Be the keeper until told to end. True also when another one holds the directory already."""
    lock = os.open(directory / "keeper.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _tell(ready, TAKEN)
        return True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(_serve(directory, ready, at_rest=at_rest))
    return True


async def _serve(directory: Path, ready: int, *, at_rest: bool) -> None:
    server = Server(directory, _say)
    server.recover(at_rest=at_rest)
    serving = asyncio.get_running_loop().create_task(server.serve())
    while not (directory / "keeper.sock").is_socket() and not serving.done():
        await asyncio.sleep(0.001)
    _tell(ready, READY)
    await serving


def _tell(ready: int, word: bytes) -> None:
    if ready < 0:
        return
    with suppress(BrokenPipeError):  # whoever asked for a keeper did not wait; the keeper is there all the same
        os.write(ready, word)
    os.close(ready)


def _say(text: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with suppress(OSError):  # a full disk must not take the keeper down
        os.write(2, f"{stamp} {text}\n".encode())
        found = os.fstat(2)
        if stat.S_ISREG(found.st_mode) and found.st_size > LOG_BYTES:
            os.ftruncate(2, 0)
