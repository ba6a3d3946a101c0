"""Who listens on a TCP port of this machine, read from /proc: no privilege needed, nothing disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_NET = Path("/proc/net")
_LISTEN = "0A"  # include/net/tcp_states.h


def who_listens(port: int) -> str:
    """Who listens on a TCP port, as far as we may see: `nginx (pid 812)`, or `another process`."""
    inodes = {inode for local, state, inode in tcp_sockets() if local == port and state == _LISTEN}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and wanted & _open_files(process):
            try:
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
            except OSError:  # it ended meanwhile
                continue
    return "another process"


def tcp_sockets() -> Iterator[tuple[int, str, str]]:
    """Local port, state (include/net/tcp_states.h, hexadecimal) and inode of every TCP socket."""
    for name in ("tcp", "tcp6"):
        try:
            lines = (_NET / name).read_text().splitlines()[1:]
        except FileNotFoundError:  # a kernel without IPv6
            continue
        for line in lines:
            fields = line.split()  # sl local_address rem_address st … inode
            yield int(fields[1].rpartition(":")[2], 16), fields[3], fields[9]


def _open_files(process: Path) -> set[str]:
    found = set()
    try:
        for fd in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile; listing our own always closes one
                found.add(str(fd.readlink()))
    except (PermissionError, FileNotFoundError):  # another user's process, or gone
        return set()
    return found
