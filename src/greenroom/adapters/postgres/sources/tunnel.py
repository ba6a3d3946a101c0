"""TLS for PostgreSQL's own programs, which the embedded ones cannot speak.

They enter a unix socket that only we can, and Greenroom carries their bytes to the server in TLS, under the same
demands as its own sessions: `sslmode`, `sslrootcert`, `sslcert` and `sslkey` mean what they do in libpq (34.19). The
password is proven by SCRAM or MD5 between program and server, as without a tunnel.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from greenroom.adapters.postgres.connect import Connection, socket_of
from greenroom.adapters.postgres.masking.ends import End
from greenroom.domain.errors import Errored

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""Length and code by which a client asks for TLS (PostgreSQL documentation, 54.7)."""

SASL = struct.pack("!i", 10)
"""Of the message AuthenticationSASL, before the names of the mechanisms (54.7)."""

PORT = 5432
BLOCK = 1 << 16
START_SECONDS = 10.0
OF_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "gssencmode")


@contextmanager
def for_programs(end: End, connection: Connection) -> Iterator[End]:
    """The end as a program reaches it that has no TLS of its own. `connection` is a session there: its server is meant,
    and TLS is used when it uses it."""
    plain = {k: v for k, v in end.parameters.items() if k not in OF_TLS}
    if not connection.pgconn.ssl_in_use:
        yield replace(end, parameters={**plain, "sslmode": "disable"})
        return
    address = (connection.info.hostaddr or connection.info.host, connection.info.port)
    with (
        tempfile.TemporaryDirectory(prefix="gr-tls-") as folder,
        _carried(socket_of(Path(folder), PORT), address, context_of(end), connection.info.host),
    ):
        here = {k: v for k, v in plain.items() if k != "hostaddr"}
        yield replace(end, parameters={**here, "host": folder, "port": str(PORT), "sslmode": "disable"})


def context_of(end: End) -> ssl.SSLContext:
    """What the parameters demand of the server's certificate."""
    mode, roots = end.parameters.get("sslmode", "prefer"), end.parameters.get("sslrootcert", "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    default = Path("~/.postgresql/root.crt").expanduser()
    context.check_hostname = mode == "verify-full" or roots == "system"
    is_checked = mode in ("verify-ca", "verify-full") or bool(roots)
    context.verify_mode = ssl.CERT_REQUIRED if is_checked else ssl.CERT_NONE
    if roots == "system":
        context.load_default_certs()
    elif is_checked:
        context.load_verify_locations(roots or default)
    if "sslcert" in end.parameters:
        context.load_cert_chain(end.parameters["sslcert"], end.parameters.get("sslkey"))
    return context


@contextmanager
def _carried(socket: Path, address: tuple[str, int], context: ssl.SSLContext, host: str) -> Iterator[None]:
    """Whoever enters the socket is led to the address."""
    loop = asyncio.new_event_loop()
    ready, problem = threading.Event(), list[BaseException]()

    async def serve(over: asyncio.Event) -> None:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await asyncio.open_connection(*address)
                try:
                    await _ask_for_tls(far_reader, far_writer, context, host)
                    await asyncio.gather(_pump(reader, far_writer), _answers(far_reader, writer))
                finally:
                    far_writer.close()
            except (OSError, EOFError):
                pass  # the program is told by its end of the line, and says so in its own words
            finally:
                writer.close()

        server = await asyncio.start_unix_server(carry, path=socket)
        ready.set()
        async with server:
            await over.wait()

    over = asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(serve(over))
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))
        except BaseException as error:  # noqa: BLE001  raised where the tunnel is wanted
            problem.append(error)
            ready.set()
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="greenroom-tls", daemon=True)
    thread.start()
    ready.wait(START_SECONDS)
    if problem:
        raise Errored(
            "data.source_tls",
            f"no way in TLS to {host} could be laid",
            because=str(problem[0]),
            hint="sslrootcert, sslcert and sslkey in data/source_url must name files that Greenroom can read",
        )
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


async def _ask_for_tls(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str
) -> None:
    writer.write(SSL_REQUEST)
    await writer.drain()
    if await reader.readexactly(1) != b"S":
        raise ConnectionRefusedError("the server does not speak TLS")
    await writer.start_tls(context, server_hostname=host)


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What the server says. It offers to bind the password's proof to the channel (SCRAM-SHA-256-PLUS), which the
    program is not in: that offer is left out, for a program without TLS takes it for an attack."""
    kind = b""
    while kind not in (b"R", b"E"):
        header = await reader.readexactly(5)
        kind, body = header[:1], await reader.readexactly(int.from_bytes(header[1:], "big") - 4)
        if kind == b"R" and body[:4] == SASL:
            offered = [name for name in body[4:].split(b"\0") if name and not name.endswith(b"-PLUS")]
            body = SASL + b"".join(name + b"\0" for name in offered) + b"\0"
        writer.write(kind + (len(body) + 4).to_bytes(4, "big") + body)
    await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(BLOCK):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
