"""Reading DNS in packets (RFC 1035): which name was asked for, and which addresses were told. Pure; hostile input."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator

_A, _AAAA, _CNAME = 1, 28, 5
_UDP = 17
MOST_RECORDS = 64
_LONGEST = 253


def payload(packet: bytes) -> bytes:
    """What a UDP packet carries, from its IP header on; empty for anything else. An IPv6 packet with further headers is
    anything else."""
    if len(packet) < 28:
        return b""
    if packet[0] >> 4 == 4 and packet[9] == _UDP:
        return packet[(packet[0] & 15) * 4 + 8 :]
    if packet[0] >> 4 == 6 and packet[6] == _UDP:
        return packet[48:]
    return b""


def question(message: bytes) -> str | None:
    """The name a message asks for, in lower case and printable; None when it is no question."""
    try:
        flags, questions = struct.unpack_from("!2xHH", message)
        if flags & 0x8000 or questions < 1:
            return None
        return _name(message, 12)[0] or None
    except (struct.error, ValueError, IndexError):
        return None


def told(message: bytes) -> tuple[str, tuple[str, ...]] | None:
    """The name that was asked for and the addresses an answer gives for it; None when it gives none."""
    try:
        flags, questions, answers = struct.unpack_from("!2xHHH", message)
        if not flags & 0x8000 or questions != 1:
            return None
        name, at = _name(message, 12)
        found = tuple(_addresses(message, at + 4, min(answers, MOST_RECORDS)))
    except (struct.error, ValueError, IndexError):
        return None
    return (name, found) if name and found else None


def _addresses(message: bytes, at: int, count: int) -> Iterator[str]:
    """Whatever stands between: an answer for one name gives the addresses at the end of its chain of aliases."""
    for _ in range(count):
        _, at = _name(message, at)
        kind, size = struct.unpack_from("!H6xH", message, at)
        data = message[at + 10 : at + 10 + size]
        at += 10 + size
        if (kind == _A and size == 4) or (kind == _AAAA and size == 16):
            yield str(ipaddress.ip_address(data))


def _name(message: bytes, at: int) -> tuple[str, int]:
    """A name and where it ends. Pointers only lead backwards, so it ends. Raises ValueError, IndexError."""
    labels: list[str] = []
    end, limit = 0, at
    while True:
        size = message[at]
        if size & 0xC0 == 0xC0:
            target = (size & 0x3F) << 8 | message[at + 1]
            end = end or at + 2
            if target >= limit:
                raise ValueError("a pointer that leads forward")
            at = limit = target
        elif size & 0xC0:
            raise ValueError("no label")
        elif size == 0:
            return ".".join(labels), end or at + 1
        else:
            label = message[at + 1 : at + 1 + size]
            if len(label) != size or sum(map(len, labels)) + len(labels) + size > _LONGEST:
                raise ValueError("a name that is too long")
            labels.append("".join(chr(b) if 33 <= b < 127 else "?" for b in label).lower())
            at += 1 + size
