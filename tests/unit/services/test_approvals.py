"""Approvals: of what was shown, by others than those who made and asked, while their givers are who they were."""

from __future__ import annotations

import pytest

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import accounts, judgements, promotions
from tests.unit.services.standing import ENGINEER, MANAGER, ROOT, Standing
from tests.unit.workflows.story import BAKING
from tests.worlds import actor, apply


def test_an_approval_lets_it_in_and_says_whose_it_is(story: Standing) -> None:
    """The line passes by name and role, and waiting work is poked."""
    before = story.pokes
    given = judgements.approve(story.app, MANAGER, story.new, "production", note="read it")
    assert (given["by"], given["roles"], given["note"]) == ("manager", ["manager"], "read it")
    assert story.passed()
    assert story.because() == "approved by manager (manager)"
    assert story.pokes == before + 1


def test_who_asked_does_not_approve(story: Standing) -> None:
    """Whoever asked for the promotion is refused, and nothing is recorded."""
    story.asked()
    with pytest.raises(Refused) as refused:
        judgements.approve(story.app, ENGINEER, story.new, "production")
    assert refused.value.code == "approval.own"
    assert "asked for this promotion" in refused.value.message
    assert "missing" in story.because()


def test_who_made_it_does_not_approve(story: Standing) -> None:
    """Whoever made the release is refused, whatever roles they hold."""
    with pytest.raises(Refused, match="made this release"):
        judgements.approve(story.app, actor(Role.MANAGER, name="maker"), story.new, "production")


def test_approving_another_thing_than_was_seen_is_refused(story: Standing) -> None:
    """A digest that is no longer what would be promoted records nothing."""
    seen = promotions.why(story.app, MANAGER, story.new, "production").shown
    story.world.clock.forward(1)
    apply(story.world, BAKING.replace("for: 10s", "for: 99s"))
    with pytest.raises(Refused) as refused:
        judgements.approve(story.app, MANAGER, story.new, "production", shown=seen)
    assert refused.value.code == "approval.changed"
    now = promotions.why(story.app, MANAGER, story.new, "production").shown
    assert judgements.approve(story.app, MANAGER, story.new, "production", shown=now)["shown"] == now


def test_an_approval_lapses_when_the_configuration_changes(story: Standing) -> None:
    """The line says whose approval fell, and it waits again."""
    judgements.approve(story.app, MANAGER, story.new, "production")
    story.world.clock.forward(1)
    apply(story.world, BAKING.replace("for: 10s", "for: 99s"))
    assert not story.passed()
    assert "lapsed: what was shown has changed since" in story.because()


def test_one_s_own_approval_can_be_withdrawn_and_nobody_else_s(story: Standing) -> None:
    """Withdrawn, it counts no longer; another person cannot do it, nor find out whether it exists."""
    given = judgements.approve(story.app, MANAGER, story.new, "production")
    with pytest.raises(BadInput) as refused:
        judgements.withdraw(story.app, ENGINEER, given["id"])
    assert refused.value.code == "approval.unknown"
    judgements.withdraw(story.app, MANAGER, given["id"])
    assert "was revoked" in story.because()


def test_revoking_evidence_makes_approvals_lapse(story: Standing) -> None:
    """What they were shown no longer stands."""
    judgements.approve(story.app, MANAGER, story.new, "production")
    found = next(e for e in story.evidence() if e.environment == "staging")
    judgements.revoke(story.app, ENGINEER, found.id, "staging was not like production")
    assert "lapsed" in story.because()


def test_revoking_what_made_an_approval_lapse_does_not_revive_it(story: Standing) -> None:
    """An approval fell because a promotion failed; withdrawing that failure leaves it fallen."""
    story.world.runtime.will_finish(("python", "journey.py"), 1, "broken")
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    assert story.run(work.id).state is State.ROLLED_BACK
    assert not story.passed()
    failure = next(e for e in story.evidence() if e.kind == "promotion" and e.environment == "production")
    judgements.revoke(story.app, ENGINEER, failure.id, "the journey was flaky")
    assert not story.passed()
    assert "lapsed" in story.because()


def test_an_approval_ends_with_its_giver_s_account(story: Standing) -> None:
    """Disabled between the yes and the execution: the work waits, and says why."""
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    accounts.disable(story.app, ROOT, "manager")
    assert story.decided_again(work).state is State.WAITING
    assert "the approval of manager no longer counts: the account manager is disabled" in story.because()


def test_an_approval_ends_with_the_role_it_was_given_in(story: Standing) -> None:
    """The role was taken between the yes and the execution: the work waits, and says why."""
    work = story.asked()
    judgements.approve(story.app, MANAGER, story.new, "production")
    accounts.add(story.app, ROOT, "manager", ["operator"])
    assert story.decided_again(work).state is State.WAITING
    assert "the approval of manager no longer counts: manager is no longer manager" in story.because()


def test_an_account_called_owner_is_an_account_like_any(story: Standing) -> None:
    """No name approves by itself: the role does, and it can be taken away."""
    accounts.add(story.app, ROOT, "owner", ["client"])
    judgements.approve(story.app, actor(Role.CLIENT, name="owner"), story.new, "production")
    assert story.passed()
    accounts.disable(story.app, ROOT, "owner")
    assert "the account owner is disabled" in story.because()


def test_a_name_that_has_no_account_approves_nothing(story: Standing) -> None:
    """A row of an approval whose giver no account stands for does not count."""
    judgements.approve(story.app, actor(Role.MANAGER, name="nobody"), story.new, "production")
    assert not story.passed()


def test_a_role_that_may_not_approve_there_is_refused(story: Standing) -> None:
    """A developer, an operator and an administrator say no yes for production."""
    for role in (Role.DEVELOPER, Role.OPERATOR, Role.ADMINISTRATOR, Role.AUTOMATION):
        with pytest.raises(Refused) as refused:
            judgements.approve(story.app, actor(role), story.new, "production")
        assert refused.value.code == "role.missing"


@pytest.mark.parametrize(
    "setting",
    ["{count: 0}", "{count: -1}", "{groups: [{count: 0, roles: [manager]}]}", "{roles: []}", "false", "null", "{}"],
)
def test_no_configuration_lets_production_go_without_an_approval(story: Standing, setting: str) -> None:
    """Whatever the project writes under `approvals`, it is refused, or a person is asked all the same."""
    text = BAKING.replace("gates: {checks:", f"gates: {{approvals: {setting}, checks:")
    assert text != BAKING
    story.world.clock.forward(1)
    try:
        apply(story.world, text)
    except (BadInput, Refused):
        return
    assert not story.passed()
    assert "missing" in story.because()
