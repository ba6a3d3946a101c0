"""Who is connected, read from /proc/net: no privilege needed, nothing disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from greenroom.adapters.listeners import tcp_sockets

_NET = Path("/proc/net")
_ESTABLISHED = "01"  # include/net/tcp_states.h
_CONNECTING, _CONNECTED = "02", "03"  # include/uapi/linux/net.h, socket_state


def connections(dial: str) -> int:
    """Connections to the listener at `dial` (`unix//path` or `host:port`): accepted, or waiting to be.

    A unix socket is known by the path its owner bound, so the application must bind the very path of `dial`.
    """
    if dial.startswith("unix/"):
        return sum(1 for path, state in _unix() if path == dial[len("unix/") :] and state in (_CONNECTING, _CONNECTED))
    port = int(dial.rpartition(":")[2])
    return sum(1 for local, state, _ in tcp_sockets() if local == port and state == _ESTABLISHED)


def _unix() -> Iterator[tuple[str, str]]:
    for line in (_NET / "unix").read_text(errors="surrogateescape").splitlines()[1:]:
        fields = line.split(None, 7)  # Num RefCount Protocol Flags Type St Inode Path
        if len(fields) == 8:
            yield fields[7], fields[5]
