"""For programs in no language we can look into: what strace, where it is installed, saw them run and open."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from greenroom.adapters.sealing.observe.names import Declared
from greenroom.domain.release import Finding, FindingKind

CALL = re.compile(r'^(\d+)\s+(execve|openat)\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)".*= (-?\d+)')
MAX_LOG = 64 << 20


def traced(command: tuple[str, ...], log: Path) -> tuple[str, ...]:
    """The command under strace, which stays out of its way: signals reach the command itself."""
    found = shutil.which("strace")
    if found is None:
        return command
    strace = str(Path(found).resolve())  # a link to it may lie where the room sees nothing
    return (strace, "-D", "-f", "-qq", "-e", "trace=execve,openat", "-e", "signal=none", "-o", str(log), "--", *command)


def findings(log: Path, declared: Declared) -> Iterator[Finding]:
    """Programs run and files opened that are neither declared nor basic. Basic programs may open what they like."""
    if not log.is_file():
        return
    running: dict[str, str] = {}
    with log.open("rb") as file:
        lines = file.read(MAX_LOG).decode(errors="replace").splitlines()
    for line in lines:
        call = CALL.match(line)
        if call is None or int(call[4]) < 0 or not call[3].startswith("/"):
            continue
        process, what, path = call[1], call[2], call[3]
        if what == "execve":
            running[process] = path
            if not declared.has_program(path):
                yield Finding(FindingKind.EXECUTABLE, Path(path).name, f"started as {path}")
        elif not declared.has_place(path) and declared.has_place(running.get(process, "")):
            yield Finding(FindingKind.FILE, path, f"opened by {Path(running[process]).name}")
