"""The server that catches mail: `python -m greenroom.adapters.mail.catcher DIRECTORY UID:GID ENVIRONMENT=PORT…`.

It listens for SMTP (RFC 5321) on 127.0.0.1, one port for each environment, lets every login in, and keeps every message
in the Maildir DIRECTORY/ENVIRONMENT. Nothing is ever sent on. It becomes UID:GID (or stays who it is: `-`) once all it
needs is loaded: that user need not be able to read our programs.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401 - loaded before we become somebody who may not read it
import contextlib
import encodings.idna  # noqa: F401
import mailbox
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult

LARGEST = 25 << 20
"""Bytes of one message; larger ones are refused as a mail server in the world would."""
MOST = 1000
"""Messages that are kept for each environment; the oldest go first."""
HOST = "127.0.0.1"
LONGEST_LINE = 1 << 20
"""Bytes: applications send longer lines than RFC 5321 lets them, and the world's servers take them."""
_ORDER = re.compile(r"(\d+)\.(?:M(\d+))?(?:P\d+)?(?:Q(\d+))?")
ENVELOPE = ("X-Greenroom-Sender", "X-Greenroom-Recipient")


def order(name: str) -> tuple[int, ...]:
    """When a message came, from the name its file was given: seconds, microseconds, number."""
    found = _ORDER.match(name)
    return tuple(int(n or 0) for n in found.groups()) if found else (0,)


class Server(SMTP):
    """Takes what real servers take."""

    line_length_limit = LONGEST_LINE


class Box:
    """Keeps what one environment's application sends."""

    def __init__(self, directory: Path) -> None:
        self._box = mailbox.Maildir(directory)
        self._turn = asyncio.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        message = _with_envelope(envelope.content, envelope.mail_from or "", envelope.rcpt_tos)
        try:
            async with self._turn:
                await asyncio.to_thread(self._keep, message)
        except OSError as error:
            return f"452 4.3.1 it could not be kept: {error.strerror}"
        return "250 2.0.0 caught, and kept for the people of this environment"

    def _keep(self, message: bytes) -> None:
        self._box.add(message)
        for name in sorted(self._box.keys(), key=order)[:-MOST]:
            self._box.discard(name)


def _with_envelope(content: bytes, sender: str, recipients: list[str]) -> bytes:
    """Who sent it to whom, in front of what was sent: a blind copy stands nowhere else."""
    lines = [(ENVELOPE[0], sender), *((ENVELOPE[1], one) for one in recipients)]
    said = "".join(f"{name}: {' '.join(value.split())[:320]}\r\n" for name, value in lines)
    return said.encode("utf-8", "replace") + content


def _anybody(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=True)


async def serve(directory: Path, ports: dict[str, int]) -> None:
    """Until SIGTERM; then what is being received is finished, for a few seconds."""
    loop, end = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    servers = []
    for environment, port in ports.items():
        box = Box(directory / environment)

        def protocol(box: Box = box) -> SMTP:
            return Server(
                box, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname="greenroom", ident="greenroom",
                authenticator=_anybody, auth_require_tls=False, timeout=120,
            )  # fmt: skip

        servers.append(await loop.create_server(protocol, HOST, port))
    await end.wait()
    for server in servers:
        server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(s.wait_closed() for s in servers)), 5)


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)


def main(arguments: list[str]) -> int:
    directory, who, *named = arguments
    if who != "-":
        _become(*(int(n) for n in who.split(":")))
    ports = {name: int(port) for name, _, port in (word.partition("=") for word in named)}
    asyncio.run(serve(Path(directory), ports))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
