"""The way that programs take to a managed source in TLS, over a network that is dead: it ends, and does not wait."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.sources import tunnel
from tests.sockets import exactly

STARTUP = (8).to_bytes(4, "big") + (196608).to_bytes(4, "big")
WELCOME = b"R" + (8).to_bytes(4, "big") + (0).to_bytes(4, "big")
TCP_REPAIR = 19
"""A socket that is closed in repair tells its peer nothing (Linux, tcp(7) and CRIU): as a machine that lost power."""


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    """A server's, with a certificate of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    both = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain
    )
    (tmp_path / "both.pem").write_bytes(both)
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    found.load_cert_chain(tmp_path / "both.pem")
    return found


@contextmanager
def through(tmp_path: Path, server: Callable[[socket.socket], None]) -> Iterator[socket.socket]:
    """A program's end of a line that leads to `server`, which is called with the connection."""
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:

        def accept() -> None:
            with suppress(OSError):
                server(listener.accept()[0])

        serving = threading.Thread(target=accept, daemon=True)
        serving.start()
        with (
            tunnel._carried(tmp_path / "s", listener.getsockname(), trusting, "localhost"),
            socket.socket(socket.AF_UNIX) as near,
        ):
            near.settimeout(30)
            near.connect(str(tmp_path / "s"))
            near.sendall(STARTUP)
            yield near
        serving.join(10)


def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and says nothing: the program's line ends, and no thread waits on."""
    monkeypatch.setattr(tunnel, "CONNECT_SECONDS", 0.5)
    held: list[socket.socket] = []
    with through(tmp_path, held.append) as near:
        assert _has_ended(near)
    held[0].close()


@pytest.mark.needs("root")
def test_a_server_that_vanished_is_noticed(
    tmp_path: Path, context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a session, without a word: the program's line ends by itself within the limit."""
    monkeypatch.setattr(tunnel, "DEAD_SECONDS", 4)
    vanish = threading.Event()

    def server(plain: socket.socket) -> None:
        assert len(exactly(plain, 8)) == 8
        plain.sendall(b"S")
        far = context.wrap_socket(plain, server_side=True)
        assert exactly(far, len(STARTUP)) == STARTUP
        far.sendall(WELCOME)
        vanish.wait(10)
        far.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        far.close()

    with through(tmp_path, server) as near:
        assert exactly(near, len(WELCOME)) == WELCOME
        vanish.set()
        assert _has_ended(near)


def _has_ended(near: socket.socket) -> bool:
    try:
        return near.recv(1) == b""
    except ConnectionResetError:  # it had said something that nobody read
        return True
