"""Every `Egress` keeps the port's promises; the real one moreover in front of a network that stands for the world."""

from __future__ import annotations

import errno
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.egress.nftables import NftEgress
from greenroom.adapters.egress.ruleset import MOST_OWN, table_of
from greenroom.adapters.home import Home
from greenroom.adapters.memory.egress import MemoryEgress
from greenroom.adapters.postgres.record import user_name
from greenroom.adapters.runtimes import users
from greenroom.domain.egress import Reach, Refusal, destination
from greenroom.domain.errors import BadInput
from greenroom.ports.egress import Egress
from tests.caddy_support import eventually
from tests.conftest import SBIN
from tests.outside import Outside, as_user, asks, connects, outside, pings, question
from tests.runtime_support import remove_user

PARTNER = "partner.example"


@dataclass
class Real:
    """nftables under a home of its own; `qa` and `dev` have users."""

    home: Home
    world: Outside
    egress: NftEgress
    users: dict[str, int]
    resolves: dict[str, list[str]] = field(default_factory=dict)

    def other(self) -> NftEgress:
        """Another control plane over the same home."""
        conf = self.home.private / "resolv.conf"
        conf.write_text(f"# written for a test\nnameserver {self.world.address}\n")
        resolve = lambda host: self.resolves.get(host, [])  # noqa: E731
        return NftEgress(self.home, "shop", SystemClock(), resolve=resolve, resolv_conf=conf)

    def table(self) -> str:
        return table_of(self.home.root)

    def tries(self, environment: str, address: str, port: int, protocol: str = "tcp") -> bool:
        do = asks if protocol == "udp" else connects
        return as_user(self.users[environment], lambda: do(address, port)) is True


@dataclass
class Stage:
    """An egress, and how an application of an environment tries to reach somebody."""

    egress: Egress
    tries: Callable[..., bool]
    address: str
    address6: str

    def row(self, address: str, port: int, protocol: str = "tcp", environment: str = "qa") -> Refusal | None:
        rows = self.egress.refused(environment).refusals
        return next((r for r in rows if (r.address, r.port, r.protocol) == (address, port, protocol)), None)


@pytest.fixture(scope="module")
def ground() -> Iterator[Real]:
    root = Path(tempfile.mkdtemp(prefix="greenroom-egress-", dir="/tmp"))
    home = Home.at(root / "home")
    with outside() as world:
        made = Real(home, world, NftEgress(home, "shop", SystemClock()), {}, {PARTNER: [world.address, world.address6]})
        names = {e: users.environment_user(home, "shop", e) for e in ("qa", "dev")}
        names["database"] = user_name(home, "shop", "qa")
        try:
            made.users = {e: users.ensure_user(name).uid for e, name in names.items()}
            yield made
        finally:
            for name in names.values():
                remove_user(name)
            shutil.rmtree(home.run, ignore_errors=True)
            shutil.rmtree(root)


@pytest.fixture
def real(ground: Real) -> Iterator[Real]:
    ground.egress = ground.other()
    yield ground
    ground.egress.lift()
    for name in ("egress.json", "egress-names.json"):
        (ground.home.private / name).unlink(missing_ok=True)


@pytest.fixture(params=["memory", pytest.param("nftables", marks=pytest.mark.needs("nft"))])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "nftables":
        real: Real = request.getfixturevalue("real")
        return Stage(real.egress, real.tries, real.world.address, real.world.address6)
    twin = MemoryEgress(SystemClock(), {PARTNER: ["198.18.0.2", "fd37::2"]})
    return Stage(twin, twin.reach, "198.18.0.2", "fd37::2")


def qa(*allow: str, ports: tuple[int, ...] = ()) -> Reach:
    return Reach("qa", tuple(map(destination, allow)), ports)


