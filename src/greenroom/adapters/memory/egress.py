"""A twin of the outgoing network: decides as the rules would, and counts what it refuses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from greenroom.domain.egress import Account, Reach, Refusal, Standing, permits
from greenroom.domain.names import checked_name
from greenroom.ports.clock import Clock


@dataclass
class MemoryEgress:
    """Keeps the promises of `ports.egress.Egress` without a network. `names` says what host names resolve to;
    `unable` is why the machine would not let us limit."""

    clock: Clock
    names: dict[str, Collection[str]] = field(default_factory=dict)
    unable: str = ""
    crowded: set[str] = field(default_factory=set)
    _reach: dict[str, Reach] = field(default_factory=dict)
    _counted: dict[str, dict[tuple[str, int, str], Refusal]] = field(default_factory=dict)
    _running: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def limit(self, wanted: Sequence[Reach]) -> None:
        self._reach = {} if self.unable else {r.environment: r for r in wanted}

    def look(self, running: Mapping[str, Sequence[str]]) -> None:
        self._running = running

    def standing(self) -> Standing:
        return Standing(not self.unable, self.unable, frozenset(self._reach), frozenset(self.crowded))

    def refused(self, environment: str) -> Account:
        rows = self._counted.get(checked_name(environment, "environment"), {})
        return Account(sum(r.count for r in rows.values()), tuple(rows.values()))

    def lift(self) -> None:
        self._reach = {}

    def reach(self, environment: str, address: str, port: int, protocol: str = "tcp") -> bool:
        """As an application of the environment would: True if it gets there."""
        limits = self._reach.get(environment)
        if limits is None or permits(limits, address, port, self.names):
            return True
        rows, now = self._counted.setdefault(environment, {}), self.clock.now()
        known = rows.get((address, port, protocol)) or self._new(environment, address, port, protocol, now)
        rows[address, port, protocol] = replace(known, count=known.count + 1, last=now)
        return False

    def _new(self, environment: str, address: str, port: int, protocol: str, now: datetime) -> Refusal:
        name = next((n for n, found in self.names.items() if address in found), None)
        return Refusal(address, port, protocol, 0, now, now, name, tuple(self._running.get(environment, ())))
