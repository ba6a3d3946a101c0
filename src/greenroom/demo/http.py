"""HTTP/1.1 on asyncio streams, small enough to see exactly what was sent, and when (RFC 9112).

A kept connection that the server closed while it was idle may be replaced, as long as nothing of the request was
sent on it. Once a byte went out the request is never sent again: whatever happens then is what a visitor got.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

MOST_HEADER_BYTES = 64 * 1024


class Broken(Exception):
    """The connection or the answer ended in a way HTTP does not allow."""


@dataclass(frozen=True)
class Request:
    """What to send. `kind` names it in the figures; `expect` is the status that is right."""

    kind: str
    method: str
    path: str
    expect: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    keep: bool = True  # over a kept connection, else over one of its own

    def encode(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", "Accept-Encoding: identity"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body or self.method == "POST":
            lines.append(f"Content-Length: {len(self.body)}")
        lines.append(f"Connection: {'keep-alive' if self.keep else 'close'}")
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + self.body


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """One TCP connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.may_stay = True

    def was_closed(self) -> bool:
        """True if the server hung up while the connection was idle."""
        return self._reader.at_eof() or self._reader.exception() is not None or self._writer.is_closing()

    async def exchange(self, sent: bytes, method: str) -> Answer:
        """Send, and read the whole answer. Raises OSError, Broken."""
        self.may_stay = False
        self._writer.write(sent)
        await self._writer.drain()
        try:
            return await self._read(method)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            raise Broken(f"the answer broke off: {error!r}") from error

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):  # it is being thrown away; its last error changes nothing
            await self._writer.wait_closed()

    async def _read(self, method: str) -> Answer:
        status = 100
        while 100 <= status < 200:
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ", 2)[1])
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body, is_framed = await self._body(method, status, headers)
        is_old = lines[0].startswith("HTTP/1.0")
        self.may_stay = is_framed and not is_old and headers.get("connection", "").lower() != "close"
        return Answer(status, headers, body)

    async def _body(self, method: str, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
        """The body, and whether its end was marked (RFC 9112, 6.3)."""
        if method == "HEAD" or status in (204, 304):
            return b"", True
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await self._chunks(), True
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"])), True
        return await self._reader.read(), False

    async def _chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        while await self._reader.readuntil(b"\r\n") != b"\r\n":
            pass  # trailers
        return b"".join(parts)


class Pool:
    """Connections to one address, kept while they are of use."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"{url!r} is not an address of the form http://HOST:PORT")
        self._host, self._port = parts.hostname, parts.port or 80
        self.name = parts.netloc
        self._idle: list[Connection] = []

    async def send(self, request: Request) -> Answer:
        """One request, sent at most once. Raises OSError, Broken."""
        connection = (await self._kept() if request.keep else None) or await self._open()
        try:
            answer = await connection.exchange(request.encode(self.name), request.method)
        except BaseException:
            await connection.close()
            raise
        if request.keep and connection.may_stay:
            self._idle.append(connection)
        else:
            await connection.close()
        return answer

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().close()

    async def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.was_closed():
                return connection
            await connection.close()
        return None

    async def _open(self) -> Connection:
        return Connection(*await asyncio.open_connection(self._host, self._port, limit=MOST_HEADER_BYTES))
