"""Switching, holding and sharing with a real Caddy: nobody notices."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest

from greenroom.ports.edge import Canary, Pointer
from tests.caddy_support import Stage, eventually, free_ports, let_go, stage
from tests.load import BODY, Answer, Load, Style, ask

HOLD_SECONDS = 8.0
"""Long enough that a busy machine does not come near it where visitors are let go on."""


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("edge"), hold_seconds=HOLD_SECONDS) as running:
        yield running


def point(edge: Stage, dial: str | None, release: str, environment: str = "production") -> None:
    present = edge.edge.pointer(environment)
    edge.edge.point(environment, Pointer(dial, release, present.token + 1 if present else 1))


def test_fifty_flips_lose_nothing(edge: Stage) -> None:
    """Under load, kept and closed connections, GET and POST, between a unix socket and a port: no request is lost."""
    unix = edge.apps.start("unix", edge.dial("unix"))
    tcp = edge.apps.start("tcp", f"127.0.0.1:{free_ports(1)[0]}")
    point(edge, unix, "r-unix")
    with Load(edge.port("production")) as load:
        load.wait_for(300)
        for n in range(50):
            dial, release = ((tcp, "r-tcp"), (unix, "r-unix"))[n % 2]
            point(edge, dial, release)
            load.wait_for(300 + 60 * (n + 1))
    assert load.result.lost == []
    assert load.result.requests > 3000
    assert set(load.result.bodies) == {b"unix", b"tcp"}


def test_the_next_request_goes_to_the_new_release(edge: Stage) -> None:
    """Once `point` has returned, no new request reaches the old release, on kept connections either."""
    old, new = edge.apps.start("before", edge.dial("before")), edge.apps.start("after", edge.dial("after"))

    async def flips() -> None:
        from tests.load import _Connection

        connection = await _Connection.open(edge.port("production"))
        for n in range(40):
            name, dial = ((b"before", old), (b"after", new))[n % 2]
            point(edge, dial, name.decode())
            assert (await connection.ask(Style(), "127.0.0.1")).body == name
        connection.close()

    asyncio.run(flips())


def test_the_old_release_drains_and_may_end(edge: Stage) -> None:
    """After the switch the old release's connections fall to those in flight, then to none; ending it loses nothing."""
    old, new = edge.apps.start("old", edge.dial("drain-old")), edge.apps.start("new", edge.dial("drain-new"))
    point(edge, old, "r-old")
    slow: list[Answer] = []
    style = Style(path="/until-let-go")
    waiter = threading.Thread(target=lambda: slow.append(ask(edge.port("production"), style, timeout=120)))
    let_go.clear()
    with Load(edge.port("production")) as load:
        waiter.start()
        load.wait_for(300)
        assert edge.edge.connections(old) > 1
        point(edge, new, "r-new")
        try:
            eventually(lambda: edge.edge.connections(old) == 1, "only the slow request is left")
        finally:
            let_go.set()
        eventually(lambda: edge.edge.connections(old) == 0, "drained")
        edge.apps.stop(old)
        load.wait_for(load.result.requests + 200)
    waiter.join()
    assert load.result.lost == []
    assert slow[0].body == b"old"


def test_a_held_request_waits(edge: Stage) -> None:
    """While held, requests (POST bodies included) wait; the next pointer lets every one of them through."""
    old, new = edge.apps.start("old", edge.dial("held-old")), edge.apps.start("new", edge.dial("held-new"))
    point(edge, old, "r-old")
    with Load(edge.port("production")) as load:
        load.wait_for(200)
        point(edge, None, "r-old")
        eventually(lambda: nothing_ends(load), "what was under way ended, and all others wait", HOLD_SECONDS - 2)
        during = load.result.requests
        point(edge, new, "r-new")
        load.wait_for(during + 200)
    assert load.result.lost == []
    assert set(load.result.bodies) == {b"old", b"new"}


def nothing_ends(load: Load, seconds: float = 0.7) -> bool:
    """No request ends for so long; without a hold hundreds would."""
    before = load.result.requests
    time.sleep(seconds)
    return load.result.requests == before


def test_a_held_body_arrives_whole(edge: Stage) -> None:
    """A large body that was sent before the release was there reaches it complete, in the first try that connects."""
    new = edge.apps.start("new", edge.dial("held-body"))
    point(edge, None, "r-old")
    answers: list[Answer] = []
    style = Style("POST", path="/echo", body=b"x" * 3_000_000)
    waiter = threading.Thread(target=lambda: answers.append(ask(edge.port("production"), style)))
    waiter.start()
    time.sleep(0.5)
    assert answers == []
    point(edge, new, "r-new")
    waiter.join()
    assert b'"length": 3000000' in answers[0].body