def test_what_is_not_allowed_is_refused_and_counted(stage: Stage) -> None:
    """By destination, with how often and for which release; over IPv4 and IPv6, TCP and UDP. Others go on."""
    stage.egress.limit([qa()])
    stage.egress.look({"qa": ["abc123"]})
    for _ in range(3):
        assert not stage.tries("qa", stage.address, 9001)
    assert not stage.tries("qa", stage.address6, 9002)
    assert not stage.tries("qa", stage.address, 9001, "udp")
    assert stage.tries("dev", stage.address, 9001) and stage.tries("dev", stage.address6, 9002)
    first = stage.row(stage.address, 9001)
    assert first is not None and first.count == 3 and first.releases == ("abc123",)
    assert first.first <= first.last
    assert stage.row(stage.address6, 9002) is not None and stage.row(stage.address, 9001, "udp") is not None
    assert stage.egress.refused("qa").total == 5
    assert stage.egress.refused("dev").total == 0


@pytest.mark.parametrize(
    "allowed",
    ["{four}:9001", "{four}", "{four}/32:9001", "198.18.0.0/15:9001", "[{six}]:9001", "[fd37::/16]:9001",
     f"{PARTNER}:9001", PARTNER],
)  # fmt: skip
def test_what_is_allowed_is_reached(stage: Stage, allowed: str) -> None:
    """By address, network and name, with one port or every port, and by nobody else; nothing beyond it."""
    text = allowed.format(four=stage.address, six=stage.address6)
    stage.egress.limit([qa(text), Reach("dev")])
    one = destination(text)
    for address in (stage.address, stage.address6):
        is_this = one.host is not None or (one.network is not None and (one.network.version == 6) == (":" in address))
        assert stage.tries("qa", address, 9001) is is_this
        assert stage.tries("qa", address, 9001, "udp") is is_this
        assert stage.tries("qa", address, 9002) is (is_this and one.port is None)
        assert not stage.tries("dev", address, 9001)


def test_a_change_holds_at_once_and_forgets_nothing(stage: Stage) -> None:
    """What was counted stays through every change, a repetition changes nothing, and afterwards nothing is limited."""
    stage.egress.limit([qa()])
    assert not stage.tries("qa", stage.address, 9001)
    stage.egress.limit([qa(f"{stage.address}:9001")])
    stage.egress.limit([qa(f"{stage.address}:9001")])
    assert stage.tries("qa", stage.address, 9001) and not stage.tries("qa", stage.address, 9002)
    stage.egress.limit([qa()])
    assert not stage.tries("qa", stage.address, 9001)
    assert stage.egress.standing().limited == {"qa"}
    found = stage.row(stage.address, 9001)
    assert found is not None and found.count == 2
    stage.egress.lift()
    assert stage.tries("qa", stage.address, 9001)
    assert stage.egress.standing().limited == frozenset()
    assert stage.egress.refused("qa").total == 3


def test_nobody_is_limited_who_need_not_be(stage: Stage) -> None:
    """An empty list of wishes limits nobody."""
    stage.egress.limit([])
    assert stage.tries("qa", stage.address, 9001)
    assert stage.egress.standing().is_possible and stage.egress.standing().limited == frozenset()


@pytest.mark.parametrize("environment", ["", "../qa", "a/b", "qa\0"])
def test_hostile_environments_are_refused(stage: Stage, environment: str) -> None:
    with pytest.raises(BadInput):
        stage.egress.refused(environment)


@pytest.mark.needs("nft")
def test_nothing_leaves_and_programs_hear_at_once(real: Real) -> None:
    """A connection is refused as if nobody listened there, a packet does not leave, and nothing arrives."""
    real.egress.limit([qa()])
    before = len(real.world.reached)
    user = real.users["qa"]
    assert as_user(user, lambda: connects(real.world.address, 9001)) == errno.ECONNREFUSED
    assert as_user(user, lambda: connects(real.world.address6, 9001)) == errno.ECONNREFUSED
    assert as_user(user, lambda: asks(real.world.address, 9001)) == errno.EPERM
    with pytest.raises(OSError):
        pings(real.world.address, user)
    assert pings(real.world.address, 0)
    assert real.tries("dev", real.world.address, 9002)  # what was sent before it would have arrived before it
    assert [r for r in real.world.reached[before:] if r[2] != 9002] == []
    other = {(r.protocol, r.port): r.count for r in real.egress.refused("qa").refusals}
    assert other["icmp", 0] == 1


