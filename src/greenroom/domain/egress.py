"""Where an environment's application may go on the network, and what is known of what it was refused. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
WIDEST = {4: 8, 6: 16}
"""Bits of a prefix, by IP version: a shorter one is no list of destinations but the world."""


@dataclass(frozen=True)
class Destination:
    """A host name or a network, and one port or every port; TCP and UDP. Exactly one of `host` and `network` is set."""

    host: str | None
    network: Network | None
    port: int | None

    def __str__(self) -> str:
        if self.network is None:
            where = self.host or ""
        else:
            single = self.network.prefixlen == self.network.max_prefixlen
            where = str(self.network.network_address) if single else str(self.network)
        if self.port is None:
            return where
        return f"[{where}]:{self.port}" if ":" in where else f"{where}:{self.port}"


def destination(text: str) -> Destination:
    """What `HOST`, `HOST:PORT`, `ADDRESS`, `NETWORK/BITS`, each with a port if wanted, says; an IPv6 address with a
    port stands in brackets. Raises ValueError with what it should have been."""
    if "//" in text:
        raise ValueError("a host or an address and a port, without what stands before // in a browser")
    where, port = _split(text)
    try:
        network = ipaddress.ip_network(where)
    except ValueError:
        if "/" in where or ":" in where or re.fullmatch(r"[0-9.]+", where):
            raise ValueError("an address or network such as 192.0.2.0/24, without bits behind the prefix") from None
        if not _HOST.fullmatch(where):
            raise ValueError(
                "a host name, an address or a network, such as api.example.com:443 or 192.0.2.0/24"
            ) from None
        return Destination(where, None, port)
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(f"a network of /{WIDEST[network.version]} or smaller; `any` is everything")
    if network.is_loopback and port is None:
        raise ValueError("with a port: this machine's loopback is other environments' too")
    return Destination(None, network, port)


def leads_to(allowed: Destination, host: str) -> bool:
    """True if `host`, a name or an address, is meant by it, whatever the port."""
    if allowed.network is None:
        return allowed.host == host
    try:
        return ipaddress.ip_address(host) in allowed.network
    except ValueError:
        return False


def _split(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        where, closed, rest = text[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            raise ValueError("an IPv6 address with its port such as [2001:db8::1]:443")
        return where, _port(rest[1:]) if rest else None
    if text.count(":") == 1:
        where, _, rest = text.partition(":")
        return where, _port(rest)
    return text, None


def _port(text: str) -> int:
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise ValueError("a port from 1 to 65535 behind the colon")
    return int(text)


@dataclass(frozen=True)
class Reach:
    """All that one limited environment may reach: what its configuration allows, and `ports` on 127.0.0.1 that
    Greenroom itself gave it (its database, its mailbox, its own door at the edge)."""

    environment: str
    allow: tuple[Destination, ...] = ()
    ports: tuple[int, ...] = ()

    @property
    def hosts(self) -> frozenset[str]:
        """The names that must be looked up to know what is allowed."""
        return frozenset(d.host for d in self.allow if d.host is not None)


def permits(reach: Reach, address: str, port: int, names: Mapping[str, Collection[str]]) -> bool:
    """True if TCP or UDP to `address` and `port` is allowed, with what the names resolve to. What listens of the
    environment's own is not known here."""
    ip = ipaddress.ip_address(address)
    if address == "127.0.0.1" and port in reach.ports:
        return True
    for d in reach.allow:
        if d.port is not None and d.port != port:
            continue
        if d.network is not None and ip in d.network:
            return True
        if d.host is not None and address in names.get(d.host, ()) and (d.port is not None or not ip.is_loopback):
            return True
    return False


@dataclass(frozen=True)
class Standing:
    """Whether the machine lets us limit at all, and which environments are limited now. `crowded`: those that listen on
    so many addresses that they do not reach all of them themselves."""

    is_possible: bool
    why: str = ""
    limited: frozenset[str] = frozenset()
    crowded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refusal:
    """One destination that was refused. `name`: what the application, or the machine, last called the address. `asked`:
    for a refused look-up, the names that were looked up. `releases`: what ran when it was counted. A count is packets;
    a TCP connection that is refused at once is one."""

    address: str
    port: int
    protocol: str
    count: int
    first: datetime
    last: datetime
    name: str | None = None
    releases: tuple[str, ...] = ()
    asked: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Account:
    """What an environment was refused since `since`. `total` counts also what is not in `refusals`: only so many
    destinations are told apart. `ended`: the machine forgot, for example at a restart, and counting went on."""

    total: int = 0
    refusals: tuple[Refusal, ...] = field(default_factory=tuple)

    def as_dict(self) -> dict[str, Any]:
        """Newest first."""
        newest = sorted(self.refusals, key=lambda r: r.last, reverse=True)
        return {
            "total": self.total,
            "elsewhere": max(0, self.total - sum(r.count for r in newest)),
            "refused": [
                {
                    "address": r.address,
                    "port": r.port,
                    "protocol": r.protocol,
                    "name": r.name,
                    "count": r.count,
                    "first": r.first,
                    "last": r.last,
                    "releases": list(r.releases),
                    "asked": [{"name": n, "count": c} for n, c in r.asked],
                }
                for r in newest
            ],
        }
