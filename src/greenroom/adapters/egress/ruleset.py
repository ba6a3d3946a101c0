"""The table as text for nft(8): pure, and the same for the same wishes.

inet greenroom_HOME
  limited        users whose new connections are judged
  own, own6      what they may reach on this machine: user . address . protocol . port
  named, named6  addresses that allowed names resolve to, with one port;  hosts, hosts6: with every port
  refused, refused6, other, other6, totals   counters that the kernel keeps; they are never flushed

Only a packet that begins something is judged: for TCP the one with SYN and without ACK. So no connection needs to be
tracked: a full connection-tracking table loses packets of everybody on the machine (nf_conntrack(9), `table full`), and
Greenroom never loses a request.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from greenroom.adapters.egress.listeners import Endpoint
from greenroom.domain.egress import Destination, Reach

LARGEST = 4096
"""Destinations that the kernel tells apart in each set; it still counts the rest in `totals`."""
MOST_OWN = 256
"""Addresses of its own that an environment may reach, the lowest. A program can listen on tens of thousands, and change
them all the time: each change is a transaction that the whole machine's network waits for."""
FORGOTTEN = "30d"
FORGOTTEN_SECONDS = 30 * 86400
DNS = 53


@dataclass(frozen=True)
class Limited:
    """A limited environment on this machine: its application's user, its database's, and what it listens on now."""

    reach: Reach
    user: int
    database: int | None
    own: tuple[Endpoint, ...] = ()
    listens: int = 0
    """On how many addresses it listens; no more than `MOST_OWN` of them are in `own`."""

    @property
    def is_crowded(self) -> bool:
        return self.listens > MOST_OWN

    @property
    def users(self) -> tuple[int, ...]:
        return (self.user,) if self.database is None else (self.user, self.database)


def table_of(root: Path) -> str:
    """The name of a home's table."""
    return f"greenroom_{_digest(root)[:12]}"


def group_of(root: Path) -> int:
    """The netlink group by which the kernel hands a home's look-ups over: one of 20,000, away from the usual ones."""
    return 30_000 + int(_digest(root)[:8], 16) % 20_000


def ruleset(
    table: str,
    group: int,
    limited: Sequence[Limited],
    names: Mapping[str, Collection[str]],
    resolvers: Collection[str],
) -> str:
    """One transaction that makes the table say this, whatever it said before; counters stay."""
    lines = [f"add table inet {table}"]
    lines += [f"add set inet {table} {name} {{ {kind}; }}" for name, kind in {**_COUNTERS, **_SETS}.items()]
    for chain, hook in (("output", "output"), ("input", "input")):
        lines.append(f"add chain inet {table} {chain} {{ type filter hook {hook} priority filter; policy accept; }}")
    lines += [f"add chain inet {table} judge", *(f"flush chain inet {table} {c}" for c in ("output", "input", "judge"))]
    lines += [f"flush set inet {table} {name}" for name in _SETS]
    for name, elements in _elements(limited, names, resolvers).items():
        if elements:
            lines.append(f"add element inet {table} {name} {{ {', '.join(sorted(elements))} }}")
    lines += [f"add rule inet {table} {rule}" for rule in _rules(limited, group)]
    return "\n".join(lines) + "\n"


_COUNTERS = {
    "refused": "typeof meta skuid . ip daddr . meta l4proto . th dport; flags dynamic,timeout; counter; "
    f"size {LARGEST}; timeout {FORGOTTEN}",
    "refused6": "typeof meta skuid . ip6 daddr . meta l4proto . th dport; flags dynamic,timeout; counter; "
    f"size {LARGEST}; timeout {FORGOTTEN}",
    "other": "typeof meta skuid . ip daddr . meta l4proto; flags dynamic,timeout; counter; "
    f"size {LARGEST}; timeout {FORGOTTEN}",
    "other6": "typeof meta skuid . ip6 daddr . meta l4proto; flags dynamic,timeout; counter; "
    f"size {LARGEST}; timeout {FORGOTTEN}",
    "totals": f"typeof meta skuid; flags dynamic; counter; size {LARGEST}",
}
_SETS = {
    "limited": "typeof meta skuid",
    "own": "typeof meta skuid . ip daddr . meta l4proto . th dport",
    "own6": "typeof meta skuid . ip6 daddr . meta l4proto . th dport",
    "named": "typeof meta skuid . ip daddr . th dport",
    "named6": "typeof meta skuid . ip6 daddr . th dport",
    "hosts": "typeof meta skuid . ip daddr",
    "hosts6": "typeof meta skuid . ip6 daddr",
    "resolvers": "type ipv4_addr",
    "resolvers6": "type ipv6_addr",
}


