"""Requests made to mislead: whatever a visitor writes, a real Caddy answers for the environment that was asked for, or
with 421 or 400, and the application is told nothing that only Greenroom may tell it."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from greenroom.domain.kinds import ErrorDetail, Kind
from greenroom.ports.edge import Pointer, Site
from tests.caddy_support import Stage, eventually, free_ports, stage
from tests.load import ask

OURS = "{}.shop.localhost"
REFUSED = (400, 421, 431)
PAIRS = list(itertools.permutations(("production", "staging", "dev"), 2))


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("edge")) as running:
        for environment in running.sites:
            dial = running.apps.start(environment, running.dial(environment))
            running.edge.point(environment, Pointer(dial, f"r-{environment}", 1))
        yield running


def raw(port: int, request: bytes, seconds: float = 5) -> tuple[int, bytes]:
    """Status and what follows, of the first answer to exactly these bytes; 0 when the connection was just closed, or
    nothing was said for so long: whoever must be answered is given a minute."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(request)
        data = b""
        with suppress(ConnectionResetError, TimeoutError):
            while more := client.recv(65536):
                data += more
    status = data.split(b" ", 2)[1] if data.startswith(b"HTTP/1.") else b"0"
    return int(status), data.partition(b"\r\n\r\n")[2]


def get(*lines: bytes, target: bytes = b"/", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join([b"GET " + target + b" " + version, *lines, b"Connection: close", b"", b""])


def assert_answers_only(edge: Stage, port: int, request: bytes, *may: str) -> None:
    """421 or 400, or one of these environments."""
    status, body = raw(port, request)
    if status == 200:
        assert body.decode("latin-1") in may, (request, body)
    else:
        assert status in (0, *REFUSED), (request, status, body)
        assert not any(e.encode() in body for e in edge.sites), (request, body)


KNOWN = OURS.format("production").encode()
NOBODYS = [
    b"", b" ", b"*", b"*.shop.localhost", b"*.*", b"?", b".", b"..", b".shop.localhost", b"shop.localhost",
    b"localhost",
    b"production", b"production.shop", b"production.localhost", b"production.shop.localhost.evil.example",
    b"evil.example/production.shop.localhost", b"evil.example@production.shop.localhost",
    b"production.shop.localhost@evil.example", b"production.shop.localhost#", b"production.shop.localhost/",
    b"production.shop.localhost\\", b"production.shop.localhost%00", b"production%2eshop.localhost",
    b"production.shop.localhost,evil.example", b"production.shop.localhost evil.example",
    b'"production.shop.localhost"', b"'production.shop.localhost'", b"{http.request.host}", b"{env.HOME}",
    b"{file./etc/passwd}", b"[::1]", b"[::1]:80", b"[::ffff:127.0.0.1]", b"[production.shop.localhost]", b"::1",
    b"127.0.0.1", b"127.1", b"0x7f.1", b"2130706433", b"0.0.0.0", b"0", b"-", b"_", b"xn--production-.shop.localhost",
    "prodüction.shop.localhost".encode(), "ｐroduction.shop.localhost".encode(), b"produ\xfftion.shop.localhost",
    b"production.shop.localhost:", b"production.shop.localhost:x", b"production.shop.localhost:99999999",
    b"production.shop.localhost:80:80", b"production..shop.localhost", b"a" * 63 + b".shop.localhost",
    b"a" * 254, b"a" * 60_000, b"a." * 30_000, b"production.shop.localhost.", b"production.shop.localhost..",
]  # fmt: skip


@pytest.mark.parametrize("host", NOBODYS, ids=lambda h: repr(h[:40]))
def test_a_host_that_is_nobodys(edge: Stage, host: bytes) -> None:
    """On the shared port it is 421 or 400; a dot, a port or brackets too many lead at most to the name in them."""
    near = host.strip(b"[]").startswith(KNOWN) and host.strip(b"[]").removeprefix(KNOWN).strip(b".:x9") == b""
    assert_answers_only(edge, edge.edge_port, get(b"Host: " + host), *(("production",) if near else ()))


CONTROLS = [bytes([n]) for n in range(32) if n not in (9, 10, 13)] + [b"\x7f", b"\x80", b"\x9b1m", b"\xc2\x85"]


def test_a_name_of_many_labels_costs_nobody_their_answer(edge: Stage) -> None:
    """Thousands of labels are refused as fast as one: what an unknown visitor writes must not take the edge's time."""
    hosts = (b"a.b." * 5, b"a.b." * 15_000)
    began = [0.0, 0.0]
    for n, host in enumerate(hosts):
        start = time.monotonic()
        for _ in range(5):
            assert raw(edge.edge_port, get(b"Host: " + host), 60)[0] == 421
            assert raw(edge.port("production"), get(b"Host: " + host), 60)[0] == 421
        began[n] = time.monotonic() - start
    assert began[1] < 20 * began[0] + 1, began
    log = edge.home.root / "edge" / "log" / "access.json"
    eventually(lambda: '"host":"' + "a.b." * 15_000 + '"' in log.read_text(), "the log shows the name as it came")


@pytest.mark.parametrize("place", ["before", "within", "behind"])
def test_control_characters_in_a_host(edge: Stage, place: str) -> None:
    """None is passed over: a name with one in it is no name."""
    for control in CONTROLS:
        host = {
            "before": control + KNOWN,
            "within": KNOWN.replace(b".", control + b".", 1),
            "behind": KNOWN + control,
        }[place]
        assert_answers_only(edge, edge.edge_port, get(b"Host: " + host))


def test_letters_of_either_size(edge: Stage) -> None:
    """Host names know no upper and lower case, on every door of the environment."""
    for host in (b"PRODUCTION.SHOP.LOCALHOST", b"Production.Shop.LocalHost:80", b"WWW.PRODUCTION.EXAMPLE.ORG"):
        for port in (edge.edge_port, edge.port("production")):
            assert raw(port, get(b"Host: " + host), 60) == (200, b"production")
        assert_answers_only(edge, edge.port("staging"), get(b"Host: " + host))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_hosts_are_none(edge: Stage, one: str, other: str) -> None:
    """Twice, in one line, folded, or without any: nobody is guessed at."""
    first, second = OURS.format(one).encode(), OURS.format(other).encode()
    for lines in (
        (b"Host: " + first, b"Host: " + second),
        (b"Host: " + first, b"host : " + second),
        (b"Host: " + first + b", " + second,),
        (b"Host: " + first, b" " + second),
        (b"Host:", b"Host: " + second),
        (b"X-Host: " + first,),
        (b"X-Forwarded-Host: " + first, b"X-Original-Host: " + second),
    ):
        assert_answers_only(edge, edge.edge_port, get(*lines))


@pytest.mark.parametrize(("target", "host"), PAIRS)
def test_a_whole_address_as_target(edge: Stage, target: str, host: str) -> None:
    """The address decides, as RFC 9112 (3.2.2) says; at another environment's own port it leads nowhere."""
    there, named = OURS.format(target).encode(), b"Host: " + OURS.format(host).encode()
    for address in (b"http://%s/", b"HTTP://%s/", b"http://%s:80/", b"https://%s/", b"http://user@%s/"):
        assert_answers_only(edge, edge.edge_port, get(named, target=address % there), target)
        assert_answers_only(edge, edge.port(host), get(named, target=address % there))
    assert_answers_only(edge, edge.edge_port, get(named, target=b"//%s/" % there), host)
    assert_answers_only(edge, edge.edge_port, get(b"Host: evil.example", target=b"//%s/" % there))
    for odd in (b"*", there, b"http://", b"http:///", b"://x/", b"\\\\x", b"http://%zz/", b"/\x00", b"/\x7f"):
        assert_answers_only(edge, edge.edge_port, get(named, target=odd), host)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60).filter(lambda b: not set(b) & set(b"\r\n")), st.sampled_from([b"", KNOWN]), st.booleans())
