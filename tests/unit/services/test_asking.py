"""Why, schedules and accounts: what is asked for, when, and by whom."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.roles import Role
from greenroom.services import accounts, judgements, promotions
from tests.unit.services.standing import CLIENT, ENGINEER, MANAGER, ROOT, Standing
from tests.worlds import actor

BERLIN = "Europe/Berlin"


def scheduled(story: Standing, local: str, zone: str = BERLIN) -> promotions.Answer:
    return promotions.schedule(story.app, ENGINEER, story.new, "production", local, zone)


def test_a_time_that_is_over_is_refused(story: Standing) -> None:
    """Nothing is kept; a promotion goes at once without a schedule."""
    with pytest.raises(BadInput) as refused:
        scheduled(story, "2026-11-23T09:59")
    assert refused.value.code == "schedule.past"


@pytest.mark.parametrize(
    ("local", "zone"),
    [
        ("tomorrow", BERLIN),
        ("2026-11-24T02:30", "Europe/Atlantis"),
        ("2026-11-24T02:30", "../../etc/passwd"),
        ("2026-11-24T02:30+01:00", BERLIN),
        ("2026-13-01T00:00", BERLIN),
        ("", ""),
    ],
)
def test_what_is_no_local_time_is_refused(story: Standing, local: str, zone: str) -> None:
    """Words, zones that do not exist, offsets: said, not guessed."""
    with pytest.raises(BadInput) as refused:
        scheduled(story, local, zone)
    assert refused.value.code == "schedule.invalid"


def test_a_time_that_the_clock_shows_twice_is_its_first(story: Standing) -> None:
    """In autumn 02:30 comes in summer time first."""
    story.world.clock.at = datetime(2027, 10, 30, 12, tzinfo=UTC)
    work = scheduled(story, "2027-10-31T02:30").work
    assert work is not None
    assert work.not_before is not None
    assert work.not_before.astimezone(UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_the_same_time_twice_is_one_schedule(story: Standing) -> None:
    """The second is refused by its code; another time is another schedule."""
    scheduled(story, "2026-11-24T02:30")
    with pytest.raises(Refused) as refused:
        scheduled(story, "2026-11-24T02:30")
    assert refused.value.code == "schedule.exists"
    assert scheduled(story, "2026-11-24T03:30").work is not None


def test_why_tells_every_gate_in_its_order_and_changes_nothing(story: Standing) -> None:
    """Asked twice, the answer is the same, and no work is begun."""
    first, second = (promotions.why(story.app, CLIENT, story.new, "production") for _ in range(2))
    assert first.decision == second.decision
    assert first.shown == second.shown
    assert first.work is None
    gates = [line.gate for line in first.decision.lines]
    assert {"path", "sealed", "approvals", "freeze", "one_at_a_time"} <= set(gates)
    assert len(gates) == len(set(gates))


def test_why_names_nobody_who_did_not_ask(story: Standing) -> None:
    """In the picture nobody asked yet: only the maker is excluded, and no blank name is printed."""
    from greenroom.services import status

    arrow = status.path(story.app, ENGINEER)["environments"][-1]["arrow"]
    line = next(x for x in arrow["lines"] if x["gate"] == "approvals")
    assert "other than maker, runs: greenroom approve" in line["next"]
    assert "other than  " not in line["next"]


def test_a_new_account_opens_with_its_token_and_no_other(story: Standing) -> None:
    """The token is shown once; another text opens nothing."""
    token = accounts.add(story.app, ROOT, "mona", ["manager", "client", "client"]).reveal()
    assert accounts.authenticate(story.app, token) == actor(Role.MANAGER, Role.CLIENT, name="mona")
    for other in ("", token[:-1], token + "x", "gr_" + "0" * 43, "x" * 200):
        assert accounts.authenticate(story.app, other) is None


def test_new_roles_come_with_a_new_token(story: Standing) -> None:
    """The former token no longer opens anything."""
    old = accounts.add(story.app, ROOT, "mona", ["manager"]).reveal()
    new = accounts.add(story.app, ROOT, "mona", ["tester"]).reveal()
    assert accounts.authenticate(story.app, old) is None
    assert accounts.authenticate(story.app, new) == actor(Role.TESTER, name="mona")


def test_a_disabled_account_opens_nothing(story: Standing) -> None:
    """Its token is refused from then on; its name stays in the list."""
    token = accounts.add(story.app, ROOT, "mona", ["manager"]).reveal()
    accounts.disable(story.app, ROOT, "mona")
    assert accounts.authenticate(story.app, token) is None
    assert next(a for a in accounts.listed(story.app, ROOT) if a["name"] == "mona")["disabled_at"]


def test_an_administrator_stays_one_until_another_says_otherwise(story: Standing) -> None:
    """Nobody takes the role from themselves, nor disables their own account."""
    for act in (
        lambda: accounts.add(story.app, ROOT, "root", ["manager"]),
        lambda: accounts.disable(story.app, ROOT, "root"),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert refused.value.code == "account.own"


@pytest.mark.parametrize("roles", [[], ["king"], ["manager", "root"]])
def test_roles_that_do_not_exist_are_refused(story: Standing, roles: list[str]) -> None:
    """The ones there are are named."""
    with pytest.raises(BadInput) as refused:
        accounts.add(story.app, ROOT, "mona", roles)
    assert refused.value.code == "role.unknown"
    assert "manager" in refused.value.hint


@pytest.mark.parametrize("role", [r for r in Role if r is not Role.ADMINISTRATOR])
def test_accounts_are_an_administrator_s(story: Standing, role: Role) -> None:
    """No other role grants, disables or lists."""
    who = actor(role, name="somebody")
    for act in (
        lambda: accounts.add(story.app, who, "mona", ["manager"]),
        lambda: accounts.disable(story.app, who, "manager"),
        lambda: accounts.listed(story.app, who),
    ):
        with pytest.raises(Refused, match="may not administer"):
            act()


def test_disabling_nobody_is_said(story: Standing) -> None:
    """A misspelt name disables nobody."""
    with pytest.raises(BadInput) as refused:
        accounts.disable(story.app, ROOT, "mna")
    assert refused.value.code == "account.unknown"


def test_who_saw_something_else_is_told_which_command_shows_it(story: Standing) -> None:
    """The hint of a changed approval can be typed as it stands."""
    with pytest.raises(Refused) as refused:
        judgements.approve(story.app, MANAGER, story.new, "production", shown="sha256:0")
    assert refused.value.hint == "greenroom why 2.0 production shows it as it is"
