"""What holds for every gate and every case, however the facts fall."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from greenroom.domain.evidence import Approval, Evidence, Freeze, Outcome
from greenroom.domain.gate import Case, Gate, GateConfig, Passed, Refused, Waiting, decide
from greenroom.domain.roles import Role
from greenroom.registry import all_gates
from tests.unit.gates.strategies import MAIN, OTHER, all_configured, cases, configured, overrides

NAMES = list(all_gates())
Pair = tuple[Gate, GateConfig]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(st.data())
def test_every_case_has_a_verdict(name: str, data: st.DataObject) -> None:
    """A gate raises nothing, says why, and unless it passed what comes next, with a documented code."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    verdict = gate.judge(config, case)
    assert verdict.because
    if isinstance(verdict, Refused):
        assert verdict.next
        assert verdict.code in gate.codes
    if isinstance(verdict, Waiting):
        assert verdict.next
        assert verdict.until is None or verdict.until > case.now


@given(all_configured, cases())
def test_deciding_is_deterministic_and_can_be_told(gates: tuple[Pair, ...], case: Case) -> None:
    """The same case gets the same decision, which becomes JSON as it is."""
    assert decide(gates, case) == decide(gates, case)
    json.dumps(decide(gates, case).as_dict())


@given(all_configured, cases(), st.randoms(use_true_random=False))
def test_the_order_of_facts_does_not_matter(gates: tuple[Pair, ...], case: Case, rng: random.Random) -> None:
    """Evidence, approvals, freezes and overrides may be told in any order."""

    def shuffled(facts: tuple) -> tuple:
        return tuple(rng.sample(facts, len(facts)))

    with_ids = {
        name: tuple(replace(x, id=f"{name}-{n}") for n, x in enumerate(getattr(case, name)))
        for name in ("evidence", "approvals", "freezes", "overrides")
    }
    told = replace(case, **with_ids)
    retold = replace(case, **{name: shuffled(facts) for name, facts in with_ids.items()})
    assert decide(gates, told) == decide(gates, retold)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(st.data())
def test_revoking_evidence_never_opens_a_gate(name: str, data: st.DataObject) -> None:
    """What did not pass does not pass because a finding was withdrawn."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    assume(case.evidence)
    at = data.draw(st.integers(0, len(case.evidence) - 1))
    withdrawn = list(case.evidence)
    withdrawn[at] = replace(withdrawn[at], revoked_at=case.now, revoked_why="withdrawn")
    if not isinstance(gate.judge(config, case), Passed):
        assert not isinstance(gate.judge(config, replace(case, evidence=tuple(withdrawn))), Passed)


@given(st.data())
def test_a_valid_approval_never_closes_a_gate(data: st.DataObject) -> None:
    """One more person who says yes takes nothing away, whoever approved before."""
    gate, config = data.draw(configured("approvals"))
    case = data.draw(cases())
    more = Approval(
        "more", MAIN, case.request.environment, data.draw(st.sampled_from(["ann", "mia", "cleo"])),
        frozenset({data.draw(st.sampled_from(Role)).value}), case.shown, case.now - timedelta(hours=1),
    )  # fmt: skip
    if isinstance(gate.judge(config, case), Passed):
        assert isinstance(gate.judge(config, replace(case, approvals=(*case.approvals, more))), Passed)


@given(st.data())
def test_nobody_passes_their_own_work(data: st.DataObject) -> None:
    """Approvals of its maker and of its requester alone never satisfy the gate."""
    gate, config = data.draw(configured("approvals"))
    case = data.draw(cases())
    own = {case.request.made_by, case.request.requested_by}
    alone = replace(case, approvals=tuple(a for a in case.approvals if a.by in own))
    assert not isinstance(gate.judge(config, alone), Passed)


@given(all_configured, cases(), st.data())
def test_taking_a_role_or_an_account_away_opens_nothing(
    gates: tuple[Pair, ...], case: Case, data: st.DataObject
) -> None:
    """Whoever loses a role, or the account, never makes a decision pass that did not."""
    assume(case.accounts)
    who = data.draw(st.sampled_from(sorted(case.accounts)))
    without = {n: r for n, r in case.accounts.items() if n != who}
    fewer = {**case.accounts, who: frozenset(sorted(case.accounts[who])[1:])}
    if not decide(gates, case).passed:
        assert not decide(gates, replace(case, accounts=without)).passed
        assert not decide(gates, replace(case, accounts=fewer)).passed


@given(st.data())
def test_a_freeze_is_over_when_it_says(data: st.DataObject) -> None:
    """At the moment the freeze gate names it passes, and a second before it does not."""
    gate, config = data.draw(configured("freeze"))
    case = data.draw(cases())
    verdict = gate.judge(config, case)
    if isinstance(verdict, Waiting):
        assert verdict.until is not None
        assert isinstance(gate.judge(config, replace(case, now=verdict.until)), Passed)
        before = verdict.until - timedelta(microseconds=1)
        assert not isinstance(gate.judge(config, replace(case, now=max(before, case.now))), Passed)


@given(st.data())
def test_a_soak_is_over_when_it_says(data: st.DataObject) -> None:
    """At the moment the soak gate names it passes, and just before it does not."""
    gate, config = data.draw(configured("soak"))
    case = data.draw(cases())
    verdict = gate.judge(config, case)
    if isinstance(verdict, Waiting):
        assert verdict.until is not None
        assert isinstance(gate.judge(config, replace(case, now=verdict.until)), Passed)
        just_before = replace(case, now=verdict.until - timedelta(microseconds=1))
        assert isinstance(gate.judge(config, just_before), Waiting)


@given(all_configured, cases(action="rollback"))
def test_a_rollback_is_asked_little(gates: tuple[Pair, ...], case: Case) -> None:
    """Only the seal and the slot stand in the way of a rollback: no freeze, no window, no approval."""
    assert {line.gate for line in decide(gates, case).lines} == {"sealed", "one_at_a_time"}


GOOD = {"sealed": ("seal", "seal", None), "path": ("promotion", None, None), "checks": ("check", "journey", None)}


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.data())
def test_one_more_good_finding_never_closes_a_gate(name: str, data: st.DataObject) -> None:
    """A newer finding that passed, of any kind, in any earlier environment, takes nothing away."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    kind, of, _ = data.draw(st.sampled_from(list(GOOD.values())))
    place = data.draw(st.sampled_from([None, *(e.name for e in case.path)]))
    at = max([case.now, *(e.at for e in case.evidence if e.at <= case.now)])
    more = Evidence("zz", kind, of or place or "", MAIN, place, Outcome.PASSED, at, "dan")
    if isinstance(gate.judge(config, case), Passed):
        assert isinstance(gate.judge(config, replace(case, evidence=(*case.evidence, more))), Passed)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.data())