def test_any_bytes_as_a_host(edge: Stage, noise: bytes, known: bytes, before: bool) -> None:
    """No bytes around a known name lead to any environment but that of the name."""
    host = noise + known if before else known + noise
    name = host.strip(b" \t").lower().partition(b":")[0].rstrip(b".")
    may = {OURS.format(e).encode(): e for e in edge.sites}.get(name)
    assert_answers_only(edge, edge.edge_port, get(b"Host: " + host), *((may,) if may else ()))


# --- what reaches the application ------------------------------------------------------------------


@contextmanager
def listening(path: Path) -> Iterator[list[bytes]]:
    """An application that keeps every byte that is sent to it, one entry for each connection."""
    heard: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o777)
    listener.listen(50)

    def serve(client: socket.socket) -> None:
        with client, suppress(ConnectionError):  # the edge may break it off
            client.settimeout(0.5)
            number = len(heard)
            heard.append(b"")
            try:
                while more := client.recv(65536):
                    heard[number] += more
            except TimeoutError:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nheard")

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        path.unlink()


SPOOFED = [
    b"X-Greenroom-User: owner",
    b"x-greenroom-user: owner",
    b"X-GREENROOM-USER: owner",
    b"X-Greenroom-User:owner",
    b"X-Greenroom-User : owner",
    b"X-Greenroom-User\t: owner",
    b" X-Greenroom-User: owner",
    b"X-Honest: yes\r\n X-Greenroom-User: owner",
    b"X-Honest: yes\nX-Greenroom-User: owner",
    b"X-Honest: yes\rX-Greenroom-User: owner",
    b"X-Greenroom-User\x00: owner",
    b"X-Greenroom\x00-User: owner",
    b"X_Greenroom_User: owner",
    b"X-Greenroom_User: owner",
    b"X.Greenroom.User: owner",
    b"X-Greenroom-User: owner\r\nX-Greenroom-User: owner",
    b"Connection: X-Greenroom-User\r\nX-Greenroom-User: owner",
    b"Connection: close, X-Request-Id\r\nX-Greenroom-Role: owner",
]