@pytest.mark.needs("nft")
def test_this_machine_is_not_the_environments_own(real: Real) -> None:
    """On loopback it reaches what Greenroom gave it and what it listens on itself, and nobody else: not even where it
    binds the same port beside another."""
    with socket.create_server(("127.0.0.1", 0)) as given, socket.create_server(("127.0.0.1", 0)) as others:
        real.egress.limit([qa(ports=(given.getsockname()[1],))])
        assert real.tries("qa", "127.0.0.1", given.getsockname()[1])
        assert not real.tries("qa", "127.0.0.1", others.getsockname()[1])
        port = others.getsockname()[1]
        mine = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        mine.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _belongs_to(real.users["qa"], mine)
        mine.bind(("::", port))
        mine.listen()
        with mine:
            real.egress.look({})
            assert real.tries("qa", "::1", port)
            assert not real.tries("qa", "127.0.0.1", port)
        real.egress.look({})
        assert not real.tries("qa", "::1", port)


@pytest.mark.needs("nft")
def test_a_crowd_of_listeners_makes_no_crowd_of_rules(real: Real) -> None:
    """Of hundreds of addresses that it listens on so many are its own, the lowest, and it is said; fewer again, all."""
    with ExitStack() as held:
        mine = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(MOST_OWN + 50)]
        for one in mine:
            _belongs_to(real.users["qa"], one)
        ports = sorted(int(one.getsockname()[1]) for one in mine)
        real.egress.limit([qa()])
        told = subprocess.run(
            ["nft", "list", "set", "inet", real.table(), "own"], capture_output=True, text=True, env={"PATH": SBIN}
        )
        assert told.stdout.count(". tcp .") == MOST_OWN
        assert real.egress.standing().crowded == {"qa"}
        assert real.tries("qa", "127.0.0.1", ports[0])
        assert not real.tries("qa", "127.0.0.1", ports[-1])
        for one in mine[50:]:
            one.close()
        real.egress.look({})
        assert real.egress.standing().crowded == frozenset()
        assert real.tries("qa", "127.0.0.1", int(mine[49].getsockname()[1]))


@pytest.mark.needs("nft")
def test_a_slow_resolver_cuts_nobody_off(real: Real) -> None:
    """The next control plane begins while names cannot be looked up: what was allowed by name stays reachable."""
    real.egress.limit([qa(f"{PARTNER}:9001")])
    assert real.tries("qa", real.world.address, 9001)
    answers = threading.Event()

    def slow(host: str) -> list[str]:
        answers.wait(60)
        return []

    after = NftEgress(real.home, "shop", SystemClock(), resolve=slow, resolv_conf=real.home.private / "resolv.conf")
    try:
        after.limit([qa(f"{PARTNER}:9001")])
        assert real.tries("qa", real.world.address, 9001)
    finally:
        answers.set()
        after.lift()


@pytest.mark.needs("nft")
def test_its_database_is_limited_too(real: Real) -> None:
    """A database with production's rows can connect by itself: a subscription, a foreign table."""
    real.egress.limit([qa()])
    assert as_user(real.users["database"], lambda: connects(real.world.address, 9001)) == errno.ECONNREFUSED
    assert real.egress.refused("qa").total == 1


@pytest.mark.needs("nft")
def test_rules_that_were_taken_away_come_back(real: Real) -> None:
    """Another program flushed the machine's rules: the next look puts ours back, and says meanwhile that they are gone.
    What was counted before stays, and counting goes on."""
    real.egress.limit([qa()])
    assert not real.tries("qa", real.world.address, 9001)
    real.egress.look({})
    _nft("delete", "table", "inet", real.table())
    assert real.other().standing().limited == frozenset()
    assert real.tries("qa", real.world.address, 9001)
    real.egress.look({})
    assert not real.tries("qa", real.world.address, 9001)
    assert real.egress.refused("qa").total == 2


