"""The command line's client and answers that break off: never taken for an answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from greenroom.cli.client import Client, Unreachable
from greenroom.cli.credentials import Credentials

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"state":"active"}'
BROKEN = {
    "before a byte": b"",
    "in its head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "before its body": b"HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n",
    "in its body": WHOLE[:-5],
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n[1, 2",
    "in a refusal": b"HTTP/1.1 409 Conflict\r\nContent-Length: 90\r\n\r\n{",
}


@contextmanager
def answering(content: bytes) -> Iterator[Client]:
    """Something listens, reads one request, says `content` and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def once() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(content)

        thread = threading.Thread(target=once, daemon=True)
        thread.start()
        yield Client(Credentials(f"http://127.0.0.1:{server.getsockname()[1]}", "token", "a test"))
        thread.join()


@pytest.mark.parametrize("where", BROKEN)
def test_an_answer_that_breaks_off_is_no_answer(where: str) -> None:
    """Whoever dies while it answers is unreachable; half an answer is not shown as a whole one."""
    with answering(BROKEN[where]) as client, pytest.raises(Unreachable):
        client.get("work")


def test_a_whole_answer_is_read_to_its_end() -> None:
    """What came whole is given as it is."""
    with answering(WHOLE) as client:
        assert client.get("work") == {"state": "active"}
