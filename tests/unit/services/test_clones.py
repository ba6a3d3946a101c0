"""A clone is its owner's, of masked data, one of so many, and goes when nobody asks for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.memory.clones import MemoryClones
from greenroom.adapters.memory.datasets import MemoryVault
from greenroom.domain.clone import CloneState, name_from
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.kinds import DataLabel
from greenroom.domain.roles import Actor, Role
from greenroom.services import accounts, clones
from greenroom.services.app import App
from greenroom.services.custody import CUSTODIAN, Custodian
from tests.clone_support import dataset
from tests.twins import FakeClock
from tests.worlds import FULL, actor, apply, memory_app, memory_world

ADA, BOB = actor(Role.DEVELOPER, name="ada"), actor(Role.TESTER, name="bob")


class Killed(BaseException):
    """The process ends here."""


class Story:
    """Two masked datasets, `old` and then `new`."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = FakeClock()
        self.world = memory_world(tmp_path, FULL, clock=self.clock)
        self.app: App = memory_app(self.world)
        vault, twin = self.world.vault, self.world.clones
        assert isinstance(vault, MemoryVault)
        assert isinstance(twin, MemoryClones)
        self.vault, self.clones = vault, twin
        for age, name in enumerate(("new", "old")):
            self.publish(name, made_at=self.clock.now() - timedelta(hours=age))

    def publish(self, name: str, **more: Any) -> None:
        self.vault._published[name] = dataset(name, **more)

    def configure(self, text: str) -> None:
        apply(self.world, FULL + text)

    def holds(self, owner: str) -> list[tuple[str, str]]:
        return [(c.name, self.clones.holds[c.key]) for c in self.clones.all() if c.owner == owner]

    def told(self) -> list[tuple[str, str, dict[str, Any]]]:
        with self.world.store.database.reading() as tx:
            found = list(self.world.store.recorder.entries(tx))
        return [(e.actor, e.event, dict(e.subject["about"])) for e in found if e.event.startswith("clone.")]


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    found = Story(tmp_path)
    yield found
    found.world.store.database.close()


def refusal(ask: Any) -> str:
    with pytest.raises((Refused, BadInput)) as refused:
        ask()
    assert refused.value.hint
    return refused.value.code


def test_asked_for_again_it_is_the_same(story: Story) -> None:
    """The newest dataset, one address; the ledger tells of it once, and of no address."""
    first = clones.obtain(story.app, ADA, "cart")
    assert (first["dataset"], first["owner"], first["state"]) == ("new", "ada", "ready")
    assert clones.obtain(story.app, ADA, "cart")["url"] == first["url"]
    assert story.told() == [("ada", "clone.created", {"clone": "cart", "owner": "ada", "dataset": "new"})]


def test_each_owner_has_their_own(story: Story) -> None:
    """Two of one name; one asks for theirs and never gets the other's. In no list is there an address."""
    mine, theirs = clones.obtain(story.app, ADA, "main"), clones.obtain(story.app, BOB, "main", dataset="old")
    assert mine["url"] != theirs["url"]
    for who in (ADA, BOB, actor(Role.ENGINEER), actor(Role.ADMINISTRATOR)):
        found = clones.listed(story.app, who)
        assert [(c["name"], c["owner"]) for c in found] == [("main", "ada"), ("main", "bob")]
        assert not any(word in str(found) for word in (mine["url"], "postgresql:", "word-"))


def test_what_was_changed_is_not_lost_by_asking(story: Story) -> None:
    """Another dataset is brought by a reset alone, which keeps the address."""
    first = clones.obtain(story.app, ADA, "cart", dataset="old")
    assert refusal(lambda: clones.obtain(story.app, ADA, "cart", dataset="new")) == "clone.other_dataset"
    assert clones.obtain(story.app, ADA, "cart", dataset="old")["url"] == first["url"]
    again = clones.reset(story.app, ADA, "cart")
    assert (again["dataset"], again["url"]) == ("new", first["url"])
    assert story.holds("ada") == [("cart", "new")]
    assert [kind for _, kind, _ in story.told()] == ["clone.created", "clone.reset"]


def test_without_a_dataset_it_says_what_makes_one(story: Story) -> None:
    """The answer names `greenroom data make`; nothing is left."""
    story.vault._published.clear()
    with pytest.raises(Refused) as refused:
        clones.obtain(story.app, ADA, "cart")
    assert refused.value.code == "data.no_dataset"
    assert "greenroom data make" in refused.value.hint
    assert clones.listed(story.app, ADA) == []


