"""Pure parts of the outgoing network: destinations as text, DNS in hostile packets, listeners of the machine, rules."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.egress import dns, nflog
from greenroom.adapters.egress.listeners import Endpoint, Listener, listeners, own_endpoints
from greenroom.adapters.egress.names import WAITED_SECONDS, Names, resolvers
from greenroom.adapters.egress.ruleset import Limited, ruleset
from greenroom.domain.egress import Reach, destination, permits
from tests.outside import question

ANSWER = bytes.fromhex("abcd 8180 0001 0002 0000 0000")
PASSING = range(32768, 61000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("api.example.com", "api.example.com"),
        ("api.example.com:443", "api.example.com:443"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("192.0.2.0/24:25", "192.0.2.0/24:25"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::/32]:443", "[2001:db8::/32]:443"),
        ("localhost:6379", "localhost:6379"),
    ],
)
def test_a_destination_is_said_as_it_is_read(text: str, said: str) -> None:
    """And what is said is read as the same."""
    assert str(destination(text)) == said
    assert destination(said) == destination(text)


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.example.com", "a b", "api.example.com:", "api.example.com:65536", "[::1", "[::1]x", "::/0",
     "0.0.0.0/7", "10.0.0.1/8", "1.2.3", "300.1.1.1", "127.0.0.0/8", "::1",
     "API.example.com", "a\n", "-a.example", "a;drop"],
)  # fmt: skip
def test_what_is_none_is_refused(text: str) -> None:
    """Before it reaches any rule."""
    with pytest.raises(ValueError):
        destination(text)


@given(st.text(max_size=60))
def test_no_text_becomes_part_of_a_rule(text: str) -> None:
    """Whatever is accepted is written with the characters of addresses alone, and only in its own place."""
    try:
        one = destination(text)
    except ValueError:
        return
    made = ruleset("t", 1, [Limited(Reach("qa", (one,)), 5, None)], {one.host or "": ["192.0.2.1"]}, ["192.0.2.53"])
    added = set(made.split()) - set(ruleset("t", 1, [Limited(Reach("qa"), 5, None)], {}, []).split())
    assert all(set(word) <= set("0123456789abcdef.:/{},") or word in _WORDS for word in added), added


_WORDS = {"add", "element", "named", "hosts", "resolvers", "ip", "ip6", "dport", "daddr", "th", "accept", "tcp", "udp"}


def test_a_name_that_becomes_loopback_needs_a_port() -> None:
    """Whoever owns a name could point it at this machine."""
    names = {"evil.example": ["127.0.0.1"]}
    assert not permits(Reach("qa", (destination("evil.example"),)), "127.0.0.1", 5432, names)
    limited = [Limited(Reach("qa", (destination("evil.example"),)), 5, None)]
    assert "127.0.0.1" not in ruleset("t", 1, limited, names, [])


def test_a_look_up_is_read() -> None:
    """The question, and every address of an answer behind its aliases."""
    asked = question("API.Example.com")
    assert dns.question(asked) == "api.example.com"
    alias = bytes.fromhex("c00c 0005 0001 0000003c 0002 c00c")
    record = bytes.fromhex("c00c 0001 0001 0000003c 0004") + socket.inet_aton("192.0.2.9")
    assert dns.told(ANSWER + asked[12:] + alias + record) == ("api.example.com", ("192.0.2.9",))
    assert dns.told(asked) is None and dns.question(ANSWER + asked[12:]) is None


def test_a_name_cannot_paint_a_terminal_nor_run_in_circles() -> None:
    hostile = bytes.fromhex("abcd 0100 0001 0000 0000 0000") + b"\x04a\x1b[2\x00" + b"\0\1\0\1"
    assert dns.question(hostile) == "a?[2"
    assert dns.question(hostile[:12] + bytes.fromhex("c00c 0001 0001")) is None


@given(st.binary(max_size=200))
def test_no_packet_breaks_the_reader(data: bytes) -> None:
    """Whatever an application sends."""
    for packet in (data, b"\x45" + b"\0" * 8 + b"\x11" + data, question("a.b")[:12] + data, ANSWER + data):
        dns.question(dns.payload(packet))
        dns.told(packet)
        dns.question(packet)
        list(nflog.parsed(packet))


def test_what_a_user_listens_on() -> None:
    """On loopback, where nobody else would answer; a UDP socket on a passing port is somebody's client."""
    mine = [
        Listener(Endpoint("0.0.0.0", "tcp", 8000), 5),
        Listener(Endpoint("::", "tcp", 5432), 5),
        Listener(Endpoint("::ffff:127.0.0.1", "tcp", 9000), 5),
        Listener(Endpoint("192.0.2.1", "tcp", 9001), 5),
        Listener(Endpoint("0.0.0.0", "udp", 40000), 5),
        Listener(Endpoint("127.0.0.1", "udp", 5353), 5),
    ]
    others = [Listener(Endpoint("127.0.0.1", "tcp", 5432), 6), Listener(Endpoint("127.0.0.1", "tcp", 1), 6)]
    assert own_endpoints([*mine, *others], {5}, PASSING) == (
        Endpoint("127.0.0.1", "tcp", 8000),
        Endpoint("127.0.0.1", "tcp", 9000),
        Endpoint("127.0.0.1", "udp", 5353),
        Endpoint("::1", "tcp", 5432),
    )