@pytest.mark.parametrize("header", SPOOFED, ids=repr)
def test_no_word_of_ours_from_a_visitor(edge: Stage, header: bytes) -> None:
    """Refused or removed, in every spelling; what is let through is no name that any server takes for ours."""
    dial = edge.dial("dev")
    path = edge.home.sockets / "heard"
    with listening(path) as heard:
        edge.edge.point("dev", Pointer(f"unix/{path}", "r-heard", 2))
        try:
            status, _ = raw(edge.port("dev"), get(b"Host: localhost", header), 60)
        finally:
            edge.edge.point("dev", Pointer(dial, "r-dev", 2))
    assert status in (200, *REFUSED)
    names = [line.partition(b":")[0].strip().lower() for one in heard for line in one.splitlines()[1:]]
    assert not [n for n in names if n.replace(b"_", b"-").startswith(b"x-greenroom")], heard


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\nX-Greenroom-User: owner\r\n\r\n"
BODIES = {
    "both lengths": (b"Content-Length: 4\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + SMUGGLED),
    "the other way": (
        b"Transfer-Encoding: chunked\r\nContent-Length: %d" % (5 + len(SMUGGLED)),
        b"0\r\n\r\n" + SMUGGLED,
    ),
    "two lengths": (b"Content-Length: 0\r\nContent-Length: %d" % len(SMUGGLED), SMUGGLED),
    "a list of lengths": (b"Content-Length: 0, %d" % len(SMUGGLED), SMUGGLED),
    "a signed length": (b"Content-Length: +%d" % len(SMUGGLED), SMUGGLED),
    "an unknown coding": (b"Transfer-Encoding: xchunked\r\nContent-Length: %d" % len(SMUGGLED), SMUGGLED),
    "a hidden coding": (b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n" + SMUGGLED),
    "a blank in a coding": (b"Transfer-Encoding : chunked", b"0\r\n\r\n" + SMUGGLED),
    "a trailer": (
        b"Transfer-Encoding: chunked\r\nTrailer: X-Greenroom-User",
        b"1\r\nx\r\n0\r\nX-Greenroom-User: owner\r\n\r\n",
    ),
    "an extension": (b"Transfer-Encoding: chunked", b"1;\nX-Greenroom-User: owner\r\nx\r\n0\r\n\r\n"),
}


@pytest.mark.parametrize("how", BODIES)
def test_nothing_is_smuggled_in_a_body(edge: Stage, how: str) -> None:
    """A body never becomes a second request on the application's connection, nor its trailer a word of ours."""
    header, body = BODIES[how]
    request = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + header + b"\r\nConnection: close\r\n\r\n" + body
    dial = edge.dial("dev")
    path = edge.home.sockets / "heard"
    with listening(path) as heard:
        edge.edge.point("dev", Pointer(f"unix/{path}", "r-heard", 3))
        try:
            status, _ = raw(edge.port("dev"), request)
        finally:
            edge.edge.point("dev", Pointer(dial, "r-dev", 3))
    assert status in (0, 200, 501, 502, *REFUSED)  # 502: a body that broke off while it was passed on
    for one in heard:
        head, _, rest = one.partition(b"\r\n\r\n")
        assert not head.startswith(b"GET /smuggled") or b"x-greenroom" not in head.lower(), heard
        assert b"\r\nx-greenroom" not in rest.lower() or b"content-length" in head.lower(), heard


# --- names at the limits of what the configuration takes ---------------------------------------------

LONGEST = "a" + "0-" * 15 + "9"
LABEL = "a" * 63
HOSTS = {
    "e": ("1.example.org", "a-b.example.org", "xn--bcher-kva.example.org"),
    LONGEST: (f"{LABEL}.example.org", f"{LABEL}.{LABEL}.{LABEL}.{'b' * 61}", "SHOUTED.example.org"),
    "z9": ("9", "a--b.example.org", "10.0.0.1", "e.shop.localhost.example.org"),
}


def test_names_at_the_limits(edge: Stage, tmp_path: Path) -> None:
    """The shortest, the longest, digits, hyphens, punycode: each leads to its own environment, on every door, and to no
    other."""
    assert len(LONGEST) == 32 and max(len(h) for names in HOSTS.values() for h in names) == 253
    ports = iter(free_ports(2 * len(HOSTS)))
    sites = {
        name: Site(name, "shop", Kind.DEV, ErrorDetail.FULL, next(ports), next(ports), hosts)
        for name, hosts in HOSTS.items()
    }
    edge.edge.configure([*edge.sites.values(), *sites.values()])
    try:
        for name in sites:
            dial = edge.apps.start(name, f"unix/{edge.home.sockets}/{name}")
            edge.edge.point(name, Pointer(dial, f"r-{name}", 1))
            edge.edge.preview(name, dial)
        for name, site in sites.items():
            for host in (OURS.format(name), *site.hosts):
                for port in (edge.edge_port, site.port, site.preview_port):
                    assert ask(port, host=host).body == name.encode(), (host, port)
                for other in sites.values():
                    if other.environment != name:
                        assert ask(other.port, host=host).status == 421
                        assert ask(other.preview_port, host=host).status == 421
    finally:
        edge.edge.configure(list(edge.sites.values()))
