"""The doctor names every damage that is made here, and what to do about it; a healthy home has none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from greenroom.domain.errors import Errored, Refused
from greenroom.domain.names import short
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.ports.edge import Pointer
from greenroom.services import doctor
from greenroom.store import tables
from greenroom.workflows.instances import Deployment
from greenroom.workflows.world import World
from tests.twins import ANY_CLAIM
from tests.worlds import SMALL, actor, added_work, memory_app, memory_world, placed, sealed

OPERATOR = actor(Role.OPERATOR)
TEXT = SMALL.replace("dev: {follow: main}", "dev: {}")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """1.0 stands in every environment: recorded, pointed to, running."""
    made = memory_world(tmp_path, TEXT)
    release = sealed(made)
    for name in ("dev", "staging", "production"):
        work = placed(made, release, name)
        row = made.environment(name)
        made.edge.point(name, Pointer(row.dial, release, 1))
        place = made.runtime.prepare(name)
        place.data.mkdir(parents=True)
        for spec in Deployment(name, made.release(release), work).specs(place, made.unpacked(release), {}, row.dial):
            made.runtime.start(spec, fence=ANY_CLAIM)
    made.backups.begin("production")
    made.backups.protect("production")
    made.backups.take("production", "backup-1", full=True, say=str)
    yield made
    made.store.database.close()


def damage(world: World) -> dict[str, dict[str, str]]:
    """What did not pass, by name. Every one says what to do next."""
    found = doctor.examine(memory_app(world), OPERATOR)
    bad = {f["name"]: f for f in found if f["outcome"] != "passed"}
    assert all(f["next"] for f in bad.values()), bad
    return bad


def web(world: World, environment: str = "production") -> str:
    return next(i.id for i in world.runtime.instances(environment))


def test_a_healthy_home_has_no_damage(world: World) -> None:
    """Every examination passes, none is left out, and each says what it saw."""
    found = doctor.examine(memory_app(world), OPERATOR)
    assert [f for f in found if f["outcome"] != "passed"] == []
    names = {f["name"].split()[0] for f in found}
    assert {"keeper", "home"} <= names
    assert {
        "strangers",
        "disk",
        "store",
        "ledger",
        "clock",
        "isolation",
        "edge",
        "releases",
        "secrets",
        "backups",
        "work",
    } <= names
    assert {f"environment {e}" for e in ("dev", "staging", "production")} <= {f["name"] for f in found}
    assert all(f["said"] for f in found)


def test_looking_is_for_those_who_may_read_the_ledger(world: World) -> None:
    """A client and a developer are refused."""
    for role in (Role.CLIENT, Role.DEVELOPER):
        with pytest.raises(Refused):
            doctor.examine(memory_app(world), actor(role))


def test_visitors_sent_elsewhere_than_recorded(world: World) -> None:
    """The pointer differs from the row: both addresses are named, for that environment alone."""
    release = world.environment("production").current or ""
    world.edge.point("production", Pointer("127.0.0.1:9", release, 2))
    bad = damage(world)
    assert list(bad) == ["environment production"]
    assert "127.0.0.1:9" in bad["environment production"]["said"]
    assert world.environment("production").dial in bad["environment production"]["said"]


def test_visitors_held_by_nobody(world: World) -> None:
    """Visitors wait although no work is under way."""
    release = world.environment("staging").current or ""
    world.edge.point("staging", Pointer(None, release, 2))
    assert list(damage(world)) == ["environment staging"]


def test_an_instance_that_ended(world: World) -> None:
    """It is named with how it ended, and where to look."""
    world.runtime.exits(web(world), "exit code 3")
    bad = damage(world)["environment production"]
    assert web(world) in bad["said"]
    assert "exit code 3" in bad["said"]
    assert bad["next"] == "greenroom logs production shows why"


def test_an_instance_that_is_not_there(world: World) -> None:
    """A process that nobody keeps any more is missed: nothing running is not the same as nothing wrong."""
    missing = web(world, "dev")
    world.runtime.stop(missing, seconds=1, fence=ANY_CLAIM)
    assert damage(world)["environment dev"]["said"] == f"{missing} is not there"


def test_work_under_way_is_not_called_damage(world: World) -> None:
    """While work holds an environment its pointer and processes may differ from the row."""
    world.runtime.stop(web(world), seconds=1, fence=ANY_CLAIM)
    added_work(
        world, WorkKind.PROMOTION, State.ACTIVE, environment="production", release=world.environment("dev").current
    )
    assert damage(world) == {}


def test_an_environment_that_cannot_be_looked_at_hides_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not be told for one; the other's damage is still named."""
    read = world.edge.pointer

    def broken(environment: str) -> Pointer | None:
        if environment == "dev":
            raise Errored("edge.unreadable", "the pointer of dev cannot be read", hint="look at the disk")
        return read(environment)

    world.runtime.stop(web(world), seconds=1, fence=ANY_CLAIM)
    monkeypatch.setattr(world.edge, "pointer", broken)
    bad = damage(world)
    assert bad["environment dev"]["outcome"] == "errored"
    assert bad["environment production"]["outcome"] == "failed"