@pytest.mark.parametrize("label", [DataLabel.COPY, DataLabel.LIVE])
def test_unmasked_data_is_refused_whoever_asks(story: Story, label: DataLabel) -> None:
    """Named or newest, made or reset; also by somebody who holds every role."""
    clones.obtain(story.app, Actor("root", frozenset(Role)), "cart")
    story.publish("raw", label=label, made_at=story.clock.now() + timedelta(days=1))
    for who in (ADA, Actor("root", frozenset(Role))):
        assert refusal(lambda who=who: clones.obtain(story.app, who, "other")) == "data.clearance"
        assert refusal(lambda who=who: clones.obtain(story.app, who, "other", dataset="raw")) == "data.clearance"
    root = Actor("root", frozenset(Role))
    assert refusal(lambda: clones.reset(story.app, root, "cart")) == "data.clearance"
    assert story.holds("root") == [("cart", "new")]


def test_a_project_may_allow_less(story: Story) -> None:
    """Where dev is cleared for synthetic data alone, so are clones."""
    apply(story.world, FULL.replace("{follow: main}", "{follow: main, clearance: synthetic}"))
    assert refusal(lambda: clones.obtain(story.app, ADA, "cart")) == "data.clearance"
    story.publish("made-up", label=DataLabel.SYNTHETIC, made_at=story.clock.now())
    assert clones.obtain(story.app, ADA, "cart", dataset="made-up")["label"] == "synthetic"


@pytest.mark.parametrize("role", [Role.CLIENT, Role.MANAGER, Role.OPERATOR, Role.ADMINISTRATOR, Role.AUTOMATION])
def test_who_does_not_develop_has_none(story: Story, role: Role) -> None:
    """Asked for by anybody else, it is refused, and so is the reset of what is not theirs."""
    assert refusal(lambda: clones.obtain(story.app, actor(role), "cart")) == "role.missing"
    assert refusal(lambda: clones.reset(story.app, actor(role), "cart")) == "role.missing"
    assert refusal(lambda: clones.drop(story.app, actor(role), "cart")) == "role.missing"


def test_so_many_each_and_in_all(story: Story) -> None:
    """One more is refused, naming what could go; dropped ones make room."""
    story.configure("data: {clones: {limit: 3, per_owner: 2}}\n")
    for name in ("a", "b"):
        clones.obtain(story.app, ADA, name)
    with pytest.raises(Refused) as refused:
        clones.obtain(story.app, ADA, "c")
    assert (refused.value.code, refused.value.hint) == ("clone.limit", "greenroom clone drop a")
    clones.obtain(story.app, BOB, "a")
    assert refusal(lambda: clones.obtain(story.app, BOB, "b")) == "clone.limit"
    clones.drop(story.app, ADA, "a")
    assert clones.obtain(story.app, BOB, "b")["name"] == "b"
    assert clones.obtain(story.app, ADA, "b")["name"] == "b"  # it is there already: no room is needed


