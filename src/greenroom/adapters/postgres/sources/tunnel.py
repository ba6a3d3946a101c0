"""TLS for PostgreSQL's own programs, which the embedded ones cannot speak.

They enter a unix socket that only we can, and Greenroom carries their bytes to the server in TLS, under the same
demands as its own sessions: `sslmode`, `sslrootcert`, `sslcert`, `sslkey` and `sslcrl` mean what they do in libpq
(34.19). The password is proven by SCRAM or MD5 between program and server, as without a tunnel. That proof cannot be
bound to the channel, which the program is not in: `channel_binding=require` is refused.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from greenroom.adapters.postgres.connect import Connection, socket_of
from greenroom.adapters.postgres.masking.ends import End
from greenroom.domain.errors import BadInput

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""Length and code by which a client asks for TLS (PostgreSQL documentation, 54.7)."""

SASL = struct.pack("!i", 10)
"""Of the message AuthenticationSASL, before the names of the mechanisms (54.7)."""

PORT = 5432
BLOCK = 1 << 16
CONNECT_SECONDS = 10.0
END_SECONDS = 10.0
DEAD_SECONDS = 60
"""A network that says nothing for so long is taken for dead (tcp(7)): the line ends, and the program fails with it."""
OF_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "gssencmode")


@contextmanager
def for_programs(end: End, connection: Connection) -> Iterator[End]:
    """The end as a program reaches it that has no TLS of its own. `connection` is a session there: its server is meant,
    and TLS is used when it uses it."""
    plain = {k: v for k, v in end.parameters.items() if k not in OF_TLS}
    if not connection.pgconn.ssl_in_use:
        yield replace(end, parameters={**plain, "sslmode": "disable"})
        return
    refuse_binding(end, connection)
    address = (connection.info.hostaddr or connection.info.host, connection.info.port)
    with (
        tempfile.TemporaryDirectory(prefix="gr-tls-") as folder,
        _carried(socket_of(Path(folder), PORT), address, context_of(end), connection.info.host),
    ):
        here = {k: v for k, v in plain.items() if k != "hostaddr"}
        yield replace(end, parameters={**here, "host": folder, "port": str(PORT), "sslmode": "disable"})


def refuse_binding(end: End, connection: Connection) -> None:
    """What a tunnel cannot keep is refused where one is needed. Raises BadInput (`data.source_binding`)."""
    if connection.pgconn.ssl_in_use and end.parameters.get("channel_binding") == "require":
        raise BadInput(
            "data.source_binding",
            "channel_binding=require in data/source_url cannot be kept",
            because="PostgreSQL's programs, which read the schema, reach the server through a tunnel of Greenroom's,"
            " and a proof of the password that is bound to the channel cannot pass it",
            hint="write sslmode=verify-full and sslrootcert instead: they prove the server by its certificate",
        )


def context_of(end: End) -> ssl.SSLContext:
    """What the parameters demand of the server's certificate. Raises BadInput (`data.source_tls`)."""
    mode, roots = end.parameters.get("sslmode", "prefer"), end.parameters.get("sslrootcert", "")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    defaults = Path("~/.postgresql").expanduser()
    revoked = end.parameters.get("sslcrl") or (str(defaults / "root.crl") if (defaults / "root.crl").exists() else "")
    context.check_hostname = mode == "verify-full" or roots == "system"
    is_checked = mode in ("verify-ca", "verify-full") or bool(roots)
    is_checked |= mode == "require" and (defaults / "root.crt").exists()  # as libpq does (34.19.1)
    context.verify_mode = ssl.CERT_REQUIRED if is_checked else ssl.CERT_NONE
    try:
        if roots == "system":
            context.load_default_certs()
        elif is_checked:
            context.load_verify_locations(roots or defaults / "root.crt")
        if is_checked and revoked:
            context.load_verify_locations(revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_CRL_CHECK_CHAIN
        if "sslcert" in end.parameters:
            context.load_cert_chain(end.parameters["sslcert"], end.parameters.get("sslkey"))
    except OSError as error:
        raise BadInput(
            "data.source_tls",
            "a certificate for the source cannot be read",
            because=str(error),
            hint="sslrootcert, sslcert, sslkey and sslcrl in data/source_url must name files that Greenroom can read",
        ) from error
    return context


@contextmanager
def _carried(path: Path, address: tuple[str, int], context: ssl.SSLContext, host: str) -> Iterator[None]:
    """Whoever enters the socket is led to the address, for the length of the block."""
    lines: list[threading.Thread] = []

    def lead(listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:  # it was shut down: the block has ended
                return
            lines.append(threading.Thread(target=_line, args=(near, address, context, host), daemon=True))
            lines[-1].start()

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        leading = threading.Thread(target=lead, args=(listener,), name="greenroom-tls", daemon=True)
        leading.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            leading.join()
            for line in lines:  # the programs have ended, and with them their ends of the lines
                line.join(END_SECONDS)


def _line(near: socket.socket, address: tuple[str, int], context: ssl.SSLContext, host: str) -> None:
    """One connection. What goes wrong the program is told by its end of the line, and says so in its own words: also
    that the server did not answer within CONNECT_SECONDS, or that the network has been dead for DEAD_SECONDS."""
    with near, suppress(OSError, EOFError), socket.create_connection(address, CONNECT_SECONDS) as plain:
        _keep_alive(plain)
        plain.sendall(SSL_REQUEST)
        if plain.recv(1) != b"S":
            return
        with context.wrap_socket(plain, server_hostname=host) as far:
            _first_answers(near, far)
            far.settimeout(None)
            _both_ways(near, far)


def _keep_alive(plain: socket.socket) -> None:
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, DEAD_SECONDS // 2)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, DEAD_SECONDS // 6))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_SECONDS * 1000)


def _first_answers(near: socket.socket, far: ssl.SSLSocket) -> None:
    """Up to how the password is to be proven. The server offers to bind the proof to the channel (SCRAM-SHA-256-PLUS),
    which the program is not in: that offer is left out, for a program without TLS takes it for an attack."""
    far.sendall(_exactly(near, 4, whole=True))
    kind = b""
    while kind not in (b"R", b"E"):
        header = _exactly(far, 5)
        kind, body = header[:1], _exactly(far, int.from_bytes(header[1:], "big") - 4)
        if kind == b"R" and body[:4] == SASL:
            offered = [name for name in body[4:].split(b"\0") if name and not name.endswith(b"-PLUS")]
            body = SASL + b"".join(name + b"\0" for name in offered) + b"\0"
        near.sendall(kind + (len(body) + 4).to_bytes(4, "big") + body)


def _exactly(line: socket.socket, size: int, *, whole: bool = False) -> bytes:
    """So many bytes; `whole`: and the rest of the message, whose length they are. Raises EOFError."""
    found = b""
    while len(found) < size:
        more = line.recv(size - len(found))
        if not more:
            raise EOFError
        found += more
        if whole and len(found) == size:
            size, whole = int.from_bytes(found, "big"), False
    return found


def _both_ways(near: socket.socket, far: ssl.SSLSocket) -> None:
    """Until one of them ends. One thread: a TLS session is not to be read and written at once."""
    while True:
        readable = [far] if far.pending() else select.select([near, far], [], [])[0]
        for one in readable:
            data = one.recv(BLOCK)
            if not data:
                return
            (far if one is near else near).sendall(data)
