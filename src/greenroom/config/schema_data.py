"""The section `data` of `greenroom.yaml`, and what an environment says of its own.

Columns are named `schema.table.column`, as the database keeps the names; one with a dot in it stands in double quotes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from greenroom.config import fields as f
from greenroom.config.durations import Share, Timeout
from greenroom.config.section import Section
from greenroom.domain.source import URL

SourceUrl = Annotated[
    str,
    BeforeValidator(f.as_text),
    WithJsonSchema({"type": "string", "pattern": "^" + re.sub(r"\?P<\w+>", "", URL.pattern) + "$"}),
]
"""Its form is looked at by a rule, which shows no password in what it says."""


class Reference(Section):
    """Columns that refer to others though the database does not know it."""

    from_: list[f.ColumnPath] = Field(alias="from", min_length=1, description="The columns that refer.")
    to: list[f.ColumnPath] = Field(min_length=1, description="As many columns of the table that is referred to.")


class SubsetRoot(Section):
    """Rows that a smaller dataset begins with."""

    table: f.TablePath = Field(description="The table.")
    where: f.Text = Field("", description="An SQL condition over its columns.")
    share: Share | None = Field(None, description="The share of its rows, always the same ones: `5%`.")


class Subset(Section):
    """A smaller dataset that is whole in itself: what its rows refer to is there."""

    roots: list[SubsetRoot] = Field(min_length=1, description="The rows it begins with.")
    children: bool = Field(True, description="Rows that refer to a kept row are kept as well.")


class Clones(Section):
    """Databases of one developer's own, filled with a masked dataset: `greenroom clone`."""

    limit: int = Field(10, ge=0, le=1000, description="How many there may be in all.")
    per_owner: int = Field(3, ge=0, le=1000, description="How many one person may have.")
    expire: Timeout = Field(
        604800.0, description="How long after it was last asked for, by `greenroom clone` or `dev`, one is removed."
    )


class Data(Section):
    """How a copy of production's data is masked before it reaches anybody. A column that is neither ruled nor declared
    harmless stops the refresh and is named."""

    source: f.Name | None = Field(
        None, description="The environment whose data it is. The first of kind production when absent."
    )
    source_url: SourceUrl | None = Field(
        None,
        description="Where its data is read from, when a managed PostgreSQL holds it and no backup can be taken here: "
        "best a replica, and a role that may only read. Without a password. Its backups when absent.",
    )
    source_password: f.VariableName | None = Field(
        None, description="The name of the source environment's secret that holds the password for `source_url`."
    )
    rules: dict[f.ColumnPath, Annotated[Any, Field()]] = Field(
        {},
        description="The masking rule of each column: its name, or `{rule: NAME, …}` with its settings beside. "
        "`greenroom data discover` proposes them.",
    )
    harmless: dict[f.TablePath, list[f.Text]] = Field(
        {},
        description="Columns of a table that were looked at and may be seen, by name: new ones are not meant.",
    )
    references: list[Reference] = Field([], description="References that the database does not declare.")
    subset: Subset | None = Field(None, description="Take a part of the rows. All of them when absent.")
    quasi_identifiers: dict[f.TablePath, list[f.Text]] = Field(
        {},
        description="Columns of a table that together could point at a person, such as birth date, sex and postcode. "
        "After masking, each combination must be shared by `k` rows.",
    )
    k: int = Field(5, ge=2, le=1_000_000, description="How many rows must share a combination of quasi-identifiers.")
    large_objects: bool = Field(False, description="Copy large objects as they are; nothing masks them.")
    seed: list[f.RepositoryPath] = Field(
        [],
        description="Synthetic data that is sealed into each release, for `greenroom data seed`: files of SQL "
        "(`seed/people.sql`) and of a table's rows (`seed/public.visit.csv`, a header first), loaded in this order.",
    )
    keep: int = Field(3, ge=1, le=100, description="How many datasets are kept.")
    clones: Clones = Field(Clones(), description="Databases of one developer's own.")


class EnvironmentData(Section):
    """What an environment's database is filled with when it is refreshed."""

    refresh: Timeout | None = Field(
        None, description="How old its data may become before it is refreshed by itself. Never when absent."
    )
    edits: list[f.Text] = Field(
        [], description="SQL that is run again after each refresh, in order, as the application's role."
    )
