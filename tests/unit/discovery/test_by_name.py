"""Databases of which nothing but names is known: whose rows lead where, and what must not be called harmless."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from greenroom.discovery.discover import discover
from greenroom.discovery.model import ColumnFacts, Harmless, Proposal, TableFacts, Undecided, Verdict
from greenroom.discovery.naming import tokens
from greenroom.discovery.references import with_undeclared
from greenroom.domain.masking import Column
from greenroom.registry import all_detectors, all_rules

SCHEMAS = Path(__file__).parents[2] / "cases" / "discovery" / "by_name.txt"
TYPES = {
    "i": "integer",
    "t": "text",
    "c": "character varying",
    "n": "numeric",
    "d": "date",
    "ts": "timestamp with time zone",
    "b": "boolean",
    "u": "uuid",
    "j": "jsonb",
    "y": "bytea",
    "ip": "inet",
    "f": "double precision",
}


def table_of(line: str, marks: dict[str, str]) -> TableFacts:
    """A line of the file as a table; what it says of each column goes into `marks` by path."""
    name, _, told = line.partition(": ")
    columns = []
    for position, word in enumerate(told.split()):
        bare = word.rstrip("!~")
        bare, _, target = bare.partition(">")
        column, _, kind = bare.rpartition(":")
        is_key = kind not in TYPES and kind.endswith("k")
        base = TYPES[kind.removesuffix("k") if is_key else kind]
        length = 20 if base == "character varying" else None
        described = Column(
            "public", name, column, f"{base}(20)" if length else base, base, True, is_key, length, position=position
        )
        marks[described.path] = word.removeprefix(bare)[-1:] if word[-1] in "!~" else ""
        refers = (f"public.{target}",) if target else ()
        columns.append(ColumnFacts(described, is_key=is_key, refers_to=refers))
    return TableFacts("public", name, tuple(columns))


def judged(*lines: str) -> tuple[dict[str, Verdict], dict[str, str]]:
    marks: dict[str, str] = {}
    tables = [table_of(line, marks) for line in lines]
    return {v.column: v for v in discover(tables, all_rules(), all_detectors())}, marks


def lines() -> Iterator[str]:
    return (x for x in SCHEMAS.read_text(encoding="utf-8").splitlines() if x and not x.startswith("#"))


def test_names_alone_tell_most_and_call_hardly_anything_personal_harmless() -> None:
    """Of domains that no other case is from: most personal columns are proposed, nearly nothing else is, and of a
    hundred that are personal at most two are called harmless."""
    found, marks = judged(*lines())
    personal = [path for path, mark in marks.items() if mark == "!"]
    assert len(personal) > 400
    proposed = [path for path in personal if isinstance(found[path], Proposal)]
    wrong = [p for p, mark in marks.items() if not mark and isinstance(found[p], Proposal)]
    harmless = [path for path in personal if isinstance(found[path], Harmless)]
    undecided = [path for path, v in found.items() if isinstance(v, Undecided)]
    assert len(proposed) >= 0.85 * len(personal), sorted(set(personal) - set(proposed))
    assert len(wrong) <= 0.03 * len(proposed), wrong
    assert len(harmless) <= 0.02 * len(personal), harmless
    assert len(undecided) <= 0.2 * len(found), undecided


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("KLTNR", ("klant", "nr")),
        ("TELMOB", ("tel", "mobile")),
        ("NOMCLI", ("nom", "client")),
        ("vorname", ("vor", "name")),
        ("contact", ("contact",)),
        ("metadata", ("metadata",)),
        ("imię", ("imie",)),
        ("Łódź", ("lodz",)),
    ],
)
def test_short_forms_written_together_are_taken_apart(name: str, said: tuple[str, ...]) -> None:
    """Words that are made of short forms alone; a word of a language stays whole."""
    assert tokens(name) == said


def test_a_reference_that_nothing_declares_is_found_by_its_name() -> None:
    """By the key's own name, and by table and key; not where two tables have it, nor for another sort of type."""
    marks: dict[str, str] = {}
    told = ("rower: rower_no:ik!", "boats: id:ik", "trip: id:ik rower_no:i boat_id:i", "note: id:ik rower_no:t boats:i")
    columns = {
        c.column.path: c.refers_to for t in with_undeclared([table_of(x, marks) for x in told]) for c in t.columns
    }
    assert columns["public.trip.rower_no"] == ("public.rower.rower_no",)
    assert columns["public.trip.boat_id"] == ("public.boats.id",)
    assert columns["public.note.rower_no"] == ()
    assert columns["public.trip.id"] == ()


def test_a_number_by_which_somebody_is_known_keeps_what_refers_to_it() -> None:
    """A key of people that they read themselves is masked, and what leads to it by the same rule, declared or not;
    one that the database gave is not."""
    found, _ = judged(
        "patient: patient_no:ik! surname:t! ward_id:i",
        "bed: id:ik patient_no:i>patient.patient_no",
        "meal: id:ik patient_no:i",
        "visitor: id:ik full_name:t!",
    )
    key = found["public.patient.patient_no"]
    assert isinstance(key, Proposal)
    assert (key.rule, dict(key.settings)) == ("national_id", {"unique": True})
    for path in ("public.bed.patient_no", "public.meal.patient_no"):
        other = found[path]
        assert isinstance(other, Proposal)
        assert (other.rule, dict(other.settings), other.follows) == (key.rule, dict(key.settings), key.column)
    assert isinstance(found["public.visitor.id"], Harmless)
    assert isinstance(found["public.patient.ward_id"], Harmless)


def test_what_is_not_known_in_a_row_about_a_person_is_for_somebody_to_look_at() -> None:
    """Numbers, yes or no, short texts and dates of a person's row; a program's own counters and switches are not
    asked about."""
    found, _ = judged(
        "swimmer: id:ik surname:t! given_name:t! zeta:i theta:b kappa:t lambda:c is_active:b login_count:i"
        " updated_at:ts club_id:i"
    )
    for name in ("zeta", "theta", "kappa", "lambda"):
        assert isinstance(found[f"public.swimmer.{name}"], Undecided), name
    for name in ("id", "is_active", "login_count", "updated_at", "club_id"):
        assert isinstance(found[f"public.swimmer.{name}"], Harmless), name


def test_a_table_is_about_people_by_columns_that_only_people_have() -> None:
    """Whatever it is called; goods and leagues have a sex or an age, too."""
    found, _ = judged(
        "xq17: a1:ik surname:t! date_of_birth:d! name:t~ town:t!",
        "garment: id:ik gender:c colour:c age_from:i",
    )
    assert isinstance(found["public.xq17.town"], Proposal)
    for name in ("gender", "age_from"):
        assert not isinstance(found[f"public.garment.{name}"], Proposal), name
