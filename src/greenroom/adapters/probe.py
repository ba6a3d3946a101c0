"""`HttpProbe`: one GET over a unix socket or TCP, with the standard library."""

from __future__ import annotations

import http.client
import socket
import time

from greenroom.ports.probe import Answer


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class HttpProbe:
    """Fulfils `ports.probe.Probe`. At most 1 MiB of the answer is read."""

    def get(self, dial: str, path: str, *, seconds: float) -> Answer:
        began = time.monotonic()
        connection = _connection(dial, seconds)
        try:
            connection.request("GET", path, headers={"User-Agent": "Greenroom-Health", "Connection": "close"})
            answer = connection.getresponse()
            answer.read(1 << 20)
            return Answer(answer.status, time.monotonic() - began)
        except (OSError, http.client.HTTPException) as e:
            return Answer(None, time.monotonic() - began, f"{type(e).__name__}: {e}")
        finally:
            connection.close()


def _connection(dial: str, seconds: float) -> http.client.HTTPConnection:
    if dial.startswith("unix/"):
        return _UnixConnection(dial.removeprefix("unix/"), seconds)
    host, _, port = dial.rpartition(":")
    return http.client.HTTPConnection(host, int(port), timeout=seconds)