def test_what_is_older_than_the_newest_changes_nothing(name: str, data: st.DataObject) -> None:
    """Evidence of another release, and findings older than the newest of their kind, are not looked at."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    elsewhere = [replace(e, release=OTHER, id=f"o{n}") for n, e in enumerate(case.evidence)]
    older = [replace(e, at=e.at - timedelta(days=30), id=f"z{n}") for n, e in enumerate(case.evidence)]
    more = replace(case, evidence=(*case.evidence, *data.draw(st.sampled_from([elsewhere, older]))))
    assert gate.judge(config, more) == gate.judge(config, case)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.data())
def test_whoever_asks_gets_the_same_answer(name: str, data: st.DataObject) -> None:
    """People and automation: only who may say yes to it depends on who asked for it."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    said = {a.by for a in case.approvals} | {o.by for o in case.overrides}
    assume(case.request.requested_by not in said)
    other = replace(case, request=replace(case.request, requested_by="robot"))
    assert type(gate.judge(config, case)) is type(gate.judge(config, other))


@pytest.mark.parametrize("name", [n for n, gate in all_gates().items() if gate.for_rollback])
@settings(max_examples=40)
@given(st.data())
def test_a_rollback_is_judged_like_a_promotion_where_it_is_asked(name: str, data: st.DataObject) -> None:
    """A gate that a rollback is asked by gives it the verdict a promotion would get."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    both = [replace(case, request=replace(case.request, action=a)) for a in ("promotion", "rollback")]
    assert len({type(gate.judge(config, c)) for c in both}) == 1


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.data())
def test_another_freeze_never_opens_and_lifting_one_never_closes(name: str, data: st.DataObject) -> None:
    """Whatever its date, also one from before the clock was set back."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    at = data.draw(st.sampled_from([case.now - timedelta(days=1), case.now, case.now + timedelta(days=1)]))
    frozen = replace(case, freezes=(*case.freezes, Freeze("z", case.target.name, "mia", "why", at)))
    if not isinstance(gate.judge(config, case), Passed):
        assert not isinstance(gate.judge(config, frozen), Passed)
    elif name == "freeze":
        assert isinstance(gate.judge(config, frozen), Refused)
    if isinstance(gate.judge(config, frozen), Passed):
        assert isinstance(gate.judge(config, case), Passed)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=30)
@given(st.data())
def test_a_gate_says_the_same_twice_and_leaves_its_case_alone(name: str, data: st.DataObject) -> None:
    """Pure: the verdict is of the case alone."""
    gate, config = data.draw(configured(name))
    case = data.draw(cases())
    told = repr(case)
    assert gate.judge(config, case) == gate.judge(config, case)
    assert repr(case) == told


@settings(max_examples=60)
@given(all_configured, cases(action="promotion"), st.data())
def test_an_override_opens_its_own_line_alone(gates: tuple[Pair, ...], case: Case, data: st.DataObject) -> None:
    """One more override changes no verdict, and no line but that of its gate."""
    more = data.draw(overrides)
    plain, with_it = decide(gates, case), decide(gates, replace(case, overrides=(*case.overrides, more)))
    for before, after in zip(plain.lines, with_it.lines, strict=True):
        assert before.verdict == after.verdict
        if before.gate != more.gate:
            assert before == after
