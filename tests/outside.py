"""A network beside ours that stands for the world: a namespace of the kernel's at the other end of a cable. Needs root.

It listens for TCP and UDP on `PORTS`, answers every DNS question with its own address, and notes what reached it.
"""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.caddy_support import eventually
from tests.conftest import SBIN

PORTS = (9001, 9002)

SERVER = """
import json, select, socket, sys
address4, address6, seen = sys.argv[1:]
notes = open(seen, "a", buffering=1)
sockets = []
for family, address in ((socket.AF_INET, address4), (socket.AF_INET6, address6)):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        for port in (9001, 9002, 53):
            s = socket.socket(family, kind)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((address, port))
            s.listen(100) if kind == socket.SOCK_STREAM else None
            sockets.append(s)
notes.write(json.dumps("listening") + "\\n")
while True:
    for s in select.select(sockets, [], [])[0]:
        port = s.getsockname()[1]
        if s.type == socket.SOCK_STREAM:
            s.accept()[0].close()
            notes.write(json.dumps(["tcp", s.getsockname()[0], port]) + "\\n")
            continue
        data, sender = s.recvfrom(2048)
        notes.write(json.dumps(["udp", s.getsockname()[0], port]) + "\\n")
        if port == 53:
            head = data[:2] + bytes.fromhex("8180 0001 0001 0000 0000")
            record = bytes.fromhex("c00c 0001 0001 0000003c 0004") + socket.inet_aton(address4)
            s.sendto(head + data[12:] + record, sender)
        else:
            s.sendto(b"here", sender)
"""


@dataclass
class Outside:
    """Addresses of the world, and what reached it: protocol, address, port."""

    address: str
    address6: str
    _seen: Path

    @property
    def reached(self) -> list[tuple[str, str, int]]:
        return [tuple(one) for one in map(json.loads, self._seen.read_text().splitlines()[1:])]


@contextmanager
def outside() -> Iterator[Outside]:
    number, tag = secrets.randbelow(60_000), secrets.token_hex(3)
    four, six = f"198.18.{number // 64 % 256}.{number % 64 * 4}", f"fd37:{number:x}:0:1::"
    base = int.from_bytes(socket.inet_aton(four), "big")
    here, there = (socket.inet_ntoa((base + n).to_bytes(4, "big")) for n in (1, 2))
    with tempfile.TemporaryDirectory(prefix="greenroom-outside-") as directory:
        seen = Path(directory) / "seen"
        seen.touch()
        wait = "read -r _; exec " + '"$0" "$@"'
        command = ["unshare", "--net", "sh", "-c", wait, sys.executable, "-c", SERVER, there, f"{six}2", str(seen)]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, env={"PATH": SBIN})
        try:
            eventually(lambda: _network(server.pid) != _network(os.getpid()), "it is beside our network")
            _ip("link", "add", f"gro{tag}", "type", "veth", "peer", "name", f"gri{tag}", "netns", str(server.pid))
            inside = ("nsenter", f"--net=/proc/{server.pid}/ns/net", "ip")
            for ip, link, v4, v6 in ((("ip",), f"gro{tag}", here, f"{six}1"), (inside, f"gri{tag}", there, f"{six}2")):
                _run(*ip, "addr", "add", f"{v4}/30", "dev", link)
                _run(*ip, "addr", "add", f"{v6}/64", "dev", link, "nodad")
                _run(*ip, "link", "set", link, "up")
            assert server.stdin is not None
            server.stdin.write(b"\n")
            server.stdin.flush()
            eventually(lambda: bool(seen.read_text()), "it listens")
            yield Outside(there, f"{six}2", seen)
        finally:
            server.kill()
            server.wait()
            if server.stdin is not None:
                server.stdin.close()
            subprocess.run(["ip", "link", "del", f"gro{tag}"], env={"PATH": SBIN}, capture_output=True)


def as_user(uid: int, do: Callable[[], object]) -> object:
    """What `do` gives, in a process of that user; the OSError it raises is given as its errno's number."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            try:
                found: object = do()
            except OSError as error:
                found = error.errno or str(error)
            os.write(writing, json.dumps(found).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(said)


def connects(address: str, port: int) -> bool:
    """Raises OSError when it does not."""
    with socket.socket(_family(address), socket.SOCK_STREAM) as s:
        s.settimeout(30)
        s.connect((address, port))
        return True


def asks(address: str, port: int, said: bytes = b"?") -> bool:
    """Over UDP, until it is answered. Raises OSError when it is not."""
    with socket.socket(_family(address), socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        s.connect((address, port))
        s.send(said)
        return bool(s.recv(2048))


def pings(address: str, uid: int) -> bool:
    """Sends an ICMP echo that is the user's: the socket is made under its name while root's rights are still there.
    Raises OSError when it may not leave."""
    ctypes.CDLL(None).setfsuid(uid)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
            s.sendto(struct.pack("!BBHHH", 8, 0, 0xF7FE, 1, 0), (address, 0))
            return True
    finally:
        ctypes.CDLL(None).setfsuid(0)


def question(name: str) -> bytes:
    """A DNS question for its IPv4 address."""
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return bytes.fromhex("abcd 0100 0001 0000 0000 0000") + labels + bytes.fromhex("00 0001 0001")


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _network(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, env={"PATH": SBIN})