def test_the_machines_tables_are_read(tmp_path: Path) -> None:
    """Listeners only, with their users; a machine without IPv6 has no tables for it."""
    word = struct.unpack("=I", socket.inet_aton("127.0.0.1"))[0]
    lines = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        f"   0: {word:08X}:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000   997        0 1 1",
        f"   1: {word:08X}:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000   997        0 1 1",
    ]
    (tmp_path / "tcp").write_text("\n".join(lines) + "\n")
    assert listeners(tmp_path) == [Listener(Endpoint("127.0.0.1", "tcp", 8080), 997)]


def test_names_keep_their_addresses_for_a_while() -> None:
    """An address stays allowed for ten minutes after it was told last; a resolver that is silent takes nothing away."""
    now, told = [0.0], [["192.0.2.1"], ["192.0.2.2"], []]
    names = Names(lambda: now[0], lambda host: told.pop(0) if len(told) > 1 else told[0])
    try:
        assert names.of(["a.example"]) == {"a.example": ("192.0.2.1",)}
        now[0] = 31.0
        assert _eventually(names) == ("192.0.2.1", "192.0.2.2")
        now[0] = 620.0
        assert names.of(["a.example"]) == {"a.example": ("192.0.2.2",)}
        now[0] = 700.0
        assert names.of(["a.example"]) == {"a.example": ()}
    finally:
        names.close()


def test_the_last_known_is_said_until_the_resolver_answers(tmp_path: Path) -> None:
    """Begun anew with a resolver that takes its time: nobody waits for it, and what was allowed stays so; its answer
    counts once it is there."""
    file, answers = tmp_path / "names.json", threading.Event()

    def slow(host: str) -> list[str]:
        assert answers.wait(30)
        return ["192.0.2.2"]

    before = Names(lambda: 0.0, lambda host: ["192.0.2.1"], file)
    assert before.of(["a.example"]) == {"a.example": ("192.0.2.1",)}
    before.close()
    assert file.stat().st_mode & 0o777 == 0o600
    names = Names(lambda: 0.0, slow, file)
    try:
        began = time.monotonic()
        assert names.of(["a.example"]) == {"a.example": ("192.0.2.1",)}
        assert time.monotonic() - began < WAITED_SECONDS
        answers.set()
        assert _eventually(names) == ("192.0.2.1", "192.0.2.2")
        assert names.of([]) == {}
    finally:
        answers.set()
        names.close()
    assert json.loads(file.read_text()) == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a.example": 7}', '{"a.example": ["1; drop", "x", 3]}'])
def test_what_cannot_be_remembered_is_looked_up(tmp_path: Path, text: str) -> None:
    """And nothing but an address gets into a rule from there."""
    file = tmp_path / "names.json"
    file.write_text(text)
    names = Names(lambda: 0.0, lambda host: ["192.0.2.1"], file)
    try:
        assert _eventually(names) == ("192.0.2.1",)
    finally:
        names.close()


def _eventually(names: Names) -> tuple[str, ...]:
    names.of(["a.example"])
    names._pool.submit(lambda: None).result(5)
    names._pool.shutdown(wait=True)
    found = names._kept("a.example")
    names._pool = type(names._pool)(1)
    return found


def test_resolvers_are_read(tmp_path: Path) -> None:
    """As the machine's own programs read them; what is no address is none."""
    file = tmp_path / "resolv.conf"
    file.write_text("# nameserver 192.0.2.9\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\nnameserver x\nnameserver\n")
    assert resolvers(file) == {"192.0.2.1", "fe80::1"}
    assert resolvers(tmp_path / "absent") == frozenset()
