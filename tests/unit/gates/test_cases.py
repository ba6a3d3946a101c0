"""Every gate gives the verdict its cases tell, word for word; the cases leave no gate and no code out."""

from __future__ import annotations

from collections import Counter

import pytest

from greenroom.domain.gate import Passed, Refused, Waiting
from greenroom.domain.kinds import Kind
from greenroom.gates.soak import GATE as SOAK
from greenroom.registry import all_gates
from tests.unit.gates.cases import Told, read, told_cases

ALL = list(told_cases())


@pytest.mark.parametrize("told", ALL, ids=[t.id for t in ALL])
def test_tells(told: Told) -> None:
    """The verdict, its reason, who or what satisfies it, until when and the code are those of the case."""
    verdict, expected = told.gate.judge(told.config, told.case), told.expected
    assert (type(verdict).__name__.lower(), verdict.because) == (expected.verdict, expected.because), told.promise
    if isinstance(verdict, Passed):
        assert (expected.next, expected.code, expected.until) == ("", None, None)
        return
    assert expected.next, f"{told.id} should say what comes next: {verdict.next}"
    assert expected.next in verdict.next, told.promise
    assert (verdict.code if isinstance(verdict, Refused) else None) == expected.code, told.promise
    assert (verdict.until if isinstance(verdict, Waiting) else None) == expected.until, told.promise


@pytest.mark.parametrize("gate", all_gates())
def test_each_gate_has_its_cases(gate: str) -> None:
    """Every gate has at least eight cases, and promises that differ."""
    promises = [t.promise for t in ALL if t.gate.name == gate]
    assert len(promises) >= 8
    assert len(set(promises)) == len(promises)


@pytest.mark.parametrize("gate", all_gates().values(), ids=list(all_gates()))
def test_each_code_has_a_case(gate) -> None:
    """The codes a gate documents are those its cases reach, and they carry its name."""
    reached = Counter(t.expected.code for t in ALL if t.gate is gate and t.expected.code)
    assert set(reached) == set(gate.codes)
    assert all(code.startswith(f"gate.{gate.name}_") and meaning for code, meaning in gate.codes.items())


@pytest.mark.parametrize("gate", all_gates().values(), ids=list(all_gates()))
def test_each_setting_explains_itself(gate) -> None:
    """Every field of a gate's settings has a description: its documentation is made of them."""
    for name, field in gate.Config.model_fields.items():
        assert (field.description or "").endswith("."), f"{gate.name}.{name}"


@pytest.mark.parametrize("kind", Kind)
def test_what_guards_the_promises_always_applies(kind: Kind) -> None:
    """Path, seal and one-at-a-time apply in every kind and can never be overridden."""
    for name in ("path", "sealed", "one_at_a_time"):
        gate = all_gates()[name]
        assert gate.default(kind) is not None
        assert not gate.overridable


@pytest.mark.parametrize("kind", Kind)
def test_approval_is_asked_for_production_alone_by_default(kind: Kind) -> None:
    """The kinds' own settings ask people for production, where one client or manager says yes."""
    config = all_gates()["approvals"].default(kind)
    assert (config is not None) == (kind is Kind.PRODUCTION)
    if config is not None:
        assert [str(g) for g in config.wanted] == ["1 of manager or client"]


REST = 'promise = ""\nsettings = {for = "1h"}\nexpect = {verdict = "", because = ""'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[[case]]\nexpect = {verdict = "passed", because = ""}\nsettings = {for = "1h"}', "promise is missing"),
        ('surprise = 1\n[[case]]\npromise = ""', "nothing reads surprise"),
        (f"[[case]]\nspelt = 1\n{REST}}}", "nothing reads spelt"),
        ("[[case]]\nenvironments = {qa = {sins = 1}}", "nothing reads sins"),
        ('[[case]]\nevidence = [{kind = "seal", at = 2026-01-01T00:00:00Z, outcom = "x"}]', "nothing reads outcom"),
        (f"[[case]]\n{REST}, untill = 1}}", "nothing reads untill"),
    ],
)
def test_a_key_that_nothing_reads_fails(text: str, complaint: str) -> None:
    """A misspelt key in a case file is an error that names it."""
    with pytest.raises(KeyError, match=complaint):
        read(text, SOAK, "here")
