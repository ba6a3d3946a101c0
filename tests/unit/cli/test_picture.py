"""`greenroom status` as a picture, for every width and encoding."""

from __future__ import annotations

import copy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from greenroom.domain.errors import Refused
from greenroom.domain.ledger import timestamp
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import judgements, status
from greenroom.terminal.path import picture
from greenroom.terminal.words import age
from tests.worlds import actor, added_work, memory_app, memory_world, placed, sealed


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """1.0 everywhere, 2.0 in dev and on its way into packaging, qa frozen, a release being made, one in trouble."""
    world = memory_world(tmp_path_factory.mktemp("picture"))
    app = memory_app(world)
    old, new = sealed(world, "1.0"), sealed(world, "2.0\x1b[2J")
    for name in ("qa", "packaging", "uat", "staging"):
        placed(world, old, name, ago=7200)
    placed(world, new, "dev", ago=180)
    judgements.freeze(app, actor(Role.MANAGER), "qa", reason="counting\nstock")
    added_work(world, WorkKind.PROMOTION, State.ACTIVE, environment="packaging", release=new, cursor=6)
    trouble = {"message": "the undo failed"}
    added_work(world, WorkKind.ROLLBACK, State.ATTENTION, environment="uat", release=old, error=trouble)
    added_work(world, WorkKind.RELEASE, State.ACTIVE, cursor=1)
    return status.path(app, actor(Role.MANAGER))


def test_across_when_there_is_room(path: dict[str, object]) -> None:
    """One row of boxes, and below it what a person should know, by environment."""
    said = picture(path, width=130, color=False, unicode=True)
    head = next(line for line in said.splitlines() if "╭" in line)
    assert [name for name in head.split() if name.isalpha()] == [
        "dev",
        "qa",
        "packaging",
        "uat",
        "staging",
        "production",
    ]
    for piece in ("● down 3 min", "❄ frozen", "baking", "needs you", "empty", "━━▶", "┄┄▶"):
        assert piece in said
    assert "qa          ❄ frozen by manager: counting stock" in said
    assert "a release of HEAD: build 2/4" in said
    assert "the undo failed; greenroom work show rollback-" in said


def test_downwards_when_it_is_narrow(path: dict[str, object]) -> None:
    """One line per environment, in order, and nothing beyond the width."""
    said = picture(path, width=60, color=False, unicode=True)
    order = ["dev", "qa", "packaging", "uat", "staging", "production"]
    names = [line.split()[0] for line in said.splitlines() if line[2:3].isalpha() and line.split()[0] in order]
    assert names == order
    assert "╭" not in said


@pytest.mark.parametrize("width", [20, 40, 80, 100, 115, 116, 120, 121, 140, 200, 1000])
@pytest.mark.parametrize("unicode", [True, False])
def test_no_line_is_wider_than_the_terminal(path: dict[str, object], width: int, unicode: bool) -> None:
    """Whatever the width."""
    said = picture(path, width=width, color=False, unicode=unicode)
    assert max(cell_len(line) for line in said.splitlines()) <= width


def test_plain_where_the_encoding_has_nothing_else(path: dict[str, object]) -> None:
    """ASCII alone."""
    assert picture(path, width=140, color=False, unicode=False).replace("·", "").isascii()


def test_colours_only_where_asked(path: dict[str, object]) -> None:
    """And nothing that came from elsewhere sends an escape sequence."""
    assert "\x1b" not in picture(path, width=140, color=False, unicode=True)
    coloured = picture(path, width=140, color=True, unicode=True)
    assert "\x1b[" in coloured
    assert "\x1b[2J" not in coloured


def test_a_new_project_says_what_to_do(tmp_path: Path) -> None:
    """An empty path is no riddle."""
    app = memory_app(memory_world(tmp_path))
    assert "greenroom release makes one" in picture(
        status.path(app, actor(Role.MANAGER)), width=80, color=False, unicode=True
    )


def test_what_may_go_says_how(tmp_path: Path) -> None:
    """A passed arrow names the command."""
    world = memory_world(tmp_path)
    new = sealed(world, "2.0")
    placed(world, new, "dev")
    path = status.path(memory_app(world), actor(Role.MANAGER))
    path["environments"][1]["arrow"] |= {"verdict": "passed", "lines": []}
    assert "✓ 2.0 may come in: greenroom promote 2.0 qa" in picture(path, width=130, color=False, unicode=True)


@pytest.mark.parametrize("seconds", [1, 59, 60, 3599, 3600, 86_399, 86_400 * 13, 86_400 * 400])
@pytest.mark.parametrize("unicode", [True, False])
def test_ages_fit_their_boxes(path: dict[str, Any], seconds: int, unicode: bool) -> None:
    """How old what is there is can be read to its end, and plain terminals get plain signs alone."""
    aged = copy.deepcopy(path)
    for environment in aged["environments"]:
        environment["age_seconds"] = float(seconds)
    said = picture(aged, width=130, color=False, unicode=unicode)
    assert f"kept {age(seconds)}" in said
    assert unicode or said.isascii()


def test_a_bake_shows_its_end(tmp_path: Path) -> None:
    """While it goes on, and how to end it now."""
    world = memory_world(tmp_path)
    new = sealed(world, "2.0")
    placed(world, new, "dev")
    end = timestamp(world.clock.now() + timedelta(minutes=9, seconds=30))
    work = added_work(
        world,
        WorkKind.PROMOTION,
        State.ACTIVE,
        environment="qa",
        release=new,
        cursor=6,
        facts={"bake": {"ends_at": end}},
    )
    path = status.path(memory_app(world), actor(Role.MANAGER))
    for width in (60, 130):
        said = " ".join(picture(path, width=width, color=False, unicode=True).split())
        assert "the bake ends by itself in 9 min; greenroom finish" in said
        assert work.id in said.replace(" ", "")


def test_a_newest_commit_that_failed_is_no_secret(tmp_path: Path) -> None:
    """Dev follows a branch: the picture says that its newest commit is not there, and why; once a newer one is tried it
    says so no more."""
    world = memory_world(tmp_path)
    old = sealed(world, "1.0")
    placed(world, old, "dev")
    app, manager = memory_app(world), actor(Role.MANAGER)

    def said() -> str:
        return " ".join(picture(status.path(app, manager), width=200, color=False, unicode=True).split())

    def asked(state: State, commit: str, **columns: Any) -> str:
        world.clock.sleep(1.0)
        request = {"commit": commit, "then_promote": "dev"}
        return added_work(world, WorkKind.RELEASE, state, request=request, **columns).id

    assert "newest commit" not in said()
    error = Refused("release.build_failed", "the build ended with exit code 1", hint="mend it").as_dict()
    failed = asked(State.REJECTED, "5eed" * 10, error=error)
    assert "✗ the newest commit of main, 5eed5eed5eed, failed: the build ended with exit code 1" in said()
    assert f"greenroom work show {failed}" in said()
    asked(State.ACTIVE, "ab1e" * 10, cursor=1)
    assert "newest commit" not in said()
    made = sealed(world, "2.0")
    asked(State.DONE, "ab1f" * 10, release=made)
    assert "newest commit" not in said()
    undone = Refused("check.failed", "the journey said no", hint="mend it").as_dict()
    back = added_work(world, WorkKind.PROMOTION, State.ROLLED_BACK, environment="dev", release=made, error=undone).id
    assert f"✗ the newest commit of main, 2.0, failed: the journey said no; greenroom work show {back}" in said()
