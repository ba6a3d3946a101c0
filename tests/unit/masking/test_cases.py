"""Rules refuse what their cases tell, word for word; the cases leave no rule out, and every setting explains itself."""

from __future__ import annotations

import pytest

from greenroom.masking.harmless import RULE as HARMLESS
from greenroom.registry import all_rules
from tests.masking_support import column_of
from tests.unit.masking.cases import Told, read, told_cases

ALL = list(told_cases())
RULES = pytest.mark.parametrize("rule", all_rules().values(), ids=list(all_rules()))


@pytest.mark.parametrize("told", ALL, ids=[t.id for t in ALL])
def test_tells(told: Told) -> None:
    """The rule finds the problem that the case tells, or none."""
    config = told.rule.Config.model_validate(told.settings)
    assert told.rule.problem(config, told.column) == told.problem, told.promise


@RULES
def test_each_rule_has_its_cases(rule) -> None:
    """Every rule has at least three cases, one of them with rows, and promises that differ."""
    own = [t for t in ALL if t.rule is rule]
    assert len(own) >= 3
    assert len({t.promise for t in own}) == len(own)
    assert any(t.rows for t in own)


@RULES
def test_each_setting_explains_itself(rule) -> None:
    """Every field of a rule's settings has a description: its documentation is made of them."""
    for name, field in rule.Config.model_fields.items():
        assert (field.description or "").endswith("."), f"{rule.name}.{name}"


@pytest.mark.parametrize("told", [t for t in ALL if t.rows], ids=[t.id for t in ALL if t.rows])
def test_the_sql_can_be_sent_by_any_driver(told: Told) -> None:
    """It is the same whenever it is asked for, has no percent sign, and names each digest after its expression."""
    config = told.rule.Config.model_validate(told.settings)
    masked = told.rule.mask(config, told.column)
    assert masked == told.rule.mask(config, told.column)
    assert "%" not in masked.sql + "".join(d.sql for d in masked.digests)
    assert len({d.name for d in masked.digests}) == len({d.sql for d in masked.digests})


def test_different_columns_of_one_value_share_their_digest() -> None:
    """First name, last name and e-mail that follow one person need one digest of the person."""
    names = [
        {d.name for d in all_rules()[rule].mask(all_rules()[rule].Config.model_validate({"by": "id"}), column).digests}
        for rule, column in [
            ("first_name", column_of("text")),
            ("last_name", column_of("character varying(30)")),
            ("email", column_of("text")),
        ]
    ]
    assert len(set.intersection(*names)) == 1


REST = 'promise = ""\nrows = []'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[case]]\nrows = []", "promise is missing"),
        ('surprise = 1\n[[case]]\npromise = ""', "nothing reads surprise"),
        (f"[[case]]\nspelt = 1\n{REST}", "nothing reads spelt"),
        ('[[case]]\nproblem = "x"\n' + REST, "nothing reads rows"),
        ('[[case]]\npromise = ""', "rows is missing"),
    ],
)
def test_a_key_that_nothing_reads_fails(text: str, complaint: str) -> None:
    """A misspelt key in a case file is an error that names it."""
    with pytest.raises(KeyError, match=complaint):
        read(text, HARMLESS, "here")
