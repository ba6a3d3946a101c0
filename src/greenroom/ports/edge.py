"""The edge: the one door through which visitors reach an environment.

Pointing an environment at a release never reloads the proxy, so no request is lost by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from greenroom.domain.kinds import ErrorDetail, Kind


@dataclass(frozen=True)
class Site:
    """One environment as the edge serves it: host `ENV.PROJECT.localhost`, and a port of its own.

    `preview_port` serves the candidate before it is switched to, on loopback, for checks and journeys.
    """

    environment: str
    project: str
    kind: Kind
    errors: ErrorDetail
    port: int
    preview_port: int
    hosts: tuple[str, ...] = ()  # further host names


@dataclass(frozen=True)
class Pointer:
    """Where an environment's visitors go. `dial` None: held, requests wait for the next pointer (bounded)."""

    dial: str | None
    release: str
    token: int


@dataclass(frozen=True)
class Canary:
    """The share of visitors (0 to 1) that goes to the candidate instead."""

    dial: str
    release: str
    share: float


@dataclass(frozen=True)
class Traffic:
    """What the edge saw of one release in a span of time. Latencies in seconds; 5xx and no answer are failures."""

    release: str
    requests: int = 0
    failed: int = 0
    p50: float = 0.0
    p99: float = 0.0


@dataclass(frozen=True)
class TrafficReport:
    environment: str
    since: datetime
    until: datetime
    releases: tuple[Traffic, ...] = field(default=())

    def of(self, release: str) -> Traffic:
        return next((t for t in self.releases if t.release == release), Traffic(release))


class Edge(Protocol):
    def configure(self, sites: Sequence[Site]) -> None:
        """Serve exactly these sites. Does nothing when they are served already; otherwise a reload of the proxy.

        Raises BadInput (`edge.port_taken`) naming the port, Errored (`edge.unavailable`).
        """

    def point(self, environment: str, pointer: Pointer) -> None:
        """Send visitors there from the next request on; atomic; durable across a restart of the proxy.

        Compare-and-set: raises Refused (`edge.stale_token`) when the environment was pointed with a greater token.
        """

    def pointer(self, environment: str) -> Pointer | None:
        """Where visitors go now; None when never pointed."""

    def preview(self, environment: str, dial: str | None) -> None:
        """Show this on the preview port; None shows the friendly not-there page."""

    def canary(self, environment: str, canary: Canary | None, *, token: int) -> None:
        """Send a share of visitors there; None ends it. Compare-and-set as `point`."""

    def connections(self, dial: str) -> int:
        """Requests in flight and idle connections that the listener at `dial` has accepted."""

    def url(self, environment: str) -> str:
        """Where people find it: http://127.0.0.1:PORT resolves everywhere."""

    def preview_url(self, environment: str) -> str: ...

    def traffic(self, environment: str, since: datetime, until: datetime) -> TrafficReport:
        """What happened, by release, from the access log."""

    def alive(self) -> bool: ...

    def metrics(self) -> str:
        """What the proxy counts, as Prometheus text: `caddy_http_request_duration_seconds` by server (`site-ENV`,
        `preview-ENV`) and status. Raises Errored (`edge.unavailable`)."""

    def drift(self, sites: Sequence[Site]) -> str:
        """In words, how what is served differs from these sites; empty when it is what `configure` would serve."""

    def life(self) -> str:
        """Which life of the proxy this is: another one once it died, whether it is back yet or not.

        Raises Errored (`edge.unavailable`) when nobody can tell.
        """