def _elements(
    limited: Sequence[Limited], names: Mapping[str, Collection[str]], resolvers: Collection[str]
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in _SETS}
    for one in limited:
        found["limited"] |= {str(u) for u in one.users}
        found["own"] |= {f"{one.user} . 127.0.0.1 . tcp . {p}" for p in one.reach.ports}
        for e in one.own:
            found[_six("own", e.address)].add(f"{one.user} . {e.address} . {e.protocol} . {e.port}")
        for d in one.reach.allow:
            for address in names.get(d.host or "", ()):
                _add_named(found, one, d, address)
        if one.reach.hosts:
            for address in resolvers:
                found[_six("resolvers", address)].add(address)
                found[_six("named", address)] |= {f"{u} . {address} . {DNS}" for u in one.users}
    return found


def _add_named(found: dict[str, set[str]], one: Limited, d: Destination, address: str) -> None:
    if d.port is not None:
        found[_six("named", address)] |= {f"{u} . {address} . {d.port}" for u in one.users}
    elif not ipaddress.ip_address(address).is_loopback:
        found[_six("hosts", address)] |= {f"{u} . {address}" for u in one.users}


def _rules(limited: Sequence[Limited], group: int) -> Iterable[str]:
    yield "output meta skuid @limited jump judge"
    yield "judge tcp flags & (syn | ack) != syn accept"
    for six, ip in (("", "ip"), ("6", "ip6")):
        yield f"judge meta skuid . {ip} daddr . meta l4proto . th dport @own{six} accept"
        yield f"judge meta l4proto {{ tcp, udp }} meta skuid . {ip} daddr . th dport @named{six} accept"
        yield f"judge meta l4proto {{ tcp, udp }} meta skuid . {ip} daddr @hosts{six} accept"
    for one in limited:
        for d in one.reach.allow:
            if d.network is not None:
                ip = "ip" if d.network.version == 4 else "ip6"
                port = f" th dport {d.port}" if d.port is not None else ""
                who = f"meta skuid {{ {', '.join(map(str, one.users))} }}"
                yield f"judge {who} meta l4proto {{ tcp, udp }} {ip} daddr {d.network}{port} accept"
    if databases := [str(one.database) for one in limited if one.database is not None]:
        # PostgreSQL up to 14 sends its statistics to itself (pgstat.c); without, it never vacuums by itself.
        who = f"meta skuid {{ {', '.join(databases)} }}"
        yield f"judge {who} ip daddr 127.0.0.1 udp dport 32768-65535 accept"
        yield f"judge {who} ip6 daddr ::1 udp dport 32768-65535 accept"
    yield "judge update @totals { meta skuid counter }"
    for six, ip, version in (("", "ip", "ipv4"), ("6", "ip6", "ipv6")):
        with_port = f"{{ meta skuid . {ip} daddr . meta l4proto . th dport counter }}"
        without = f"{{ meta skuid . {ip} daddr . meta l4proto counter }}"
        yield f"judge meta nfproto {version} meta l4proto {{ tcp, udp }} update @refused{six} {with_port}"
        yield f"judge meta nfproto {version} meta l4proto != {{ tcp, udp }} update @other{six} {without}"
    yield f'judge udp dport {DNS} limit rate 50/second burst 100 packets log prefix "asked" group {group} snaplen 512'
    yield "judge meta l4proto tcp reject with tcp reset"  # an ICMP error would reach connect() a second later
    yield "judge reject with icmpx admin-prohibited"
    for six, ip in (("", "ip"), ("6", "ip6")):
        told = f'limit rate 200/second burst 400 packets log prefix "told" group {group} snaplen 1500'
        yield f"input udp sport {DNS} {ip} saddr @resolvers{six} {told}"


def _six(name: str, address: str) -> str:
    return f"{name}6" if ":" in address else name


def _digest(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()
