"""Who is connected, and who listens, read from /proc/net: no privilege needed, nothing disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_NET = Path("/proc/net")
_ESTABLISHED, _LISTEN = "01", "0A"  # include/net/tcp_states.h
_CONNECTING, _CONNECTED = "02", "03"  # include/uapi/linux/net.h, socket_state


def connections(dial: str) -> int:
    """Connections to the listener at `dial` (`unix//path` or `host:port`): accepted, or waiting to be.

    A unix socket is known by the path its owner bound, so the application must bind the very path of `dial`.
    """
    if dial.startswith("unix/"):
        return sum(1 for path, state in _unix() if path == dial[len("unix/") :] and state in (_CONNECTING, _CONNECTED))
    port = int(dial.rpartition(":")[2])
    return sum(1 for local, state, _ in _tcp() if local == port and state == _ESTABLISHED)


def listener(port: int) -> str:
    """Who listens on a TCP port, as far as we may see: `nginx (pid 812)`, or empty."""
    inodes = {inode for local, state, inode in _tcp() if local == port and state == _LISTEN}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and wanted & _open_files(process):
            try:
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
            except OSError:  # it ended meanwhile
                continue
    return ""


def _unix() -> Iterator[tuple[str, str]]:
    for line in (_NET / "unix").read_text(errors="surrogateescape").splitlines()[1:]:
        fields = line.split(None, 7)  # Num RefCount Protocol Flags Type St Inode Path
        if len(fields) == 8:
            yield fields[7], fields[5]


def _tcp() -> Iterator[tuple[int, str, str]]:
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
