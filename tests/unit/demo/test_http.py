"""HTTP as visitors speak it: what is sent, what is read, and what is never sent twice."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.demo.http import Broken, Connection, Pool, Request


class Writer:
    """Remembers what was written; can break."""

    def __init__(self, breaks: bool = False) -> None:
        self.sent, self.breaks, self.closed = b"", breaks, False

    def write(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None:
        if self.breaks:
            raise ConnectionResetError

    def close(self) -> None:
        self.closed = True

    async def wait_closed(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closed


def connection(answer: bytes, *, ends: bool = True, writer: Writer | None = None) -> Connection:
    reader = asyncio.StreamReader()
    reader.feed_data(answer)
    if ends:
        reader.feed_eof()
    return Connection(reader, writer or Writer())


def exchange(answer: bytes, method: str = "GET"):
    async def run():
        one = connection(answer)
        return await one.exchange(b"x", method), one.may_stay

    return asyncio.run(run())


@given(st.binary(max_size=300), st.integers(1, 50))
def test_a_body_reads_the_same_however_it_is_framed(body: bytes, size: int) -> None:
    """Length, chunks or the end of the connection: the same bytes; only the first two let the connection stay."""
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for i in range(0, len(body), size) if (c := body[i : i + size]))
    start = b"HTTP/1.1 200 OK\r\n"
    framings = (
        (b"Content-Length: %d\r\n\r\n%s" % (len(body), body), True),
        (b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n", True),
        (b"\r\n" + body, False),
    )
    for framed, stays in framings:
        answer, may_stay = exchange(start + framed)
        assert (answer.status, answer.body, may_stay) == (200, body, stays)


def test_an_interim_answer_is_not_the_answer() -> None:
    """100 Continue is passed over."""
    assert exchange(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")[0].status == 201


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\n", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"]
)
def test_an_answer_that_breaks_off_is_broken(answer: bytes) -> None:
    """Neither half an answer nor none at all passes for one."""
    with pytest.raises(Broken):
        exchange(answer)


def pool(opened: list[Connection], answers: list[Connection]) -> Pool:
    made = Pool("http://127.0.0.1:1")

    async def open_one() -> Connection:
        opened.append(answers[len(opened)])
        return opened[-1]

    made._open = open_one
    return made


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
GET = Request("home", "GET", "/")


def test_a_kept_connection_is_used_again() -> None:
    """Two requests, one connection, when the server keeps it open."""

    async def run() -> int:
        opened: list[Connection] = []
        visitors = pool(opened, [connection(OK + OK, ends=False)])
        await visitors.send(GET)
        await visitors.send(GET)
        await visitors.close()
        return len(opened)

    assert asyncio.run(run()) == 1


def test_a_connection_the_server_closed_while_idle_is_replaced_before_anything_is_sent() -> None:
    """HTTP's rule for kept connections: nothing was sent on it, so a new one may take its place."""

    async def run() -> tuple[int, bytes]:
        opened: list[Connection] = []
        first = Writer()
        visitors = pool(opened, [connection(OK, writer=first), connection(OK)])
        await visitors.send(GET)
        sent = first.sent
        await visitors.send(GET)
        assert first.sent == sent
        return len(opened), sent

    assert asyncio.run(run())[0] == 2


def test_a_request_that_went_out_is_never_sent_again() -> None:
    """The connection breaks while sending: an error, and no second attempt."""

    async def run() -> int:
        opened: list[Connection] = []
        visitors = pool(opened, [connection(OK, ends=False, writer=Writer(breaks=True)), connection(OK)])
        with pytest.raises(ConnectionResetError):
            await visitors.send(GET)
        return len(opened)

    assert asyncio.run(run()) == 1


def test_a_request_with_a_connection_of_its_own_says_so_and_does_not_keep_it() -> None:
    """`Connection: close` goes out, and the connection is not used again."""

    async def run() -> tuple[bytes, int]:
        writer, opened = Writer(), []
        visitors = pool(opened, [connection(OK, ends=False, writer=writer), connection(OK)])
        alone = Request("bill", "POST", "/b", 201, body=b"a=1", keep=False)
        await visitors.send(alone)
        await visitors.send(alone)
        return writer.sent, len(opened)

    sent, opened = asyncio.run(run())
    assert b"Connection: close\r\n" in sent and b"Content-Length: 3\r\n" in sent and sent.endswith(b"\r\n\r\na=1")
    assert opened == 2
