"""The plan of a masked copy is pure: every row once, every rule where it belongs, nothing builds before it can."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from greenroom.adapters.postgres.masking.choices import Choices, Mask, choose_masks
from greenroom.adapters.postgres.masking.model import PAGE, Catalog, Reference, Sequence, Table, TableColumn, Unique
from greenroom.adapters.postgres.masking.plan import (
    CHUNK_PAGES,
    LARGE,
    Job,
    chunks_of,
    digest_of_plan,
    rebuild_of,
    sequence_statements,
)
from greenroom.adapters.postgres.masking.quote import ident, literal
from greenroom.adapters.postgres.masking.statements import keyed_view, questions_of, read_statement
from greenroom.adapters.postgres.masking.subset import reached_tables
from greenroom.domain.data import Root, Subset
from greenroom.domain.errors import GreenroomError
from greenroom.domain.masking import Chosen, Column, Digest, Masked
from tests.masked_copy_support import RULES

NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


def table(oid: int, *names: str, **more: object) -> Table:
    columns = tuple(
        TableColumn(Column("public", f"t{oid}", n, "text", "text", position=i), "text") for i, n in enumerate(names)
    )
    return replace(Table(oid, "public", f"t{oid}", "r", columns), **more)  # type: ignore[arg-type]


def catalog(*tables: Table, version: int = 180000, **more: object) -> Catalog:
    return replace(Catalog(version, {t.oid: t for t in tables}), **more)  # type: ignore[arg-type]


@given(NAMES, NAMES)
def test_a_quoted_name_is_one_name(schema: str, name: str) -> None:
    """Whatever is in a name, it ends where it ends, and reads back as itself."""
    parts = re.findall(r'"((?:[^"]|"")*)"', ident(schema, name))
    assert [p.replace('""', '"') for p in parts] == [schema, name]
    assert re.fullmatch(r'"(?:[^"]|"")*"\."(?:[^"]|"")*"', ident(schema, name))


@given(NAMES)
def test_a_quoted_text_is_one_text(text: str) -> None:
    """No text ends a constant early: quotes are doubled, backslashes too where they mean something."""
    quoted = literal(text)
    inner = quoted.strip(" ").removeprefix("E")[1:-1]
    assert inner.replace("''", "").count("'") == 0
    assert ("\\" in text) == quoted.startswith(" E'")


@given(st.integers(0, 40 * CHUNK_PAGES))
def test_the_ranges_of_a_table_hold_every_block_once(pages: int) -> None:
    """However large a table is: the first range has no beginning, the last no end, and each begins where one ended."""
    chunks = chunks_of(catalog(table(1, "a", size=pages * PAGE, total_size=pages * PAGE)), Choices({}, ()))
    first = [int(m[1]) for c in chunks if (m := re.search(r">= '\((\d+),0\)'", c.read))]
    until = [int(m[1]) for c in chunks if (m := re.search(r"< '\((\d+),0\)'", c.read))]
    assert first == until == sorted(first)
    assert len(chunks) == len(first) + 1
    assert sum(c.size for c in chunks) <= pages * PAGE


def test_an_older_server_is_read_in_one_piece() -> None:
    """Before PostgreSQL 14 a range of places means to read the whole table for each."""
    large = table(1, "a", size=10 * CHUNK_PAGES * PAGE)
    assert len(chunks_of(catalog(large, version=130000), Choices({}, ()))) == 1


@given(st.permutations([1, 2, 3, 4]), st.data())
def test_a_rule_follows_references_whatever_their_order(order: list[int], data: st.DataObject) -> None:
    """Along a chain of references, also a cyclic one, every end gets the rule of the one that was ruled."""
    tables = [table(i, "a") for i in order]
    chain = [Reference(a, ("a",), b, ("a",)) for a, b in zip(order[1:], order, strict=False)]
    if data.draw(st.booleans()):
        chain.append(Reference(order[0], ("a",), order[-1], ("a",)))
    references = tuple(data.draw(st.permutations(chain)))
    chosen = [Chosen(f"public.t{order[0]}.a", "pseudonym", {})]
    choices = choose_masks(catalog(*tables, references=references), chosen, RULES)
    assert {oid for oid, _ in choices.masks} == set(order)
    assert len(choices.said) == 3


@given(st.sets(st.sampled_from("abcdef")), st.sets(st.sampled_from("abcdef")))
def test_exactly_the_columns_without_a_word_are_named(ruled: set[str], harmless: set[str]) -> None:
    """Ruled or harmless, else refused and named: none is forgotten, none is named without need."""
    chosen = [Chosen(f"public.t1.{c}", "pseudonym" if c in ruled else "harmless", {}) for c in ruled | harmless]
    try:
        choices = choose_masks(catalog(table(1, *"abcdef")), chosen, RULES)
    except GreenroomError as error:
        assert error.code == "data.column_unruled"
        assert error.facts["columns"] == [f"public.t1.{c}" for c in sorted(set("abcdef") - ruled - harmless)]
    else:
        assert ruled | harmless == set("abcdef")
        assert {name for _, name in choices.masks} == ruled


def test_a_digest_that_several_columns_need_is_computed_once() -> None:
    """One keyed digest of a source value, however many columns come from it."""
    shared = Digest("d", "sha256(k.key || t.a::bytea)")
    mask = Mask("x", None, Masked("encode(s.d, 'hex')", (shared,)), keeps_unique=True)
    choices = Choices({(1, "a"): mask, (1, "b"): mask}, ())
    assert (keyed_view(table(1, "a", "b"), choices) or "").count("sha256(") == 1
    statement = read_statement(table(1, "a", "b"), choices)
    assert "sha256(" not in statement
    assert statement.count("encode(s.d, 'hex')") == 2


def test_what_stays_unique_by_its_rule_is_not_tested() -> None:
    """A rule that keeps values apart needs no query; one that does not needs one for every index with its column."""
    unique = Unique("u", ('"a"', '"b"'), frozenset("ab"))
    made = table(1, "a", "b", uniques=(unique,))
    for keeps, count in ((True, 0), (False, 1)):
        mask = Mask("x", None, Masked("'x'"), keeps_unique=keeps)
        assert len(questions_of(catalog(made), Choices({(1, "a"): mask}, ()))) == count
    expression = replace(made, uniques=(replace(unique, is_plain=False),))
    mask = Mask("x", None, Masked("'x'"), keeps_unique=True)
    assert len(questions_of(catalog(expression), Choices({(1, "a"): mask}, ()))) == 1


@given(st.lists(st.tuples(st.sampled_from(["INDEX", "CONSTRAINT", "FK CONSTRAINT"]), st.integers(0, 3 * LARGE))))
def test_every_entry_of_an_archive_is_built_once(entries: list[tuple[str, int]]) -> None:
    """None is lost and none is built twice; the largest come first; references come after all indexes."""
    listing = [f"{i}; 1259 {i} {kind} public t x app" for i, (kind, _) in enumerate(entries)]
    built = {(1259, i): (size, (i % 3,)) for i, (_, size) in enumerate(entries)}
    others = [
        "900; 2620 1 TRIGGER public t f app",
        "901; 0 0 INDEX ATTACH public p i app",
        "902; 1259 77777 INDEX public m",
    ]
    plan = rebuild_of(catalog(built=built), "\n".join(["; a comment", *listing, *others]))
    indexes = [e for j in plan.indexes for e in j.entries]
    references = [e for j in plan.references for e in j.entries]
    assert sorted(indexes + references) == sorted(listing)
    assert all("FK CONSTRAINT" in e for e in references)
    assert not any("FK CONSTRAINT" in e for e in indexes)
    assert plan.attached == (others[1],)
    assert plan.rest == (others[0], others[2])
    sizes = [j.size for j in plan.indexes if j.size]
    assert sizes == sorted(sizes, reverse=True)


def test_what_locks_the_same_table_waits() -> None:
    """Indexes of one table go side by side; a key or a reference goes alone with its tables."""
    index, other = Job(("a",), frozenset({1}), shares=True), Job(("b",), frozenset({1}), shares=True)
    key, reference = Job(("c",), frozenset({1})), Job(("d",), frozenset({2, 3}))
    assert other.fits([index])
    assert not key.fits([index])
    assert not index.fits([key])
    assert reference.fits([index, key])


def test_a_sequence_is_never_behind_its_column() -> None:
    """It stands where it stood, or at the largest masked value."""
    owner = table(1, "id")
    made = Sequence("public", 's"q', 7, is_called=True, owner=(1, "id"))
    first, second = sequence_statements(catalog(owner, sequences=(made,)))
    assert first == """SELECT setval('"public"."s""q"'::regclass, 7, true)"""
    assert 'max("id")' in second
    assert "m.top > 7" in second


def test_what_no_reference_joins_to_a_root_is_taken_whole() -> None:
    """A subset is of the tables that belong together; the others are looked up in, and stay whole."""
    references = (Reference(2, ("a",), 1, ("a",)), Reference(3, ("a",), 2, ("a",)))
    made = catalog(table(1, "a"), table(2, "a"), table(3, "a"), table(4, "a"), references=references)
    assert [t.oid for t in reached_tables(made, references, Subset((Root("public.t2"),)))] == [1, 2, 3]


def test_the_plan_s_name_follows_the_rules_and_not_the_pieces() -> None:
    """Another rule is another plan; a table that grew is not."""
    small, large = (catalog(table(1, "a", size=s, total_size=s)) for s in (0, 9 * CHUNK_PAGES * PAGE))
    bare, masked = (choose_masks(small, [Chosen("public.t1.a", rule, {})], RULES) for rule in ("harmless", "pseudonym"))
    assert digest_of_plan(small, bare, chunks_of(small, bare)) == digest_of_plan(large, bare, chunks_of(large, bare))
    assert digest_of_plan(small, bare, chunks_of(small, bare)) != digest_of_plan(
        small, masked, chunks_of(small, masked)
    )
