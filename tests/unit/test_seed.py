"""What the name of a seed file says, and on which line a statement begins."""

from __future__ import annotations

import pytest

from greenroom.adapters.postgres.datasets.sql_lines import statement_lines
from greenroom.domain.seed import seed_file

NAMES = {
    "seed/people.sql": None,
    "seed/visit.csv": (None, "visit"),
    "public.visit.csv": ("public", "visit"),
    "a/Ünï code.csv": (None, "Ünï code"),
}


@pytest.mark.parametrize(("path", "table"), NAMES.items())
def test_a_name_says_what_is_in_it(path: str, table: object) -> None:
    """SQL by its ending; for CSV the table, with its schema where one is written."""
    assert seed_file(path).table == table


@pytest.mark.parametrize("path", ["a.txt", "seed/.sql", "x/.csv", "a.b.c.csv", "seed", "a..csv", ".b.csv", "a.SQL"])
def test_any_other_name_is_none(path: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="a file of SQL statements"):
        seed_file(path)


TEXTS = {
    "": [],
    "\n;;\n -- nothing\n/* nor /* here */ ; */": [],
    "SELECT 1; SELECT 2;\n\nSELECT 3": [1, 1, 3],
    "-- first\nSELECT ';\n';\n\nSELECT \";\"\n;": [2, 5],
    "SELECT E'it\\'s;';\nSELECT 'it''s;\n';\nSELECT 1": [1, 2, 4],
    "DO $x$ BEGIN; $$ ; $y$ ;\n$x$;\nSELECT $$;\n$$;\nSELECT a$b$c;\nSELECT 1": [1, 3, 5, 6],
    "/* a\n /* b; */\n ; */ SELECT 1;\nSELECT 2": [3, 4],
    "CREATE RULE r AS ON INSERT TO t DO (SELECT 1;\nSELECT 2);\nSELECT 3": [1, 3],
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC\nSELECT CASE WHEN true THEN 1 END;\nSELECT 2;\nEND;\nSELECT 3": [
        1,
        5,
    ],
    "BEGIN;\nSELECT 1;\nEND;\nSELECT 2": [1, 2, 3, 4],
    "SELECT 'open\n;": [1],
}


@pytest.mark.parametrize(("text", "lines"), TEXTS.items())
def test_each_statement_has_its_line(text: str, lines: list[int]) -> None:
    """As PostgreSQL and psql take a file apart: quotes, dollars, comments, rules and routines are looked into."""
    assert statement_lines(text) == lines
