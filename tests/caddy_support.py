"""What suites with a real Caddy share: free ports, a keeper in a thread, and small applications."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from greenroom.adapters.caddy.edge import CaddyEdge
from greenroom.adapters.caddy.program import RunAs
from greenroom.adapters.home import Home
from greenroom.domain.kinds import ErrorDetail, Kind
from greenroom.keeper.client import KeeperClient
from greenroom.keeper.spec import Keeper, Spec, Status
from greenroom.ports.edge import Site


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on; all held open until all are known, so they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def eventually(holds: Callable[[], object], what: str, timeout: float = 60.0) -> None:
    """Wait until `holds()`; fails saying `what` did not happen. The limit is for a machine that has other work."""
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.01)


class ThreadKeeper:
    """Keeps processes as the keeper does (started again at once when they end), for tests that are not about it."""

    def __init__(self) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stopping: set[str] = set()

    def start(self, spec: Spec) -> Status:
        if spec.name not in self.processes:
            self._spawn(spec)
            threading.Thread(target=self._watch, args=(spec,), daemon=True).start()
        return self.status(spec.name)

    def _spawn(self, spec: Spec) -> None:
        with open(spec.log, "ab") as log:
            self.processes[spec.name] = subprocess.Popen(
                spec.argv,
                cwd=spec.cwd,
                env=dict(spec.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=spec.uid,
                group=spec.gid,
                extra_groups=list(spec.groups) if spec.uid is not None else None,
                umask=spec.umask,
            )

    def _watch(self, spec: Spec) -> None:
        while True:
            self.processes[spec.name].wait()
            if spec.name in self._stopping:
                return
            time.sleep(0.1)
            self._spawn(spec)

    def stop(self, name: str, *, seconds: float | None = None) -> Status:
        if name in self.processes:
            self._stopping.add(name)
            process = self.processes.pop(name)
            process.terminate()
            process.wait(timeout=seconds or 30)
        return self.status(name)

    def signal(self, name: str, signal_name: str) -> None:
        os.kill(self.processes[name].pid, signal.Signals[signal_name])

    def status(self, name: str) -> Status:
        process = self.processes.get(name)
        return Status(name, "running" if process else "unknown", process.pid if process else None)

    def all(self) -> list[Status]:
        return [self.status(name) for name in self.processes]


hits: Counter[str] = Counter()
"""How often each path was asked for, of all applications in this process."""

let_go = threading.Event()
"""While it is not set, whoever asked for `/until-let-go` waits."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Apps:
    """Small HTTP/1.1 applications on an event loop of their own, on unix sockets and TCP ports.

    Each answers its name (after reading the body); further paths: see `_answer`.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers: dict[str, asyncio.Server] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, dial: str) -> str:
        """Listen at `dial`; returns it."""

        async def begin() -> None:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.current_task()
                assert task
                self._tasks.add(task)
                try:
                    await _serve(name, reader, writer)
                except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                    pass  # the edge closed its connection, or the test ended
                finally:
                    self._tasks.discard(task)
                    writer.close()

            if dial.startswith("unix/"):
                self._servers[dial] = await asyncio.start_unix_server(serve, dial.removeprefix("unix/"), backlog=1024)
                Path(dial.removeprefix("unix/")).chmod(0o777)
            else:
                host, _, port = dial.rpartition(":")
                self._servers[dial] = await asyncio.start_server(serve, host, int(port), backlog=1024)

        asyncio.run_coroutine_threadsafe(begin(), self._loop).result(10)
        return dial

    def stop(self, dial: str) -> None:
        """Refuse new connections; those open go on."""

        async def end() -> None:
            self._servers.pop(dial).close()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        if dial.startswith("unix/"):
            Path(dial.removeprefix("unix/")).unlink(missing_ok=True)

    def close(self) -> None:
        for dial in list(self._servers):
            self.stop(dial)

        async def cancel() -> None:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def apps() -> Iterator[Apps]:
    running = Apps()
    try:
        yield running
    finally:
        running.close()


async def _serve(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("transfer-encoding") == "chunked":
            while size := int((await reader.readline()).strip(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readline()
        await _answer(name, Request(method, path, headers, body), reader, writer)


async def _answer(name: str, r: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    hits[r.path] += 1
    if r.path == "/die":
        raise ConnectionResetError
    if r.path == "/sse":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            writer.write(f"data: {name}\n\n".encode())
            await writer.drain()
            await asyncio.sleep(0.05)
    if r.path == "/ws":
        digest = hashlib.sha1((r.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
        accept = base64.b64encode(digest.digest()).decode()
        upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{upgrade}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        while data := await reader.read(1000):
            writer.write(name.encode() + b":" + data)
            await writer.drain()
        raise ConnectionResetError
    status, body, extra = 200, name.encode(), ""
    if r.path.startswith("/status/"):
        status, body = int(r.path.split("/")[2]), b"Traceback (most recent call last): secret detail"
        extra = "X-Internal-Debug: yes\r\nSet-Cookie: session=secret\r\nServer: innards/1.0\r\nX-Request-Id: mine\r\n"
    elif r.path == "/echo":
        body = json.dumps({"headers": r.headers, "length": len(r.body)}).encode()
    elif r.path == "/until-let-go":
        while not let_go.is_set():
            await asyncio.sleep(0.01)
    elif r.path.startswith("/slow/"):
        await asyncio.sleep(float(r.path.split("/")[2]))
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    writer.write(head.encode() + (b"" if r.method == "HEAD" else body))
    await writer.drain()


@dataclass
class Stage:
    """An edge with three environments (production, staging, dev), and somewhere to run applications."""

    edge: CaddyEdge
    keeper: Keeper
    apps: Apps
    home: Home
    sites: dict[str, Site]
    edge_port: int

    def dial(self, name: str) -> str:
        return f"unix/{self.home.sockets}/{name}.sock"

    def port(self, environment: str) -> int:
        return self.sites[environment].port


@contextmanager
def stage(
    root: Path, *, run_as: RunAs | None = None, hold_seconds: float = 60.0, real_keeper: bool = False
) -> Iterator[Stage]:
    """A configured edge; ends with no process and no run directory."""
    home = Home.at(root)
    keeper = KeeperClient(home.keeper, heal=True) if real_keeper else ThreadKeeper()
    edge_port, *ports = free_ports(7)
    edge = CaddyEdge(
        home, keeper, "shop", edge_port=edge_port, clock=RealClock(), run_as=run_as, hold_seconds=hold_seconds
    )
    kinds = (
        (Kind.PRODUCTION, ErrorDetail.FRIENDLY),
        (Kind.STAGING, ErrorDetail.MEDIUM),
        (Kind.DEV, ErrorDetail.FULL),
    )
    sites = {
        kind.value: Site(kind.value, "shop", kind, errors, ports.pop(), ports.pop(), (f"www.{kind.value}.example.org",))
        for kind, errors in kinds
    }
    with apps() as running:
        try:
            edge.configure(list(sites.values()))
            yield Stage(edge, keeper, running, home, sites, edge_port)
        finally:
            edge.stop()
            if isinstance(keeper, KeeperClient):
                keeper.shutdown(stop_children=True)
            shutil.rmtree(home.run)
