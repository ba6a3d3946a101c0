"""The two ends of a clean room's doors on our side: a socket that leads to the database, a request for its health."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from greenroom.adapters.sealing.inside import bridge


@contextlib.contextmanager
def forwarded(path: Path, address: tuple[str, int]) -> Iterator[None]:
    """While it is held, connections to the unix socket at `path` reach `address`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen(64)
        thread = threading.Thread(target=_accept, args=(listener, address), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def get(where: Path | int, path: str, seconds: float) -> int | None:
    """The status of GET `path` at a unix socket or a port of 127.0.0.1; None when nobody answers."""
    connection = _Connection(where, seconds)
    try:
        connection.request("GET", path, headers={"Host": "localhost", "Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class _Connection(http.client.HTTPConnection):
    def __init__(self, where: Path | int, seconds: float) -> None:
        super().__init__("127.0.0.1", timeout=seconds)
        self._where = where

    def connect(self) -> None:
        if isinstance(self._where, int):
            self.sock = socket.create_connection(("127.0.0.1", self._where), self.timeout)
            return
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._where))


def _accept(listener: socket.socket, address: tuple[str, int]) -> None:
    while True:
        try:
            here, _ = listener.accept()
        except OSError:
            return
        try:
            there = socket.create_connection(address, 10)
            there.settimeout(None)
        except OSError:
            here.close()
            continue
        bridge(here, there)
