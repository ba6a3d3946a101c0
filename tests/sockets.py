"""Reading from a connection as TCP gives it: what was sent at once may come in pieces."""

from __future__ import annotations

import socket


def exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer where the other side ended before."""
    found = b""
    while len(found) < count and (more := connection.recv(count - len(found))):
        found += more
    return found
