"""A load client that forgives nothing: a request is lost on any error, any 5xx, any answer cut short.

    with Load(port, host="production.shop.localhost") as load:
        ...                                   # change something
    assert load.result.lost == [] and load.result.requests > 1000

It speaks HTTP/1.1 over raw sockets, because a client library would retry, and hide what is to be found. Workers
differ in two ways that break differently: connections kept or closed, GET or POST with a body.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Style:
    """How one worker speaks."""

    method: str = "GET"
    keep_alive: bool = True
    path: str = "/"
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def bytes(self, host: str) -> bytes:
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not self.keep_alive:
            lines.append("Connection: close")
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


BODY = b"x" * 3000
EVERY_STYLE = (Style(), Style(keep_alive=False), Style("POST", True, body=BODY), Style("POST", False, body=BODY))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Result:
    """What was seen. `lost` says, for each lost request, how and when (seconds after the start); `ended` when each
    answer was there, on the monotonic clock; `posted` counts the POST requests that were answered well."""

    requests: int = 0
    lost: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    bodies: Counter[bytes] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    posted: int = 0

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


class Load:
    """Workers of the given styles, in a thread of their own, from `__enter__` to `__exit__`.

    On leaving, each worker finishes the request it is in: nothing that was sent is left uncounted.
    """

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        styles: tuple[Style, ...] = EVERY_STYLE,
        workers: int = 8,
        pause: float = 0.002,
        timeout: float = 30.0,
    ) -> None:
        self._port = port
        self._host = host
        self._styles = tuple(itertools.islice(itertools.cycle(styles), workers))
        self._pause = pause
        self._timeout = timeout
        self._rounds = [0] * workers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load", daemon=True)
        self.result = Result()

    def __enter__(self) -> Load:
        self.began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, requests: int, timeout: float = 60.0) -> None:
        """Return once that many requests have ended."""
        deadline = time.monotonic() + timeout
        while self.result.requests < requests:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.result.requests} of {requests} requests in {timeout} s")
            time.sleep(0.01)

    def settle(self, timeout: float = 60.0) -> None:
        """Return once every request that is under way now has ended."""
        before, deadline = list(self._rounds), time.monotonic() + timeout
        while any(now == then for now, then in zip(self._rounds, before, strict=True)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"a request was under way for {timeout} s")
            time.sleep(0.01)

    async def _run(self) -> None:
        await asyncio.gather(*(self._worker(number, style) for number, style in enumerate(self._styles)))

    async def _worker(self, number: int, style: Style) -> None:
        connection: _Connection | None = None
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                async with asyncio.timeout(self._timeout):
                    connection = connection or await _Connection.open(self._port)
                    answer = await connection.ask(style, self._host)
                self._count(style, answer, began)
                stays = style.keep_alive and answer.headers.get("connection", "").lower() != "close"
            except Exception as e:
                self._lose(style, repr(e))
                stays = False
            self._rounds[number] += 1
            if not stays and connection:
                connection.close()
                connection = None
            await asyncio.sleep(self._pause)
        if connection:
            connection.close()

    def _count(self, style: Style, answer: Answer, began: float) -> None:
        self.result.ended.append(time.monotonic())
        self.result.seconds.append(self.result.ended[-1] - began)
        self.result.statuses[answer.status] += 1
        self.result.bodies[answer.body] += 1
        if answer.status >= 500:
            self._lose(style, f"status {answer.status}")
        else:
            self.result.requests += 1
            self.result.posted += style.method == "POST"

    def _lose(self, style: Style, why: str) -> None:
        kept = "keep-alive" if style.keep_alive else "close"
        self.result.lost.append(f"{style.method} {kept} at {time.monotonic() - self.began:.2f} s: {why}")
        self.result.requests += 1


def ask(port: int, style: Style | None = None, *, host: str = "127.0.0.1", timeout: float = 30.0) -> Answer:
    """One request on a connection of its own."""

    async def once() -> Answer:
        async with asyncio.timeout(timeout):
            connection = await _Connection.open(port)
            try:
                return await connection.ask(style or Style(), host)
            finally:
                connection.close()

    return asyncio.run(once())


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, style: Style, host: str) -> Answer:
        self._writer.write(style.bytes(host))
        await self._writer.drain()
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split()[1])
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        return Answer(status, headers, await self._body(style, status, headers))

    async def _body(self, style: Style, status: int, headers: dict[str, str]) -> bytes:
        if style.method == "HEAD" or status in (101, 204, 304):
            return b""
        if headers.get("transfer-encoding") == "chunked":
            parts = []
            while size := int((await self._reader.readline()).split(b";")[0], 16):
                parts.append(await self._reader.readexactly(size))
                await self._reader.readexactly(2)
            await self._reader.readline()
            return b"".join(parts)
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        return await self._reader.read()

    def close(self) -> None:
        self._writer.close()
