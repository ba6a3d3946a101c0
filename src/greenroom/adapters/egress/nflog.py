"""What the kernel hands over by `log group`: packets and whose they are (linux/netfilter/nfnetlink_log.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

NETLINK_NETFILTER = 12
_ULOG = 4 << 8
_PACKET, _CONFIG = _ULOG | 0, _ULOG | 1
_CFG_CMD, _CFG_MODE, _BIND, _COPY_PACKET = 1, 2, 1, 2
_PAYLOAD, _PREFIX, _UID = 9, 10, 11
_REQUEST, _ACK, _ERROR = 1, 4, 2
_HEADER = struct.Struct("=IHHII")
RECEIVED = 1 << 16
COPIED = 1500
"""Bytes of each packet."""


@dataclass(frozen=True)
class Logged:
    """One packet: the words that its rule put in front, its user (None where the kernel does not say), its bytes."""

    prefix: str
    user: int | None
    packet: bytes


class PacketLog:
    """A group that is listened to. Raises OSError where the kernel refuses, for example because somebody else listens
    to the group."""

    def __init__(self, group: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        try:
            self._socket.bind((0, 0))
            self._socket.settimeout(1.0)
            self._configure(group, _CFG_CMD, struct.pack("=B3x", _BIND)[:1])
            self._configure(group, _CFG_MODE, struct.pack("!IBx", COPIED, _COPY_PACKET))
        except BaseException:
            self._socket.close()
            raise

    def packets(self) -> list[Logged]:
        """What came within a second; nothing when nothing did. Some may be lost when very many come: they are counted
        elsewhere."""
        try:
            return list(parsed(self._socket.recv(RECEIVED)))
        except TimeoutError:
            return []
        except OSError as error:
            if error.errno == 105:  # ENOBUFS: the kernel had more than it could keep for us
                return []
            raise

    def close(self) -> None:
        self._socket.close()

    def _configure(self, group: int, kind: int, value: bytes) -> None:
        attribute = struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
        body = struct.pack("!BBH", 0, 0, group) + attribute
        self._socket.send(_HEADER.pack(16 + len(body), _CONFIG, _REQUEST | _ACK, 1, 0) + body)
        _, kind_of_answer, *_ = _HEADER.unpack_from(answer := self._socket.recv(RECEIVED))
        code = -struct.unpack_from("=i", answer, 16)[0] if kind_of_answer == _ERROR else 0
        if code:
            raise OSError(code, f"the kernel does not hand over group {group}")


def parsed(data: bytes) -> Iterator[Logged]:
    """The packets in what the kernel sent at once."""
    at = 0
    while at + 20 <= len(data):
        size, kind, *_ = _HEADER.unpack_from(data, at)
        if size < 20:
            return
        if kind == _PACKET:
            yield _logged(data[at + 20 : at + size])
        at += size + (-size % 4)


def _logged(body: bytes) -> Logged:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(body):
        size, kind = struct.unpack_from("=HH", body, at)
        if size < 4:
            break
        found[kind & 0x7FFF] = body[at + 4 : at + size]
        at += size + (-size % 4)
    user = int.from_bytes(found[_UID], "big") if _UID in found else None
    return Logged(found.get(_PREFIX, b"").rstrip(b"\0").decode("ascii", "replace"), user, found.get(_PAYLOAD, b""))
