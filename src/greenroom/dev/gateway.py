"""One address of the working tree that stays, whatever listens behind it: requests wait while it starts again, and are
told why when it does not run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from greenroom.domain.errors import BadInput

CHUNK = 64 * 1024
POLL_SECONDS = 0.05
HELD_SECONDS = 60.0
HOST = "127.0.0.1"


@contextmanager
def open_gateway(port: int, dial: Callable[[], str], why_down: Callable[[], str | None]) -> Iterator[None]:
    """Listens on loopback for the length of the block. `why_down` says why nobody will answer at `dial`; None while
    somebody may. Raises BadInput (`dev.port_taken`)."""
    began, failed = threading.Event(), list[OSError]()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        try:
            server = await asyncio.start_server(lambda r, w: _visit(r, w, dial, why_down), HOST, port)
        except OSError as error:
            failed.append(error)
            return
        finally:
            began.set()
        async with server:
            await stop.wait()

    thread = threading.Thread(target=lambda: _run(loop, serve()), name="gateway", daemon=True)
    thread.start()
    began.wait()
    if failed:
        thread.join()
        raise BadInput(
            "dev.port_taken",
            f"{HOST}:{port} is taken",
            because=str(failed[0]),
            hint="end what listens there, or choose another with --port",
        )
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)


def _run(loop: asyncio.AbstractEventLoop, main: object) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)  # type: ignore[arg-type]
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
    finally:
        loop.close()


async def _visit(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    dial: Callable[[], str],
    why_down: Callable[[], str | None],
) -> None:
    try:
        behind = await _dialled(dial, why_down)
        if isinstance(behind, str):
            writer.write(_sorry(behind))
            await writer.drain()
            return
        there, back = behind
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            back.close()
    except (OSError, asyncio.CancelledError):
        pass  # the visitor or the application went away
    finally:
        writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()


async def _dialled(
    dial: Callable[[], str], why_down: Callable[[], str | None]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | str:
    """A connection, or why there will be none."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + HELD_SECONDS
    while True:
        why = why_down()
        if why is not None:
            return why
        where = dial()
        try:
            if where.startswith("unix/"):
                return await asyncio.open_unix_connection(where.removeprefix("unix/"))
            host, _, port = where.rpartition(":")
            return await asyncio.open_connection(host, int(port))
        except OSError as error:
            if loop.time() >= deadline:
                return f"nobody listens at {where} after {HELD_SECONDS:g} s: {error}"
        await asyncio.sleep(POLL_SECONDS)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK):
        target.write(chunk)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


def _sorry(why: str) -> bytes:
    body = why.encode("utf-8", "replace") + b"\n"
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
