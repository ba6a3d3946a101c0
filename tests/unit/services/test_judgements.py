"""Overrides, freezes and revoked evidence: who may, what it changes, and what it wakes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import accounts, judgements, promotions
from tests.unit.services.standing import CLIENT, ENGINEER, MANAGER, ROOT, Standing
from tests.worlds import actor

WHY = "data loss, see #812"


def frozen(story: Standing, *, until_in: float | None = None) -> None:
    until = None if until_in is None else story.world.clock.now() + timedelta(seconds=until_in)
    judgements.freeze(story.app, MANAGER, "production", reason="Christmas trade", until=until)


def overridden(story: Standing, gate: str = "freeze", *, seconds: float = 3600, **more: object) -> dict:
    who = more.pop("by", MANAGER)
    reason = more.pop("reason", WHY)
    return judgements.override(story.app, who, gate, story.new, "production", reason=reason, seconds=seconds)


def test_an_open_ended_freeze_refuses_and_is_lifted(story: Standing) -> None:
    """Nothing ordinary is asked in; the checklist names who froze it and the command that thaws."""
    frozen(story)
    with pytest.raises(Refused) as refused:
        promotions.promote(story.app, ENGINEER, story.new, "production")
    assert refused.value.code == "gate.freeze_open_ended"
    assert "manager" in refused.value.because
    assert "greenroom thaw production" in refused.value.hint
    assert judgements.thaw(story.app, MANAGER, "production") == 1
    assert story.passed("freeze")


def test_thawing_wakes_what_waits(story: Standing) -> None:
    """Work that a freeze with an end kept waiting goes on at once when it is lifted."""
    frozen(story, until_in=86_400)
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    assert story.decided_again(work).state is State.WAITING
    before = story.pokes
    judgements.thaw(story.app, MANAGER, "production")
    assert story.work(work.id).state is State.QUEUED
    assert story.pokes == before + 1
    assert story.run(work.id).state is State.DONE


def test_thawing_lifts_every_freeze_and_those_of_this_environment_alone(story: Standing) -> None:
    """Two in production, one in staging: two are lifted, the other holds."""
    frozen(story)
    frozen(story, until_in=60)
    judgements.freeze(story.app, MANAGER, "staging", reason="a demonstration")
    assert judgements.thaw(story.app, MANAGER, "production") == 2
    assert judgements.thaw(story.app, MANAGER, "production") == 0
    line = next(
        x for x in promotions.why(story.app, ENGINEER, story.new, "staging").decision.lines if x.gate == "freeze"
    )
    assert "a demonstration" in line.verdict.because


def test_a_freeze_ends_by_itself(story: Standing) -> None:
    """At its end nobody needs to do anything."""
    frozen(story, until_in=60)
    assert not story.passed("freeze")
    story.world.clock.forward(60)
    assert story.passed("freeze")


@pytest.mark.parametrize("role", [Role.CLIENT, Role.ENGINEER, Role.DEVELOPER, Role.TESTER, Role.ADMINISTRATOR])
def test_freezing_and_thawing_is_for_managers_and_operators(story: Standing, role: Role) -> None:
    """Nobody else freezes production, nor lifts a freeze."""
    with pytest.raises(Refused, match="may not freeze"):
        judgements.freeze(story.app, actor(role), "production", reason="because")
    with pytest.raises(Refused, match="may not freeze"):
        judgements.thaw(story.app, actor(role), "production")


def test_a_freeze_says_why(story: Standing) -> None:
    """A blank reason is none."""
    with pytest.raises(BadInput) as refused:
        judgements.freeze(story.app, MANAGER, "production", reason="  ")
    assert refused.value.code == "freeze.reason"


def test_who_only_looks_is_not_taken_for_whoever_asked(story: Standing) -> None:
    """A manager who reads the checklist may approve, and reads so; an engineer would be the one who asked."""
    said = {
        who.name: next(
            x.verdict.next
            for x in promotions.why(story.app, who, story.new, "production").decision.lines
            if x.gate == "approvals"
        )
        for who in (MANAGER, ENGINEER)
    }
    assert "other than maker," in said["manager"]
    assert "other than engineer or maker," in said["engineer"]


def test_a_rollback_is_allowed_in_a_freeze(story: Standing) -> None:
    """Going back never waits for a calendar."""
    story.world.clock.forward(60)
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    story.run(work.id)
    frozen(story)
    assert promotions.roll_back(story.app, ENGINEER, "production", dry_run=True).decision.passed


def test_an_override_sets_one_gate_aside_for_a_while(story: Standing) -> None:
    """It is shown by name while it holds, and is over when it says."""
    frozen(story)
    overridden(story, seconds=60)
    assert story.passed("freeze")
    assert story.line("freeze").as_dict()["overridden_by"] == "manager"
    assert not story.passed("approvals")
    story.world.clock.forward(60)
    assert not story.passed("freeze")


def test_an_override_wakes_what_waits(story: Standing) -> None:
    """The work is decided again at once."""
    frozen(story, until_in=86_400)
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    assert story.decided_again(work).state is State.WAITING
    accounts.add(story.app, ROOT, "mona", ["manager"])
    overridden(story, by=actor(Role.MANAGER, name="mona"))
    assert story.run(work.id).state is State.DONE


def test_an_override_ends_with_the_account_of_its_giver(story: Standing) -> None:
    """Disabled, its word no longer opens anything."""
    frozen(story)
    overridden(story)
    assert story.passed("freeze")
    accounts.disable(story.app, ROOT, "manager")
    assert not story.passed("freeze")


@pytest.mark.parametrize("gate", ["path", "sealed", "one_at_a_time"])
def test_what_greenroom_promises_is_never_set_aside(story: Standing, gate: str) -> None:
    """Not even by a manager with a reason."""
    with pytest.raises(Refused) as refused:
        overridden(story, gate)
    assert refused.value.code == "override.not_overridable"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"reason": " "}, "override.no_reason"),
        ({"seconds": 0}, "override.expiry"),
        ({"seconds": -5}, "override.expiry"),
        ({"seconds": 8 * 86_400}, "override.expiry"),
        ({"by": actor(Role.MANAGER, name="maker")}, "override.own"),
        ({"by": ENGINEER}, "role.missing"),
        ({"by": CLIENT}, "role.missing"),
    ],
)
def test_an_override_with_a_flaw_is_not_recorded(story: Standing, more: dict, code: str) -> None:
    """Without a reason, for too long, of one's own release, or by whom it is not for."""
    frozen(story)
    with pytest.raises(Refused) as refused:
        overridden(story, **more)
    assert refused.value.code == code
    assert not story.passed("freeze")


