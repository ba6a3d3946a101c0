"""Seed files: synthetic data that travels in a release, as SQL or as CSV.

seed/people.sql             statements
seed/public.visit.csv       rows of public.visit, a header first
seed/visit.csv              rows of the table that the application finds under that name
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

SQL, CSV = ".sql", ".csv"
SHOULD = "a file of SQL statements (NAME.sql), or of the rows of a table (TABLE.csv or SCHEMA.TABLE.csv)"


@dataclass(frozen=True)
class SeedFile:
    """A seed file by its path in the release. `table` is None for SQL; the schema None where the name says none."""

    path: str
    table: tuple[str | None, str] | None


def seed_file(path: str) -> SeedFile:
    """What a path says about its contents. Raises ValueError with the words `SHOULD` for any other name."""
    name = PurePosixPath(path).name
    stem, dot, ending = name.rpartition(".")
    if stem and f"{dot}{ending}" == SQL:
        return SeedFile(path, None)
    if stem and f"{dot}{ending}" == CSV:
        match stem.split("."):
            case [table] if table:
                return SeedFile(path, (None, table))
            case [schema, table] if schema and table:
                return SeedFile(path, (schema, table))
    raise ValueError(SHOULD)
