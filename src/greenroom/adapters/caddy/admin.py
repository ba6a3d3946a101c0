"""Caddy's admin API on its unix socket (https://caddyserver.com/docs/api)."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from greenroom.domain.errors import Errored


class Admin:
    """The few calls we make. Who may open the socket may do anything with the proxy: it is 0600."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def config(self) -> dict[str, Any] | None:
        """What is being served; None when nobody answers."""
        try:
            status, body = self._ask("GET", "/config/", seconds=2.0)
        except (OSError, http.client.HTTPException):
            return None
        found = json.loads(body) if status == 200 else None
        return found if isinstance(found, dict) else None

    def load(self, config: bytes) -> None:
        """Serve this from now on. Raises Errored (`edge.config_refused`), and then the old one is still served."""
        try:
            status, body = self._ask("POST", "/load", config, seconds=30.0)
        except (OSError, http.client.HTTPException) as e:
            raise Errored(
                "edge.unavailable",
                "the edge did not take its configuration",
                because=str(e),
                hint="greenroom doctor says how the edge stands; its own words are in logs/edge.log of the home",
            ) from e
        if status != 200:
            said = body.decode(errors="replace")[:500]
            raise Errored(
                "edge.config_refused",
                "the edge refused its configuration",
                because=said,
                hint="this is a defect of Greenroom: please report it with logs/edge.log of the home",
            )

    def metrics(self) -> str:
        """Prometheus text. Raises Errored (`edge.unavailable`)."""
        try:
            status, body = self._ask("GET", "/metrics", seconds=5.0)
        except (OSError, http.client.HTTPException) as e:
            raise Errored(
                "edge.unavailable",
                "the edge did not give its metrics",
                because=str(e),
                hint="greenroom doctor says how the edge stands; its own words are in logs/edge.log of the home",
            ) from e
        if status != 200:
            raise Errored(
                "edge.unavailable",
                "the edge did not give its metrics",
                because=f"status {status}",
                hint="greenroom doctor says how the edge stands; its own words are in logs/edge.log of the home",
            )
        return body.decode()

    def _ask(self, method: str, path: str, body: bytes | None = None, *, seconds: float) -> tuple[int, bytes]:
        connection = _UnixConnection(self._path, seconds)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