def test_an_unknown_gate_is_named_with_those_there_are(story: Standing) -> None:
    """A misspelt name overrides nothing."""
    with pytest.raises(BadInput) as refused:
        overridden(story, "freez")
    assert "freeze" in refused.value.hint


def test_revoking_wakes_and_refuses_what_stood_on_it(story: Standing) -> None:
    """Waiting work is decided again: the release never was in staging any more once it left it."""
    work = story.asked()
    seal = next(e for e in story.evidence() if e.kind == "seal")
    judgements.revoke(story.app, MANAGER, seal.id, "the key was stolen")
    ended = story.decided_again(work)
    assert ended.state is State.REJECTED
    assert "the key was stolen" in str(ended.error)


@pytest.mark.parametrize(
    ("evidence", "reason", "code"), [("nothing", WHY, "evidence.unknown"), ("", " ", "evidence.reason")]
)
def test_revoking_needs_evidence_and_a_reason(story: Standing, evidence: str, reason: str, code: str) -> None:
    """What does not exist, or no reason, changes nothing."""
    known = evidence or story.evidence()[0].id
    with pytest.raises(BadInput) as refused:
        judgements.revoke(story.app, MANAGER, known, reason)
    assert refused.value.code == code
    assert all(e.revoked_at is None for e in story.evidence())


@pytest.mark.parametrize(
    ("environment", "names"), [("production", ["nope"]), ("production", ["journey", "nope"]), ("qa", [])]
)
def test_a_check_that_is_not_there_makes_no_work(story: Standing, environment: str, names: list[str]) -> None:
    """Told at once, with the checks there are; not one of several names is passed over."""
    with pytest.raises(BadInput) as wrong:
        judgements.run_checks(story.app, ENGINEER, story.new, environment, names)
    assert wrong.value.code == "check.unknown"
    assert ("'nope'" in wrong.value.message) is bool(names)
    assert wrong.value.because == ("its checks there are journey" if names else "it has none there")
    with story.world.store.database.reading() as tx:
        assert story.world.store.works.find(tx, kinds=[WorkKind.CHECK]) == []


def test_no_names_are_all_checks(story: Standing) -> None:
    """They are asked of the release, and run against what is there."""
    work = judgements.run_checks(story.app, ENGINEER, story.old, "production", [])
    assert story.run(work.id).facts["check"]["checks"] == ["journey"]
