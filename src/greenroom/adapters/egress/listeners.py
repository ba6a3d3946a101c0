"""What this machine's users listen on, from /proc/net: an application may reach its own processes over loopback."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

NET = Path("/proc/net")
_STATES = {"tcp": "0A", "udp": "07"}  # TCP_LISTEN; TCP_CLOSE, which for UDP means bound and not connected
_LOOPBACK = {4: "127.0.0.1", 6: "::1"}


@dataclass(frozen=True, order=True)
class Endpoint:
    """Where somebody listens; `protocol` is tcp or udp."""

    address: str
    protocol: str
    port: int


@dataclass(frozen=True)
class Listener:
    """An endpoint and the user whose it is."""

    endpoint: Endpoint
    user: int


def listeners(net: Path = NET) -> list[Listener]:
    """Every TCP listener and bound UDP socket of the machine. A table that is not there (no IPv6) has none."""
    found: list[Listener] = []
    for protocol in ("tcp", "udp"):
        for six in ("", "6"):
            try:
                text = (net / f"{protocol}{six}").read_text()
            except FileNotFoundError:
                continue
            found += _parsed(text, protocol)
    return found


def own_endpoints(everything: Iterable[Listener], users: Collection[int], passing: range) -> tuple[Endpoint, ...]:
    """The loopback addresses and ports where whoever connects meets these users and nobody else.

    A wildcard is loopback here. Where somebody else listens too on what would be met, nothing is given: a program may
    bind `[::]:PORT` for IPv6 alone while another environment's database has 127.0.0.1:PORT. `passing`: ports that the
    kernel hands out; a UDP socket on one of them is somebody's client.
    """
    every = list(everything)
    mine = {e for one in every if one.user in users for e in _met(one.endpoint, passing)}
    others = {e for one in every if one.user not in users for e in _met(one.endpoint, passing)}
    return tuple(sorted(mine - others))


def passing_ports(net: Path = Path("/proc/sys/net/ipv4/ip_local_port_range")) -> range:
    """The ports that the kernel hands out by itself."""
    first, last = net.read_text().split()
    return range(int(first), int(last) + 1)


def _met(at: Endpoint, passing: range) -> Sequence[Endpoint]:
    if at.protocol == "udp" and at.port in passing:
        return ()
    ip = ipaddress.ip_address(at.address)
    if ip.is_unspecified:
        versions = (4,) if ip.version == 4 else (4, 6)
        return [Endpoint(_LOOPBACK[v], at.protocol, at.port) for v in versions]
    mapped = getattr(ip, "ipv4_mapped", None)
    if mapped is not None:
        return _met(Endpoint(str(mapped), at.protocol, at.port), passing)
    return [Endpoint(str(ip), at.protocol, at.port)] if ip.is_loopback else ()


def _parsed(text: str, protocol: str) -> Iterator[Listener]:
    """Lines of proc(5): `sl local remote st … uid …`, addresses in hexadecimal words of the machine's order."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[3] == _STATES[protocol]:
            address, _, port = words[1].partition(":")
            yield Listener(Endpoint(_address(address), protocol, int(port, 16)), int(words[7]))


def _address(text: str) -> str:
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    data = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, data)
