"""One suite for every edge: what `ports.edge.Edge` promises, with Caddy and with its twin."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from greenroom.adapters.memory.edge import MemoryEdge
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.kinds import ErrorDetail, Kind
from greenroom.ports.edge import Canary, Edge, Pointer, Site
from tests.caddy_support import Stage, eventually, free_ports, stage
from tests.load import Style, ask


class Subject(Protocol):
    """An edge that serves `sites`, and the world around it."""

    edge: Edge
    sites: list[Site]

    def visit(self, environment: str, release: str, statuses: list[int]) -> None:
        """Visitors of the environment get these answers from this release."""

    def occupied(self) -> contextmanager[int]:
        """A port that somebody else listens on."""


class CaddySubject:
    def __init__(self, running: Stage) -> None:
        self.edge = running.edge
        self.sites = list(running.sites.values())
        self._stage = running
        self._names = itertools.count()

    def visit(self, environment: str, release: str, statuses: list[int]) -> None:
        dial = self._stage.apps.start(release, self._stage.dial(f"contract{next(self._names)}"))
        present = self.edge.pointer(environment)
        self.edge.point(environment, Pointer(dial, release, present.token + 1 if present else 1))
        began, port = datetime.now(UTC), self._stage.port(environment)
        for status in statuses:
            ask(port, Style(path=f"/status/{status}"))

        def seen() -> int:
            report = self.edge.traffic(environment, began, datetime.now(UTC) + timedelta(seconds=1))
            return report.of(release).requests

        eventually(lambda: seen() == len(statuses), "the log has them")

    @contextmanager
    def occupied(self) -> Iterator[int]:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            yield other.getsockname()[1]


class MemorySubject:
    def __init__(self) -> None:
        self.edge = MemoryEdge()
        ports = itertools.count(20000)
        self.sites = [
            Site(k.value, "shop", k, ErrorDetail.FULL, next(ports), next(ports))
            for k in (Kind.PRODUCTION, Kind.STAGING)
        ]
        self.edge.configure(self.sites)

    def visit(self, environment: str, release: str, statuses: list[int]) -> None:
        for status in statuses:
            self.edge.record(environment, release, status, 0.01, datetime.now(UTC))

    @contextmanager
    def occupied(self) -> Iterator[int]:
        self.edge.taken.add(7)
        yield 7


@pytest.fixture(scope="module", params=["caddy", "memory"])
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    if request.param == "memory":
        yield MemorySubject()
        return
    with stage(tmp_path_factory.mktemp("edge")) as running:
        yield CaddySubject(running)


@pytest.fixture
def edge(subject: Subject) -> Edge:
    return subject.edge


_fresh = (f"env{n}" for n in itertools.count())


@pytest.fixture
def environment() -> str:
    """A name that was never pointed."""
    return next(_fresh)


def test_never_pointed(edge: Edge, environment: str) -> None:
    """An environment that was never pointed has no pointer."""
    assert edge.pointer(environment) is None


def test_point_and_read_back(edge: Edge, environment: str) -> None:
    """The pointer is what was last pointed: served, held, or at a port."""
    for n, dial in enumerate(("unix//run/a.sock", None, "127.0.0.1:8001")):
        edge.point(environment, Pointer(dial, f"sha256:{n:064x}", n))
        assert edge.pointer(environment) == Pointer(dial, f"sha256:{n:064x}", n)


def test_a_stale_token_changes_nothing(edge: Edge, environment: str) -> None:
    """A smaller token than the recorded one is refused, for pointer and canary; an equal one may do it again."""
    there = Pointer("127.0.0.1:8001", "r-1", 5)
    edge.point(environment, there)
    with pytest.raises(Refused) as refused:
        edge.point(environment, Pointer("127.0.0.1:8002", "r-2", 4))
    assert refused.value.code == "edge.stale_token"
    with pytest.raises(Refused, match="came later"):
        edge.canary(environment, Canary("127.0.0.1:8002", "r-2", 0.5), token=4)
    assert edge.pointer(environment) == there
    edge.point(environment, there)
    edge.canary(environment, None, token=5)
    assert edge.pointer(environment) == there


def test_a_canary_takes_the_token_along(edge: Edge, environment: str) -> None:
    """Who set a canary later cannot be overtaken by a pointer of before."""
    edge.point(environment, Pointer("127.0.0.1:8001", "r-1", 1))
    edge.canary(environment, Canary("127.0.0.1:8002", "r-2", 0.5), token=9)
    assert edge.pointer(environment) == Pointer("127.0.0.1:8001", "r-1", 9)
    with pytest.raises(Refused):
        edge.point(environment, Pointer("127.0.0.1:8001", "r-1", 8))


def test_a_canary_needs_a_pointer(edge: Edge, environment: str) -> None:
    """A share of nothing is refused."""
    with pytest.raises(Refused) as refused:
        edge.canary(environment, Canary("127.0.0.1:8002", "r-2", 0.5), token=1)
    assert refused.value.code == "edge.not_pointed"


def test_the_greatest_token_wins_any_race(edge: Edge, environment: str) -> None:
    """Whoever comes in whatever order at once: the greatest token's pointer stands."""

    def point(token: int) -> None:
        with suppress(Refused):
            edge.point(environment, Pointer(f"127.0.0.1:{8000 + token}", f"r-{token}", token))

    threads = [threading.Thread(target=point, args=(token,)) for token in (3, 17, 1, 20, 9, 12, 2, 19)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert edge.pointer(environment) == Pointer("127.0.0.1:8020", "r-20", 20)


@pytest.mark.parametrize(
    "dial",
    [
        "",
        "unix/relative",
        "127.0.0.1",
        "10.0.0.1:80",
        "127.0.0.1:80\n",
        "unix//a b",
        "unix//{env.HOME}",
        "unix//" + "x" * 120,
    ],
)
def test_a_bad_dial_is_refused(edge: Edge, environment: str, dial: str) -> None:
    """Only addresses on this machine, without anything the proxy would read as its own syntax."""
    with pytest.raises(BadInput) as bad:
        edge.point(environment, Pointer(dial, "r", 1))
    assert bad.value.code == "edge.bad_dial"
    with pytest.raises(BadInput):
        edge.preview(environment, dial)
    assert edge.pointer(environment) is None


@pytest.mark.parametrize("release", ["", "-", "two words", "line\nend", "{http.request.uri}"])
def test_a_bad_release_is_refused(edge: Edge, environment: str, release: str) -> None:
    """A release's name goes into files and logs: nothing but visible characters without braces."""
    with pytest.raises(BadInput) as bad:
        edge.point(environment, Pointer("127.0.0.1:8001", release, 1))
    assert bad.value.code == "edge.bad_release"


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_bad_share_is_refused(edge: Edge, environment: str, share: float) -> None:
    """A share is between 0 and 1."""
    edge.point(environment, Pointer("127.0.0.1:8001", "r", 1))
    with pytest.raises(BadInput) as bad:
        edge.canary(environment, Canary("127.0.0.1:8002", "r-2", share), token=1)
    assert bad.value.code == "edge.bad_share"


@pytest.mark.parametrize("name", ["../etc", "a/b", "", "UPPER", "a.b", "x" * 40, "www"])
def test_a_hostile_environment_is_refused(edge: Edge, name: str) -> None:
    """An environment's name becomes a file's."""
    with pytest.raises(BadInput) as bad:
        edge.point(name, Pointer("127.0.0.1:8001", "r", 1))
    assert bad.value.code == "name.invalid"


def test_addresses(subject: Subject) -> None:
    """Each served environment has two addresses; one that is not served has none."""
    for site in subject.sites:
        assert subject.edge.url(site.environment) == f"http://127.0.0.1:{site.port}"
        assert subject.edge.preview_url(site.environment) == f"http://127.0.0.1:{site.preview_port}"
    with pytest.raises(BadInput) as bad:
        subject.edge.url("elsewhere")
    assert bad.value.code == "edge.unknown_environment"


def test_a_taken_port_is_named_and_nothing_changes(subject: Subject) -> None:
    """A port that another process or another site has is refused by number; what was served still is."""
    before = subject.edge.url("production")
    with subject.occupied() as port:
        for wrong in (
            replace(subject.sites[0], port=port),
            replace(subject.sites[0], preview_port=subject.sites[1].port),
        ):
            with pytest.raises(BadInput) as bad:
                subject.edge.configure([wrong, *subject.sites[1:]])
            assert bad.value.code == "edge.port_taken"
            assert bad.value.facts["port"] in (port, subject.sites[1].port)
    assert subject.edge.url("production") == before and subject.edge.alive()


def test_traffic_by_release(subject: Subject) -> None:
    """Requests and failures are told apart by release, environment and time."""
    began = datetime.now(UTC)
    subject.visit("production", "r-old", [200, 200, 404, 500])
    subject.visit("staging", "r-new", [503])
    subject.visit("production", "r-new", [200, 200])
    ended = datetime.now(UTC) + timedelta(seconds=1)
    report = subject.edge.traffic("production", began, ended)
    assert [(t.release, t.requests, t.failed) for t in report.releases] == [("r-new", 2, 0), ("r-old", 4, 1)]
    assert 0 < report.of("r-old").p50 <= report.of("r-old").p99
    assert report.of("r-unseen").requests == 0
    assert subject.edge.traffic("production", ended, ended + timedelta(hours=1)).releases == ()
    assert subject.edge.traffic("production", began - timedelta(hours=1), began).releases == ()


def test_nobody_is_connected_where_nobody_listens(edge: Edge) -> None:
    """No listener, no connection."""
    assert edge.connections("unix//run/nobody/here.sock") == 0
    assert edge.connections(f"127.0.0.1:{free_ports(1)[0]}") == 0
