"""What discovery found is written between the lines of a `greenroom.yaml`; what stands there stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom.config.data_rules import with_rules
from greenroom.config.example import EXAMPLE
from greenroom.config.load import load
from greenroom.config.yaml_text import read_yaml
from greenroom.discovery.model import Choice, Harmless, Proposal, Undecided, Verdict
from greenroom.domain.dotted import COLUMN, dotted
from greenroom.domain.errors import BadInput, Errored

EMAIL = Proposal("public.customer.email", "email", {}, 0.99, "name, and 97 of 100 sampled values are e-mail addresses")
BORN = Proposal("public.customer.born", "date_shift", {"days": 365}, 0.93, "name")
GONE = Proposal("public.customer.gone", "null", {}, 0.6, "name")
INSIDE = Proposal(
    "public.customer.doc",
    "json",
    {"paths": {"contact.email": {"rule": "email"}, '"a b"[*]': {"rule": "harmless"}}},
    0.9,
    "1 of 2 paths",
)
AMOUNT = Harmless("public.payment.amount", 0.8, "a number")
WHAT = Undecided("public.payment.what", "9 values of which nothing is known", Choice("free_text"))
ALL = (AMOUNT, WHAT, EMAIL, GONE, BORN, INSIDE)

SECTION = """\
# What leaves production, column by column: a masking rule, or harmless.
# Proposed by `greenroom data discover` with its confidence (0 to 1) and its reason; it is yours now.
data:
  rules:
    public.customer.born: {rule: date_shift, days: 365}       # 0.93: name
    public.customer.doc:                                      # 0.90: 1 of 2 paths
      rule: json
      paths:
        contact.email: {rule: email}
        "\\"a b\\"[*]": {rule: harmless}
    public.customer.email: email                              # 0.99: name, and 97 of 100 sampled values are e-mail addresses
    public.customer.gone: "null"                              # 0.60: name
    public.payment.amount: harmless                           # 0.80: a number
    # look at: public.payment.what: free_text   # 9 values of which nothing is known
"""  # noqa: E501

EXISTING = """\
project: shop   # ours

data:   # what leaves
  subset: {table: customer}
  rules:
    # We looked at this one.
    public.customer.email: {rule: email, host: "shop.test"}

    public.order.query:
      rule: sql
      expression: |
        upper(query)
        # not a comment
  harmless:
    public.payment: [amount]

# The end.
other: [1, 2]
"""


def test_a_section_is_written_where_there_was_none() -> None:
    """It stands at the end, sorted, each line with its confidence and reason; what to look at is a comment."""
    written = with_rules("project: shop", ALL)
    assert written.text == f"project: shop\n\n{SECTION}"
    assert set(written.added) == {v.column for v in ALL} - {WHAT.column}
    assert written.to_look_at == (WHAT.column,)
    assert read_yaml(written.text).data["data"]["rules"]["public.customer.gone"] == "null"


def test_nothing_that_stands_there_is_changed() -> None:
    """New lines come between the old ones, which are all there in their order; rules of the file's own win."""
    written = with_rules(EXISTING, ALL)
    lines = iter(written.text.splitlines())
    assert all(line in lines for line in EXISTING.splitlines())
    rules = read_yaml(written.text).data["data"]["rules"]
    assert rules["public.customer.email"] == {"rule": "email", "host": "shop.test"}
    assert rules["public.order.query"]["expression"] == "upper(query)\n# not a comment\n"
    assert "public.payment.amount" not in rules  # it is harmless already
    assert set(written.kept) == {EMAIL.column, AMOUNT.column}
    born = written.text.index("public.customer.born")
    assert written.text.index("  rules:") < born < written.text.index("# We looked at this one.")
    assert written.text.index("public.customer.gone") < written.text.index("public.order.query")


def test_what_was_written_is_a_configuration() -> None:
    """A whole `greenroom.yaml` loads with the new rules, and with what it said before."""
    before = {c.column: c for c in load(EXAMPLE).data.plan.chosen}
    after = {c.column: c for c in load(with_rules(EXAMPLE, ALL).text).data.plan.chosen}
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {BORN.column, GONE.column, INSIDE.column, AMOUNT.column}
    assert after[INSIDE.column].settings == INSIDE.settings