def test_two_at_once_make_one(story: Story) -> None:
    """And many at once for different ones never make more than there may be."""
    story.configure("data: {clones: {limit: 2, per_owner: 2}}\n")
    urls, refused = list[str](), list[str]()

    def ask(name: str) -> None:
        try:
            urls.append(clones.obtain(story.app, ADA, name)["url"])
        except Refused as e:
            refused.append(e.code)

    for names in (["cart"] * 4, ["a", "b", "c", "d"]):
        threads = [threading.Thread(target=ask, args=(n,)) for n in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(set(urls[:4])) == 1
    assert refused == ["clone.limit"] * 3
    assert len(story.clones.all()) == 2
    assert len(story.told()) == 2


@pytest.mark.parametrize("boundary", ["copied", "filled"])
def test_killed_while_it_is_made_it_is_made_again(story: Story, boundary: str) -> None:
    """Half of one counts for nobody: it is swept, or made whole by whoever asks again; the ledger tells of one."""
    for sweeps in (True, False):
        _kill(story, boundary, lambda: clones.obtain(story.app, ADA, "cart"))
        assert [c.state for c in story.clones.all()] == [CloneState.MAKING]
        if sweeps:
            assert story.clones.sweep() == 1
            assert story.clones.all() == []
    assert clones.obtain(story.app, ADA, "cart")["state"] == "ready"
    assert [kind for _, kind, _ in story.told()] == ["clone.created"]


@pytest.mark.parametrize("boundary", ["copied", "filled"])
def test_killed_while_it_is_reset_it_is_filled_when_asked_for(story: Story, boundary: str) -> None:
    """It stays its owner's, under the same address, and never shows what was in it before."""
    first = clones.obtain(story.app, ADA, "cart", dataset="old")
    _kill(story, boundary, lambda: clones.reset(story.app, ADA, "cart", dataset="new"))
    assert story.clones.sweep() == 0
    again = clones.obtain(story.app, ADA, "cart")
    assert (again["url"], again["dataset"], again["state"]) == (first["url"], "new", "ready")
    assert story.holds("ada") == [("cart", "new")]


@pytest.mark.parametrize("boundary", ["copied", "filled"])
def test_killed_while_it_is_reset_to_a_dataset_that_goes_it_says_so(story: Story, boundary: str) -> None:
    """Neither another dataset in silence nor an error without a way out: it is refused each time, with the way out."""
    first = clones.obtain(story.app, ADA, "cart", dataset="old")
    _kill(story, boundary, lambda: clones.reset(story.app, ADA, "cart", dataset="new"))
    del story.vault._published["new"]
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            clones.obtain(story.app, ADA, "cart")
        assert (refused.value.code, refused.value.hint.split(" fills")[0]) == (
            "data.dataset_gone",
            "greenroom clone reset cart",
        )
    again = clones.reset(story.app, ADA, "cart")
    assert (again["url"], again["dataset"], again["state"]) == (first["url"], "old", "ready")
    assert clones.obtain(story.app, ADA, "cart")["url"] == first["url"]


def test_what_fails_leaves_nothing(story: Story) -> None:
    """A full disk, a dataset that is dropped meanwhile: the error is told, and the room is free again."""

    def full(boundary: str) -> None:
        raise OSError(28, "No space left on device")

    story.clones.reached = full
    with pytest.raises(OSError, match="No space"):
        clones.obtain(story.app, ADA, "cart")
    assert (story.clones.all(), story.clones.holds, story.told()) == ([], {}, [])


def test_a_reset_without_room_gives_nothing_up(story: Story) -> None:
    """It is refused before what is in the clone is gone, and before it is on the ledger; the clone stays as it is."""
    first = clones.obtain(story.app, ADA, "cart")
    story.clones.free = 10
    told = story.told()
    assert refusal(lambda: clones.reset(story.app, ADA, "cart")) == "home.no_room"
    assert story.told() == told
    assert clones.obtain(story.app, ADA, "cart")["state"] == first["state"] == "ready"


def test_dropped_is_dropped_once(story: Story) -> None:
    """By its owner, or by who sweeps here; whoever else tries is refused or told that there is none."""
    clones.obtain(story.app, ADA, "cart")
    assert refusal(lambda: clones.drop(story.app, BOB, "cart")) == "clone.unknown"
    assert refusal(lambda: clones.drop(story.app, BOB, "cart", owner="ada")) == "role.missing"
    clones.drop(story.app, actor(Role.ADMINISTRATOR), "cart", owner="ada")
    assert story.clones.all() == []
    assert refusal(lambda: clones.drop(story.app, ADA, "cart")) == "clone.unknown"
    assert story.told()[-1] == ("administrator", "clone.dropped", {"clone": "cart", "owner": "ada", "dataset": "new"})


def test_nobody_asks_for_it_and_it_expires(story: Story) -> None:
    """After the configured time, by itself; each time it is asked for it has the whole time again."""
    story.configure("data: {clones: {expire: 2h}}\n")
    for name in ("kept", "left"):
        clones.obtain(story.app, ADA, name)
    for _ in range(3):
        story.clock.forward(3000)
        clones.obtain(story.app, ADA, "kept")
    Custodian(story.app).look()
    assert [c.name for c in story.clones.all()] == ["kept"]
    assert story.told()[-1] == ("greenroom", "clone.expired", {"clone": "left", "owner": "ada", "dataset": "new"})
    assert clones.expire(story.app, CUSTODIAN) == []


def test_who_may_not_enter_any_more_keeps_no_clone(story: Story) -> None:
    """A disabled account's clones go at the next look: their addresses are still known to somebody."""
    root = actor(Role.ADMINISTRATOR, name="root")
    for who in (ADA, BOB):
        accounts.add(story.app, root, who.name, [r.value for r in who.roles])
        clones.obtain(story.app, who, "cart")
    accounts.disable(story.app, root, "ada")
    assert clones.expire(story.app, CUSTODIAN) == ["cart"]
    assert [c.owner for c in story.clones.all()] == ["bob"]


@pytest.mark.parametrize("name", ["", "../x", "A", "a" * 33, "-", "www", "cart\n", "a;b", "xn--a", "ü"])
def test_a_name_that_is_none_is_refused(story: Story, name: str) -> None:
    """Before anything is made."""
    for ask in (clones.obtain, clones.reset, clones.drop):
        assert refusal(lambda ask=ask: ask(story.app, ADA, name)) == "name.invalid"
    assert story.clones.all() == []


def test_a_branch_becomes_a_name() -> None:
    """A valid one, the same each time; long ones keep apart; what has no letters gives none."""
    assert name_from("feature/New-cart") == "feature-new-cart"
    assert name_from("1234-fix") == "b-1234-fix"
    assert name_from("ümläut/ü") == "ml-ut"
    assert name_from("xn--a") == "xn-a"
    for text in ("", "///", "www", "ü"):
        assert name_from(text) is None
    one, two = name_from("x" * 60), name_from("x" * 61)
    assert one != two
    assert one is not None
    assert len(one) <= 32


def _kill(story: Story, boundary: str, ask: Any) -> None:
    def die(at: str) -> None:
        if at == boundary:
            raise Killed

    story.clones.reached = die
    with pytest.raises(Killed):
        ask()
    story.clones.reached = lambda at: None
