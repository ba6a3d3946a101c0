"""`greenroom status` in one request and a few milliseconds: sockets and json alone, the server draws the picture.

HTTP/1.0 (RFC 1945): no chunks, and the connection's end is the answer's end. What is not plain `status` (TLS, help,
other options) is left to the full command line.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from greenroom.cli import address, credentials

TYPE_CHECKING = False  # typing takes longer to import than this module to run
if TYPE_CHECKING:
    from typing import Any

SECONDS = 30.0


def status(arguments: list[str]) -> int | None:
    """The exit code; None when these arguments are for the full command line."""
    home, as_json = None, False
    words = list(arguments)
    while words:
        word = words.pop(0)
        if word == "--json":
            as_json = True
        elif word == "--home" and words:
            home = words.pop(0)
        elif word.startswith("--home="):
            home = word.removeprefix("--home=")
        else:
            return None
    try:
        found = credentials.find(home)
        if not found.url.startswith("http://"):
            return None
        return _ask(found, "/api/v1/status" if as_json else "/api/v1/status.txt" + _drawing(), as_json)
    except Exception as error:  # noqa: BLE001 - whatever it is, the person gets the four lines
        return _failed(error, as_json)


def _drawing() -> str:
    """How the picture should be drawn for this terminal."""
    out = sys.stdout
    is_terminal = out.isatty()
    try:
        width = int(os.environ.get("COLUMNS") or 0) or (
            os.get_terminal_size(out.fileno()).columns if is_terminal else 120
        )
    except (OSError, ValueError):
        width = 80
    color = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    unicode = (out.encoding or "").lower().replace("-", "") == "utf8"
    return f"?width={max(20, min(width, 1000))}&color={color}&ascii={not unicode}".lower()


def _ask(found: credentials.Credentials, path: str, as_json: bool) -> int:
    _, host, port = address.parsed(found.url)
    named = f"[{host}]" if ":" in host else host
    request = f"GET {path} HTTP/1.0\r\nHost: {named}:{port}\r\nAuthorization: Bearer {found.token}\r\n\r\n"
    try:
        # The name goes as bytes: as text it would be put through the IDNA codec, whose import costs milliseconds.
        target: Any = (host.encode(), port)
        with socket.create_connection(target, timeout=SECONDS) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    except OSError as error:
        from greenroom.cli.nobody import unreachable

        raise unreachable(found, error) from error
    head, _, body = answer.partition(b"\r\n\r\n")
    code = head.split(b" ", 2)[1:2]
    text = body.decode("utf-8", "replace")
    if code == [b"200"]:
        if as_json:
            from greenroom.terminal.words import escaped

            text = escaped(text)
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return 0
    raise _told(text, found.url)


def _told(text: str, url: str) -> Exception:
    """The error that the control plane answered."""
    from greenroom.domain.errors import Errored, from_dict

    try:
        data: Any = json.loads(text)
    except ValueError:
        data = None
    if isinstance(data, dict) and "code" in data:
        return from_dict(data)
    return Errored("api.strange", f"what answers at {url} is no control plane", hint="see greenroom whoami")


def _failed(error: Exception, as_json: bool) -> int:
    from greenroom.cli.failures import report

    return report(error, as_json)