def test_a_release_that_was_tampered_with(world: World) -> None:
    """It is named, with the file that was changed nowhere near the words `passed`."""
    release = world.environment("production").current or ""
    world.artifacts.tamper(release, "app.py")
    bad = damage(world)
    assert list(bad) == [f"release {short(release)}"]
    assert "changed after it was sealed" in bad[f"release {short(release)}"]["said"]
    assert "releases" not in {f["name"] for f in doctor.examine(memory_app(world), OPERATOR)}


def test_a_release_whose_bytes_are_gone(world: World) -> None:
    """In use and not in the store: damage."""
    release = world.environment("production").current or ""
    del world.artifacts.stored[release]
    assert f"release {short(release)}" in damage(world)


def test_a_table_that_says_something_else_than_the_ledger(world: World) -> None:
    """A row changed past Greenroom is found by what the ledger says of it."""
    with world.store.database.transaction() as tx:
        tx.execute(update(tables.account).where(tables.account.c.id == "client").values(roles=["administrator"]))
    assert "client" in damage(world)["ledger"]["said"]


def test_an_entry_of_the_ledger_that_was_changed(world: World) -> None:
    """The chain breaks at the entry, which is named by its number. The store lets nobody do that but with force."""
    with world.store.database.transaction() as tx:
        for name in tx.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all():
            tx.exec_driver_sql(f'DROP TRIGGER "{name}"')
        tx.exec_driver_sql("UPDATE ledger SET actor = 'nobody' WHERE seq = 3")
    assert damage(world)["ledger"]["said"].startswith("entry 3:")


def test_secrets_that_do_not_open(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is another one: said as it is, with the way out."""

    def unreadable(environment: str) -> None:
        raise Refused("secrets.unreadable", "the secrets of dev do not open", hint="bring back private/ from one copy")

    monkeypatch.setattr(world.secrets, "values", unreadable)
    bad = damage(world)
    assert list(bad) == ["secrets"]
    assert bad["secrets"]["outcome"] == "failed"
    assert bad["secrets"]["next"] == "bring back private/ from one copy"


def test_work_that_needs_a_person(world: World) -> None:
    """It is named with its error, and how to go on."""
    work = added_work(world, WorkKind.CHECK, State.ATTENTION, environment="dev", error={"message": "the disk is full"})
    bad = damage(world)["work"]
    assert work.id in bad["said"]
    assert "the disk is full" in bad["said"]
    assert f"greenroom resume {work.id}" in bad["next"]


def test_a_clock_behind_the_ledger(world: World) -> None:
    """An entry from the future means that the clock went back."""
    world.clock.at -= timedelta(hours=2)
    assert "are of a time to come: 1 (account.granted)" in damage(world)["clock"]["said"]


def test_an_edge_that_does_not_answer(world: World) -> None:
    """Nobody is let in: how to start it."""
    world.edge.is_alive = False
    assert "greenroom up" in damage(world)["edge"]["next"]


def test_a_disk_that_is_nearly_full(world: World) -> None:
    """Less than a gigabyte is said before it is nothing."""
    world.house.free = 1 << 29
    assert "537 MB free under" in damage(world)["disk"]["said"]


def test_whatever_breaks_while_looking_is_a_finding(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An examination that breaks says so; the others are carried out."""
    monkeypatch.setattr(world.edge, "alive", lambda: 1 / 0)
    bad = damage(world)
    assert list(bad) == ["edge"]
    assert bad["edge"]["outcome"] == "errored"