@pytest.mark.needs("nft")
def test_it_outlives_the_control_plane(real: Real) -> None:
    """The kernel goes on refusing and counting while nobody looks; the next control plane adds it up."""
    real.egress.limit([qa()])
    assert not real.tries("qa", real.world.address, 9001)
    real.egress.look({"qa": ["one"]})
    assert not real.tries("qa", real.world.address, 9001)
    later = real.other()
    later.limit([qa()])
    later.look({"qa": ["two"]})
    found = later.refused("qa")
    assert found.total == 2 and found.refusals[0].releases == ("one", "two")


@pytest.mark.needs("nft")
def test_nothing_else_of_the_machine_is_touched(real: Real) -> None:
    """Rules of others are word for word what they were, and of ours nothing is left."""
    theirs = f"greenroom_test_{real.users['qa']}"
    _nft("add", "table", "inet", theirs)
    try:
        _nft("add", "chain", "inet", theirs, "out", "{ type filter hook output priority 10; policy accept; }")
        _nft("add", "rule", "inet", theirs, "out", "meta skuid 4294967000 drop")
        before = _nft("list", "table", "inet", theirs)
        real.egress.limit([qa("192.0.2.0/24")])
        real.egress.look({})
        assert real.table() in _nft("list", "tables")
        assert _nft("list", "table", "inet", theirs) == before
        real.egress.lift()
        assert real.table() not in _nft("list", "tables")
        assert _nft("list", "table", "inet", theirs) == before
    finally:
        _nft("delete", "table", "inet", theirs)


@pytest.mark.needs("nft")
def test_refused_look_ups_are_named(real: Real) -> None:
    """Where nothing is allowed by name no look-up leaves, and which names were wanted is known."""
    real.egress.limit([qa("192.0.2.0/24")])
    real.egress.look({})
    resolver, user = real.world.address, real.users["qa"]
    for _ in range(2):
        assert as_user(user, lambda: asks(resolver, 53, question("api.payments.example"))) == errno.EPERM

    def named() -> bool:
        real.egress.look({})
        rows = [r for r in real.egress.refused("qa").refusals if r.port == 53]
        return bool(rows) and rows[0].asked == (("api.payments.example", 2),)

    eventually(named, "the kernel hands them over")


@pytest.mark.needs("nft")
def test_refused_addresses_are_named_by_what_was_told(real: Real) -> None:
    """Where names are allowed the resolver is reached, and an address that is refused carries the name it had."""
    real.egress.limit([qa(f"{PARTNER}:9001")])
    real.egress.look({})
    resolver, user = real.world.address, real.users["qa"]
    assert as_user(user, lambda: asks(resolver, 53, question("tracker.example"))) is True
    assert not real.tries("qa", resolver, 9002)

    def named() -> bool:
        real.egress.look({})
        rows = [r for r in real.egress.refused("qa").refusals if r.port == 9002]
        return bool(rows) and rows[0].name == "tracker.example"

    eventually(named, "the kernel hands it over")


@pytest.mark.needs("root")
def test_without_the_right_to_set_rules_it_says_so() -> None:
    """As in most containers: nothing happens, nothing fails, and why is told."""
    script = (
        "from pathlib import Path; import tempfile;"
        "from greenroom.adapters.home import Home; from greenroom.adapters.clock import SystemClock;"
        "from greenroom.adapters.egress.nftables import NftEgress; from greenroom.domain.egress import Reach;"
        "home = Home.at(Path(tempfile.mkdtemp()) / 'home'); e = NftEgress(home, 'shop', SystemClock());"
        "e.limit([Reach('qa')]); e.look({}); print(e.standing()); e.lift();"
        "import shutil; shutil.rmtree(home.root.parent); shutil.rmtree(home.run)"
    )
    words = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin", sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "is_possible=False" in done.stdout
    assert "CAP_NET_ADMIN" in done.stdout or "not installed" in done.stdout


def _belongs_to(uid: int, made: socket.socket) -> None:
    """As if the user had made it."""
    import os

    os.fchown(made.fileno(), uid, uid)


def _nft(*words: str) -> str:
    done = subprocess.run(["nft", *words], capture_output=True, text=True, env={"PATH": SBIN}, check=True)
    return done.stdout