@pytest.mark.parametrize(
    "text", ["", "# only a comment\n", "project: shop\n", EXISTING, "data:\n", "data:\n  rules:\n", "a: |\n  x\n...\n"]
)
def test_a_second_run_adds_nothing(text: str) -> None:
    """What was written is found again, comments too."""
    once = with_rules(text, ALL).text
    again = with_rules(once, ALL)
    assert again.text == once
    assert again.added == ()


def test_a_column_follows_what_the_file_says_of_the_one_it_refers_to() -> None:
    """No rule is written for a column whose target has one already: the two would differ."""
    by = Proposal("public.post.by", "username", {}, 0.9, "refers to it", follows="public.member.login")
    text = "data:\n  rules:\n    public.member.login: keyed_hash\n"
    assert with_rules(text, [by]).text == text
    assert "public.post.by: username" in with_rules("", [by]).text


def test_line_ends_stay_as_they_are() -> None:
    """A file of Windows' gets lines of Windows'."""
    written = with_rules("project: shop\r\n# end\r\n", [EMAIL]).text
    assert written.count("\r\n") == written.count("\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("data: {rules: {}}\n", "data.rules_form"),
        ("data: {}\n", "data.rules_form"),
        ("{project: shop}\n", "data.rules_form"),
        ("data:\n  rules: {a.b.c: email}\n", "data.rules_form"),
        ("data: 3\n", "data.rules_form"),
        ("- x\n", "data.rules_form"),
        ("a: [\n", "config.unreadable_yaml"),
        ("a: |+\n  x\n", "data.rules_unwritten"),
    ],
)
def test_a_file_that_cannot_be_added_to_is_refused(text: str, code: str) -> None:
    """The error says where; nothing is written."""
    with pytest.raises((BadInput, Errored)) as raised:
        with_rules(text, ALL)
    assert raised.value.code == code


def test_more_rules_than_a_file_may_hold_are_refused() -> None:
    """The file that would be written is one that can be read."""
    many = [Harmless(f"public.t.c{n}", 0.9, "a key") for n in range(11_000)]
    with pytest.raises(BadInput) as raised:
        with_rules("", many)
    assert raised.value.code == "data.rules_too_many"


NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=20)
PATHS = st.tuples(NAMES, NAMES, NAMES).map(lambda names: dotted(*names))
SETTINGS = st.dictionaries(
    st.sampled_from(["days", "mode", "value"]), st.integers(0, 3650) | NAMES | st.booleans(), max_size=2
)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    column, reason = draw(PATHS), draw(NAMES)
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return Harmless(column, 0.5, reason)
    if kind == 1:
        return Undecided(column, reason, draw(st.none() | st.builds(Choice, st.just("null"), SETTINGS)))
    nested = {"paths": {draw(NAMES): {"rule": "email"}}} if kind == 2 else draw(SETTINGS)
    return Proposal(column, draw(st.sampled_from(["email", "null"])), nested, 0.5, reason)


@given(st.lists(verdicts(), max_size=6, unique_by=lambda v: v.column), st.sampled_from(["", EXISTING, "a: 1\n"]))
def test_whatever_columns_are_called_the_file_says_it(found: list[Verdict], text: str) -> None:
    """Names with quotes, line breaks or signs of YAML's are read back as they are."""
    written = with_rules(text, found)
    rules = (read_yaml(written.text).data or {}).get("data", {}).get("rules") or {}
    for verdict in found:
        if not COLUMN.fullmatch(verdict.column):
            assert verdict.column not in rules
            assert verdict.column in written.to_look_at
        elif isinstance(verdict, Proposal):
            expected = {"rule": verdict.rule, **verdict.settings} if verdict.settings else verdict.rule
            assert rules[verdict.column] == expected
        else:
            assert (verdict.column in rules) == isinstance(verdict, Harmless)
