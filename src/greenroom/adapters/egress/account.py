"""What environments were refused, added up in a file of the home: the kernel forgets with the machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from greenroom.adapters.egress.nft import Counted, Counters
from greenroom.adapters.sealing.files import write_atomically
from greenroom.domain.egress import Account, Refusal

MOST = 1000
"""Destinations that are told apart for each environment, the newest; the rest stays in the total."""
MOST_ASKED = 200
MOST_NAMES = 4096
MOST_RELEASES = 20


class Book:
    """Not thread-safe. `seen` is how far the kernel's counters were carried over: one that is smaller began anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            kept = json.loads(file.read_text())
        except (OSError, ValueError):
            kept = {}
        self._kept: dict[str, Any] = kept if isinstance(kept, dict) else {}
        self._changed = False

    def carry(
        self, counters: Counters, users: Mapping[int, str], running: Mapping[str, Sequence[str]], now: datetime
    ) -> None:
        """Add what came since the last time. `users`: whose uid is which environment's."""
        owners = self._part("users")
        for user, environment in users.items():
            if owners.get(str(user)) != environment:
                owners[str(user)] = environment
                self._changed = True
        for user, packets in counters.totals.items():
            owner = owners.get(str(user))
            if owner is not None and (more := self._more(f"{user}", packets)):
                self._of(owner)["total"] = self._of(owner).get("total", 0) + more
        for one in counters.refused:
            owner = owners.get(str(one.user))
            key = f"{one.address} {one.protocol} {one.port}"
            if owner is not None and (more := self._more(f"{one.user} {key}", one.packets)):
                self._add(owner, key, more, one, running.get(owner, ()), now)
        self._name_releases(running)
        alive = {f"{c.user} {c.address} {c.protocol} {c.port}" for c in counters.refused}
        alive |= {str(user) for user in counters.totals}
        seen = self._part("seen")
        for key in [k for k in seen if k not in alive]:  # the kernel forgot it: it begins at nothing
            del seen[key]
            self._changed = True

    def began_anew(self) -> None:
        """The kernel's counters are gone, and will begin at nothing."""
        if self._kept.pop("seen", None):
            self._changed = True

    def asked(self, environment: str, name: str) -> None:
        """A look-up that was refused."""
        names = self._of(environment).setdefault("asked", {})
        names[name] = names.pop(name, 0) + 1  # to the end: what was asked longest ago goes first
        while len(names) > MOST_ASKED:
            del names[next(iter(names))]
        self._changed = True

    def told(self, name: str, addresses: Sequence[str]) -> None:
        """What a look-up gave, on this machine."""
        names = self._part("names")
        for address in addresses:
            if names.get(address) != name:
                names.pop(address, None)
                names[address] = name
                self._changed = True
        while len(names) > MOST_NAMES:
            del names[next(iter(names))]

    def owner(self, user: int) -> str | None:
        found = self._part("users").get(str(user))
        return None if found is None else str(found)

    def read(self, environment: str) -> Account:
        kept = self._part("environments").get(environment, {})
        names, asked = self._part("names"), tuple(reversed(kept.get("asked", {}).items()))
        found = []
        for key, row in kept.get("rows", {}).items():
            address, protocol, port = key.split()
            found.append(
                Refusal(
                    address=address,
                    port=int(port),
                    protocol=protocol,
                    count=row["count"],
                    first=datetime.fromisoformat(row["first"]),
                    last=datetime.fromisoformat(row["last"]),
                    name=names.get(address),
                    releases=tuple(row["releases"]),
                    asked=asked if port == "53" else (),
                )
            )
        return Account(kept.get("total", 0), tuple(found))

    def keep(self) -> None:
        """Write it down if anything changed."""
        if self._changed:
            write_atomically(self._file, json.dumps(self._kept).encode(), 0o600)
            self._changed = False

    def _add(self, environment: str, key: str, more: int, one: Counted, releases: Sequence[str], now: datetime) -> None:
        rows = self._of(environment).setdefault("rows", {})
        last = now - timedelta(seconds=one.ago)
        row = rows.pop(key, None) or {"count": 0, "first": last.isoformat(), "releases": []}
        row["count"] += more
        row["last"] = last.isoformat()
        row["releases"] = [*(r for r in row["releases"] if r not in releases), *releases][-MOST_RELEASES:]
        rows[key] = row
        while len(rows) > MOST:
            del rows[next(iter(rows))]

    def _name_releases(self, running: Mapping[str, Sequence[str]]) -> None:
        """What was refused before anything was known to run there, in its first promotion, is of what runs now."""
        for environment, releases in running.items():
            for row in self._part("environments").get(environment, {}).get("rows", {}).values():
                if releases and not row["releases"]:
                    row["releases"] = list(releases)
                    self._changed = True

    def _more(self, key: str, packets: int) -> int:
        seen = self._part("seen")
        before = seen.get(key, 0)
        if packets == before:
            return 0
        seen[key] = packets
        self._changed = True
        return packets - before if packets > before else packets

    def _of(self, environment: str) -> dict[str, Any]:
        found: dict[str, Any] = self._part("environments").setdefault(environment, {})
        return found

    def _part(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._kept.setdefault(name, {})
        return found
