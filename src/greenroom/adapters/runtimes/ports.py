"""TCP ports for applications that cannot listen on a unix socket."""

from __future__ import annotations

import json
import os
import socket
import time
import zlib
from pathlib import Path

from greenroom.adapters.locks import wait_for
from greenroom.domain.errors import Errored

FIRST, LAST = 21000, 27999
"""Greenroom's range: above what services register, below the ports the kernel gives out (32768)."""

RESERVED_SECONDS = 300.0
"""How long a port that was given out and that nobody listens on yet is not given out again."""


def free_port(ledger: Path, environment: str) -> int:
    """A port on 127.0.0.1 that nobody listens on and that was not given to another caller just now.

    `ledger` is a file shared by all processes of this Greenroom. An environment starts looking at its own place in
    the range, so its ports stay near each other; in every home at another, so that nobody is given the port of another
    home's environment whose process is down for a moment. Raises Errored (`runtime.no_port`).
    """
    fd = os.open(ledger, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "r+") as file:
        wait_for(file.fileno())
        now = time.time()
        reserved = {int(p): at for p, at in _read(file.read()).items() if 0 <= now - at < RESERVED_SECONDS}
        port = _first_free(f"{ledger.absolute()}\0{environment}", reserved)
        reserved[port] = now
        file.seek(0)
        file.truncate()
        json.dump(reserved, file)
    return port


def _first_free(where: str, reserved: dict[int, float]) -> int:
    size = LAST - FIRST + 1
    start = zlib.crc32(os.fsencode(where)) % size
    for step in range(size):
        port = FIRST + (start + step) % size
        if port not in reserved and _is_free(port):
            return port
    raise Errored(
        "runtime.no_port", f"every port from {FIRST} to {LAST} is taken", hint="ss -ltn shows what takes them"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just closed do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _read(text: str) -> dict[str, float]:
    try:
        data = json.loads(text or "{}")
        return {str(int(k)): float(v) for k, v in data.items()}
    except (ValueError, TypeError, AttributeError):
        return {}  # a torn file only forgets who was given a port in the last minutes
