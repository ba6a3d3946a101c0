"""Whatever a database is made of, every column gets a verdict that can be carried out, and no value is told."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from greenroom.discovery.discover import discover
from greenroom.discovery.measure import measure, measure_arrays, measure_json
from greenroom.discovery.model import ColumnFacts, Proposal, Sample, TableFacts
from greenroom.discovery.naming import vocabulary
from greenroom.domain.masking import Column
from greenroom.masking._types import kind_of
from greenroom.registry import all_detectors, all_rules, all_traits
from tests.unit.discovery.cases import TODAY

WORDS = st.sampled_from(
    sorted(
        vocabulary(
            """id name email phone vorname nachname dob plz ssn iban notes address city user customer order product type
            created_at password token photo data info x Straße Größe état 名前 state salary lat ip title"""
        )
    )
)
NAMES = st.one_of(
    st.lists(WORDS, min_size=1, max_size=4).map("_".join),
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: "".join(w.capitalize() for w in words)),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=30),
)
TYPES = st.sampled_from(
    """text|character varying(10)|character(2)|integer|bigint|numeric(10,2)|double precision|boolean|date|timestamp with
    time zone|uuid|jsonb|json|bytea|inet|cidr|text[]|integer[]|jsonb[]|tsvector|point|interval|xml|public.citext|macaddr
    |public.mood""".replace("\n    ", " ").split("|")
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["a@b.example", "+44 7700 900123", "Mary Smith", "12 Mill Lane", "1990-01-01", "{}", "[1]", "4.5"]),
)
CANARY = "Zq7canary"


@st.composite
def columns(draw: st.DrawFn, schema: str, table: str, position: int) -> ColumnFacts:
    kind = draw(TYPES)
    kind = kind.strip()
    bare = kind.split("(")[0].strip()
    length = int(kind.split("(")[1].rstrip(")")) if kind.startswith("character") else None
    column = Column(
        schema,
        table,
        f"{draw(NAMES)}{position}",
        kind,
        bare if not kind.endswith("]") else kind,
        nullable=draw(st.booleans()),
        unique=draw(st.booleans()),
        length=length,
        labels=("glad", "sad") if kind.endswith("mood") else (),
        array=int(kind.endswith("]")),
        position=position,
    )
    values = draw(st.lists(st.none() | TEXTS, max_size=12))
    return ColumnFacts(
        column,
        comment=draw(st.just("") | NAMES),
        is_key=draw(st.booleans()),
        generated=draw(st.integers(0, 9)) == 0,
        checks=draw(st.sampled_from([(), ("VALUE = ANY (ARRAY['a'::text])",)])),
        sample=sample(column, values),
    )


def sample(column: Column, values: list[str | None]) -> Sample:
    if column.array:
        return measure_arrays([v and [v, None] for v in values], all_traits(), TODAY)
    if column.base.startswith("json"):
        return measure_json([v and json.dumps({v: v, "a": [v, {"b": v}]}) for v in values], all_traits(), TODAY)
    return measure(values, all_traits(), TODAY)


@st.composite
def databases(draw: st.DrawFn) -> list[TableFacts]:
    tables = []
    for number in range(draw(st.integers(1, 3))):
        schema, name = draw(st.sampled_from(["public", 'o"dd'])), f"{draw(NAMES)}{number}"
        count = draw(st.integers(1, 5))
        tables.append(TableFacts(schema, name, tuple(draw(columns(schema, name, n)) for n in range(count))))
    paths = [c.column.path for t in tables for c in t.columns]

    def linked(facts: ColumnFacts) -> ColumnFacts:
        if draw(st.integers(0, 3)):
            return facts
        return replace(facts, refers_to=(draw(st.sampled_from([*paths, "gone.away.id"])),))

    return [replace(t, columns=tuple(linked(c) for c in t.columns)) for t in tables]


@given(databases())
def test_every_column_gets_one_verdict_that_can_be_carried_out(tables: list[TableFacts]) -> None:
    """Nothing raises; each column has one verdict with a reason; a proposed rule can stand on its column."""
    verdicts = discover(tables, all_rules(), all_detectors())
    facts = {c.column.path: c for t in tables for c in t.columns}
    assert [v.column for v in verdicts] == list(facts)
    for verdict in verdicts:
        assert verdict.reason
        assert 0 <= verdict.confidence <= 1
        if isinstance(verdict, Proposal):
            rule, column = all_rules()[verdict.rule], facts[verdict.column].column
            config = rule.Config.model_validate(dict(verdict.settings))
            assert rule.problem(config, column) is None
            assert rule.keeps_unique or not column.unique
            assert not facts[verdict.column].generated


@given(st.lists(TEXTS, max_size=30), TYPES.map(str.strip))
def test_no_value_is_in_a_verdict(around: list[str], kind: str) -> None:
    """A value that stands nowhere else is in no reason and no setting, whatever column it was sampled from."""
    column = Column("public", "customer", "data", kind, kind, array=int(kind.endswith("]")))
    values: list[str | None] = [f"{CANARY} Smith", f"{CANARY}@example.org", CANARY, *around]
    table = TableFacts("public", "customer", (ColumnFacts(column, sample=sample(column, values)),))
    verdicts = discover([table], all_rules(), all_detectors())
    assert CANARY not in repr((table, verdicts))


@given(st.recursive(st.none() | st.booleans() | st.floats() | TEXTS, lambda x: st.lists(x) | st.dictionaries(TEXTS, x)))
def test_any_document_is_measured(document: object) -> None:
    """Every JSON document is counted, and its paths are such as the rule `json` reads."""
    taken = measure_json([json.dumps(document)] * 3, all_traits(), TODAY)
    assert taken.rows == 3
    for path, inner in taken.paths.items():
        assert path
        assert inner.rows >= 0
    column = Column("public", "t", "doc", "jsonb", "jsonb")
    assert kind_of(column).value == "jsonb"
    table = TableFacts("public", "t", (ColumnFacts(column, sample=taken),))
    assert len(discover([table], all_rules(), all_detectors())) == 1