def test_a_hold_is_bounded(edge: Stage) -> None:
    """Who waited to the limit gets 503 with Retry-After and the page that says so."""
    point(edge, None, "r-old")
    began = time.monotonic()
    answer = ask(edge.port("production"))
    assert HOLD_SECONDS * 0.9 < time.monotonic() - began < HOLD_SECONDS + 15
    assert answer.status == 503
    assert answer.headers["retry-after"] == "10"
    assert b"We are updating" in answer.body


def test_a_short_restart_is_bridged_and_a_dead_application_fails_soon(edge: Stage) -> None:
    """A refused connection is tried again for a second; then the visitor is told, not kept waiting."""
    dial = edge.apps.start("app", edge.dial("restart"))
    point(edge, dial, "r")
    eventually(lambda: is_bridged(edge, dial), "it was away for less than the second in which the edge tries again")
    edge.apps.stop(dial)
    eventually(lambda: edge.edge.connections(dial) == 0, "the pool let go")
    began = time.monotonic()
    assert ask(edge.port("production")).status == 502
    assert time.monotonic() - began < HOLD_SECONDS


def is_bridged(edge: Stage, dial: str, *, away: float = 0.4, tries: float = 1.0) -> bool:
    """Ask while the application is away for that long. False when it could not come back in time: this proves nothing
    then, whatever was answered."""
    edge.apps.stop(dial)
    eventually(lambda: edge.edge.connections(dial) == 0, "the pool let go")
    back: list[float] = []

    def come_back() -> None:
        edge.apps.start("again", dial)
        back.append(time.monotonic())

    timer = threading.Timer(away, come_back)
    began = time.monotonic()
    timer.start()
    answer = ask(edge.port("production"), Style("POST", body=BODY))
    timer.join()
    if back[0] - began > tries * 0.9:
        return False
    assert answer.body == b"again"
    return True


def test_a_canary_gets_its_share_without_loss(edge: Stage) -> None:
    """Shares move under load without a lost request, and each is near what was asked for."""
    main, candidate = edge.apps.start("main", edge.dial("main")), edge.apps.start("candidate", edge.dial("candidate"))
    point(edge, main, "r-main")
    token = edge.edge.pointer("production").token
    with Load(edge.port("production"), pause=0) as load:
        for share in (0.001, 0.25, 0.5, 1.0):
            edge.edge.canary("production", Canary(candidate, "r-candidate", share), token=token)
            load.settle()
            before, seen = load.result.bodies[b"candidate"], load.result.requests
            load.wait_for(seen + 800)
            part = (load.result.bodies[b"candidate"] - before) / (load.result.requests - seen)
            assert part == pytest.approx(share, abs=0.12)
        edge.edge.canary("production", None, token=token)
        load.settle()
        before = load.result.bodies[b"candidate"]
        load.wait_for(load.result.requests + 200)
        assert load.result.bodies[b"candidate"] == before
    assert load.result.lost == []


def test_a_cookie_chooses_the_canary(edge: Stage) -> None:
    """`gr_preview=canary` leads to the canary whatever its share, and to the release when there is none."""
    main, candidate = edge.apps.start("main", edge.dial("main2")), edge.apps.start("candidate", edge.dial("candidate2"))
    point(edge, main, "r-main")
    token = edge.edge.pointer("production").token
    chosen = Style(headers=(("Cookie", "other=1; gr_preview=canary"),))
    edge.edge.canary("production", Canary(candidate, "r-candidate", 0.0), token=token)
    assert {ask(edge.port("production")).body for _ in range(20)} == {b"main"}
    assert ask(edge.port("production"), chosen).body == b"candidate"
    edge.edge.canary("production", None, token=token)
    assert ask(edge.port("production"), chosen).body == b"main"


def test_streams_stay_where_they_began(edge: Stage) -> None:
    """A WebSocket and an event stream go on at the old release after the switch, and count as connections."""
    old, new = edge.apps.start("old", edge.dial("stream-old")), edge.apps.start("new", edge.dial("stream-new"))
    point(edge, old, "r-old")

    async def talk() -> None:
        web, say = await asyncio.open_connection("127.0.0.1", edge.port("production"))
        say.write(
            b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in await web.readuntil(b"\r\n\r\n")
        events, ask_events = await asyncio.open_connection("127.0.0.1", edge.port("production"))
        ask_events.write(b"GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await events.readuntil(b"data: old\n\n")
        point(edge, new, "r-new")
        await asyncio.sleep(1.5)  # beyond the idle time of the pool
        say.write(b"still there?")
        assert await web.read(100) == b"old:still there?"
        for _ in range(10):
            await events.readuntil(b"data: old\n\n")
        eventually(lambda: edge.edge.connections(old) == 2, "the streams alone are left")
        say.close()
        ask_events.close()

    asyncio.run(talk())
    assert ask(edge.port("production")).body == b"new"
    eventually(lambda: edge.edge.connections(old) == 0, "the streams ended")
