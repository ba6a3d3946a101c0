"""The twin of the edge: the same promises, no proxy. Traffic is what a test records."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from greenroom.adapters.caddy.pointer import checked_dial, checked_release, threshold
from greenroom.adapters.caddy.traffic import percentile
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.names import checked_name
from greenroom.ports.edge import Canary, Pointer, Site, Traffic, TrafficReport


@dataclass(frozen=True)
class Recorded:
    """One request a test says there was."""

    environment: str
    release: str
    status: int
    seconds: float
    at: datetime


class MemoryEdge:
    """See `ports.edge.Edge`. `taken`: ports that somebody else listens on; `connected`: what `connections` answers."""

    def __init__(self) -> None:
        self.sites: dict[str, Site] = {}
        self.pointers: dict[str, Pointer] = {}
        self.canaries: dict[str, Canary] = {}
        self.previews: dict[str, str] = {}
        self.connected: dict[str, int] = {}
        self.taken: set[int] = set()
        self.is_alive = True
        self.deaths = 0
        self.reloads = 0
        self._recorded: list[Recorded] = []
        self._lock = threading.Lock()

    def record(self, env: str, release: str, status: int, seconds: float, at: datetime) -> None:
        """Say that a visitor's request ended at `at`."""
        self._recorded.append(Recorded(env, release, status, seconds, at))

    def configure(self, sites: Sequence[Site]) -> None:
        wanted = {s.environment: s for s in sites}
        ports = [p for s in sites for p in (s.port, s.preview_port)]
        for port in ports:
            if port in self.taken or ports.count(port) > 1:
                raise BadInput("edge.port_taken", f"port {port} is taken", facts={"port": port})
        if wanted != self.sites:
            self.sites = wanted
            self.reloads += 1

    def drift(self, sites: Sequence[Site]) -> str:
        differ = {s.environment: s for s in sites} != self.sites
        return "what is served is not what was applied" if differ else ""

    def point(self, environment: str, pointer: Pointer) -> None:
        checked_name(environment, "environment")
        checked_release(pointer.release)
        if pointer.dial is not None:
            checked_dial(pointer.dial)
        with self._lock:
            self._check(environment, pointer.token)
            self.pointers[environment] = pointer

    def pointer(self, environment: str) -> Pointer | None:
        return self.pointers.get(environment)

    def preview(self, environment: str, dial: str | None) -> None:
        checked_name(environment, "environment")
        if dial is None:
            self.previews.pop(environment, None)
        else:
            self.previews[environment] = checked_dial(dial)

    def canary(self, environment: str, canary: Canary | None, *, token: int) -> None:
        if canary:
            checked_dial(canary.dial)
            checked_release(canary.release)
            threshold(canary.share)
        with self._lock:
            self._check(environment, token)
            present = self.pointers.get(environment)
            if present is None:
                raise Refused("edge.not_pointed", f"{environment} leads nowhere yet, so there is nothing to share")
            self.pointers[environment] = Pointer(present.dial, present.release, token)
            self.canaries.pop(environment, None)
            if canary:
                self.canaries[environment] = canary

    def connections(self, dial: str) -> int:
        return self.connected.get(dial, 0)

    def url(self, environment: str) -> str:
        return f"http://127.0.0.1:{self._site(environment).port}"

    def preview_url(self, environment: str) -> str:
        return f"http://127.0.0.1:{self._site(environment).preview_port}"

    def traffic(self, environment: str, since: datetime, until: datetime) -> TrafficReport:
        seen = [r for r in self._recorded if r.environment == environment and since <= r.at < until]
        releases = tuple(_traffic(n, [r for r in seen if r.release == n]) for n in sorted({r.release for r in seen}))
        return TrafficReport(environment, since, until, releases)

    def alive(self) -> bool:
        return self.is_alive

    def metrics(self) -> str:
        if not self.is_alive:
            raise Errored("edge.unavailable", "the edge did not give its metrics", because="it is down")
        seen = Counter((r.environment, r.status) for r in self._recorded)
        name = "caddy_http_request_duration_seconds"
        lines = [f'{name}_count{{code="{c}",server="site-{e}"}} {n}' for (e, c), n in sorted(seen.items())]
        return "\n".join([f"# TYPE {name} histogram", *lines, ""])

    def life(self) -> str:
        return str(self.deaths)

    def _site(self, environment: str) -> Site:
        if environment not in self.sites:
            raise BadInput("edge.unknown_environment", f"the edge does not serve {environment[:80]!r}")
        return self.sites[environment]

    def _check(self, environment: str, token: int) -> None:
        present = self.pointers.get(environment)
        if present is not None and token < present.token:
            raise Refused(
                "edge.stale_token",
                f"{environment} was pointed by somebody who came later",
                because=f"token {token} is older than {present.token}",
                facts={"token": token, "present": present.token},
            )


def _traffic(release: str, seen: list[Recorded]) -> Traffic:
    seconds = sorted(r.seconds for r in seen)
    failed = sum(r.status == 0 or r.status >= 500 for r in seen)
    return Traffic(release, len(seen), failed, percentile(seconds, 50), percentile(seconds, 99))
