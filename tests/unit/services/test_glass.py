"""Break-glass access from its opening to its end, whatever happens in between."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from greenroom.api.metrics import exposition
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.roles import Role
from greenroom.services import accounts, doctor, glass, record_keeping, status
from greenroom.services.app import App
from greenroom.services.custody import Custodian
from greenroom.terminal.path import picture
from greenroom.workflows.world import World
from tests.scripted import ScriptedDatabases
from tests.twins import FakeClock
from tests.worlds import SMALL, actor, memory_app, memory_world, placed, sealed

OPERATOR = actor(Role.OPERATOR)
ROOT = actor(Role.ADMINISTRATOR, name="root")
TEXT = SMALL.replace("dev: {follow: main}", "dev: {}")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """1.0 with a database in every environment."""
    made = memory_world(tmp_path, TEXT)
    release = sealed(made)
    for name in ("dev", "staging", "production"):
        placed(made, release, name)
    yield made
    made.store.database.close()


@pytest.fixture
def app(world: World) -> App:
    return memory_app(world)


def databases(world: World) -> ScriptedDatabases:
    assert isinstance(world.databases, ScriptedDatabases)
    return world.databases


def opened(app: App, environment: str = "production", **more: Any) -> dict[str, Any]:
    return glass.open_glass(app, OPERATOR, environment, **{"reason": "order 4711", "seconds": 1800, **more})[0]


def later(world: World, **length: float) -> None:
    assert isinstance(world.clock, FakeClock)
    world.clock.forward(timedelta(**length).total_seconds())


def doors(world: World, environment: str = "production") -> set[str]:
    return set(databases(world).doors(environment))


def events(app: App) -> list[tuple[str, str]]:
    told = record_keeping.entries(app, OPERATOR)
    return [(e["actor"], e["event"]) for e in told if e["event"].startswith("glass.")]


def test_it_is_seen_by_everybody(app: App, world: World) -> None:
    """Status for a client, its picture, metrics, doctor, log and ledger say who, why and until when; none says the
    URL."""
    with capture_logs() as logged:
        opened_one, url = glass.open_glass(app, OPERATOR, "production", reason="order 4711", seconds=1800)
    path = status.path(app, actor(Role.CLIENT))
    shown = next(e for e in path["environments"] if e["name"] == "production")["glass"]
    assert [(g["id"], g["by"], g["reason"], g["writes"]) for g in shown] == [
        (opened_one["id"], "operator", "order 4711", False)
    ]
    drawn = picture(path, width=120, color=False, unicode=False)
    assert "break-glass: operator reads its database by hand: order 4711" in " ".join(drawn.split())
    metrics = exposition(app, actor(Role.DEVELOPER))[0]
    assert 'greenroom_glass_open{environment="production"} 1.0' in metrics
    assert 'greenroom_glass_open{environment="staging"} 0.0' in metrics
    examined = doctor.examine(app, OPERATOR)
    named = [f for f in examined if f["name"] == "break-glass production"]
    assert [f["outcome"] for f in named] == ["failed"]
    assert opened_one["id"] in named[0]["next"]
    assert [(x["event"], x["log_level"], x["reason"]) for x in logged] == [("glass.opened", "warning", "order 4711")]
    assert events(app) == [("operator", "glass.opened")]
    said = [path, drawn, metrics, examined, logged, record_keeping.entries(app, OPERATOR), glass.listed(app, OPERATOR)]
    password = url.reveal().split(":")[2].partition("@")[0]
    assert password.startswith("door-")
    assert all(password not in repr(s) for s in said)


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.OPERATOR], ids=str)
def test_nobody_but_an_operator(app: App, world: World, role: Role) -> None:
    """Not the administrator either, and no door is opened."""
    for name in ("staging", "production"):
        with pytest.raises(Refused) as refused:
            glass.open_glass(app, actor(role), name, reason="why", seconds=60)
        assert refused.value.code == "role.missing"
        assert doors(world, name) == set()


def test_not_where_developers_work(app: App) -> None:
    """In dev there is nothing to break: the operator is refused as well."""
    with pytest.raises(Refused) as refused:
        opened(app, "dev")
    assert refused.value.code == "role.missing"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"reason": " \n"}, "glass.reason"),
        ({"seconds": 0}, "glass.length"),
        ({"seconds": 4 * 3600 + 1}, "glass.length"),
        ({"seconds": float("nan")}, "glass.length"),
    ],
)
def test_without_reason_or_end_it_is_not_opened(app: App, world: World, more: dict[str, Any], code: str) -> None:
    """A reason of blanks is none; a time is more than nothing and at most four hours."""
    with pytest.raises(BadInput) as bad:
        opened(app, **more)
    assert bad.value.code == code
    assert doors(world) == set()


def test_one_at_a_time_for_a_person(app: App, world: World) -> None:
    """Who is in already is told which one; another operator gets one of their own."""
    first = opened(app)
    with pytest.raises(Refused) as refused:
        opened(app)
    assert refused.value.code == "glass.is_open"
    assert first["id"] in refused.value.hint
    second, _ = glass.open_glass(app, actor(Role.OPERATOR, name="maria"), "production", reason="why", seconds=60)
    assert doors(world) == {first["id"], second["id"]}


def test_closed_by_hand(app: App, world: World) -> None:
    """The door is shut, once on the ledger however often it is asked; any operator may."""
    one = opened(app)
    for _ in range(2):
        told = glass.close(app, actor(Role.OPERATOR, name="maria"), one["id"])
        assert (told["open"], told["closed_why"]) == (False, "closed by hand")
    assert doors(world) == set()
    assert events(app) == [("operator", "glass.opened"), ("maria", "glass.closed")]
    assert record_keeping.verify(app, OPERATOR)["verified"]


def test_a_door_that_does_not_open_is_over(app: App, world: World) -> None:
    """What was written down before is closed again, and says why; nothing is shown as open."""
    databases(world).is_away = True
    with pytest.raises(Errored):
        opened(app)
    assert [g["open"] for g in glass.listed(app, OPERATOR)] == [False]
    assert events(app) == [("operator", "glass.opened"), ("greenroom", "glass.closed")]


def test_its_time_ends_it(app: App, world: World) -> None:
    """The custodian shuts it when its time is over and not before, also in another life of the control plane."""
    opened(app)
    later(world, minutes=29)
    Custodian(memory_app(world)).keep_doors()
    assert len(doors(world)) == 1
    later(world, minutes=1)
    Custodian(memory_app(world)).keep_doors()
    assert doors(world) == set()
    assert events(app)[-1] == ("greenroom", "glass.expired")
    assert record_keeping.verify(app, OPERATOR)["verified"]


def test_who_is_no_operator_any_more_is_out(app: App, world: World) -> None:
    """A disabled account, and one that lost the role, lose what they opened at the next look."""
    accounts.add(app, ROOT, "maria", ["operator"])
    accounts.add(app, ROOT, "ben", ["operator"])
    for name in ("maria", "ben"):
        glass.open_glass(app, actor(Role.OPERATOR, name=name), "production", reason="why", seconds=600)
    mine = opened(app)
    glass.tend(app)
    assert len(doors(world)) == 3
    accounts.disable(app, ROOT, "maria")
    accounts.add(app, ROOT, "ben", ["developer"])
    glass.tend(app)
    assert doors(world) == {mine["id"]}


def test_what_no_row_knows_is_removed(app: App, world: World) -> None:
    """A restored state brings the roles of its time back: they go; what is open stays."""
    mine = opened(app)
    databases(world).open_doors["production"]["glass-old"] = 0
    databases(world).open_doors["staging"] = {"glass-copied": 0}
    glass.tend(app)
    assert doors(world) == {mine["id"]}
    assert doors(world, "staging") == set()


def test_what_a_restore_took_away_is_not_called_open(app: App, world: World) -> None:
    """A row whose door is gone is closed, once it cannot be an opening that is under way."""
    opened(app)
    databases(world).open_doors.clear()
    glass.tend(app)
    assert [g["open"] for g in glass.listed(app, OPERATOR)] == [True]
    later(world, minutes=2)
    glass.tend(app)
    assert [(g["open"], g["closed_why"]) for g in glass.listed(app, OPERATOR)] == [
        (False, "the database was replaced meanwhile")
    ]


def test_while_nobody_answers_it_stays_named(app: App, world: World) -> None:
    """What cannot be shut is not called shut: the doctor goes on naming it, and it is shut as soon as it can be."""
    opened(app)
    later(world, hours=1)
    databases(world).is_away = True
    with capture_logs() as logged:
        glass.tend(app)
    assert [x["event"] for x in logged] == ["glass.not_tended"] * 2
    named = [f for f in doctor.examine(app, OPERATOR) if f["name"] == "break-glass production"]
    assert "should have ended" in named[0]["said"]
    databases(world).is_away = False
    glass.tend(app)
    assert doors(world) == set()
    assert events(app)[-1] == ("greenroom", "glass.expired")


def test_what_is_not_there_is_said(app: App) -> None:
    """Closing one that nobody opened; opening where nothing runs."""
    with pytest.raises(BadInput) as bad:
        glass.close(app, OPERATOR, "glass-0")
    assert bad.value.code == "glass.unknown"
