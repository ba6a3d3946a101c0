"""Values stay, and change places: each row gets another row's."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import Keyed
from greenroom.masking._sql import digest, ident, keyed, source


class Settings(Keyed):
    """In which order, and together with what."""

    by: str | None = Field(
        None,
        min_length=1,
        max_length=63,
        description="A column that tells rows apart, such as the primary key; it makes the shuffle the same at every "
        "refresh in which rows were only added to other tables. By default the whole row counts, which takes longer.",
    )
    together: str = Field(
        "",
        max_length=32,
        description="Columns of a table with the same word here are shuffled together: a town keeps its postcode.",
    )


class ShuffleRule:
    """All rows stand in an order that only the key brings about, and each gets the value of the next, the last that
    of the first. NULLs stay in their rows. No value is lost or new, so it stands on every type and on unique
    columns; but values are real: use it where none of them points to a person. A row keeps its own where its
    neighbour has the same."""

    name = "shuffle"
    title = "Shuffled"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        v = source(column)
        row = f"t.{ident(config.by)}::text" if config.by else "t::text"
        group = f"together/{config.together}" if config.together else f"column/{column.name}"
        order = keyed(config.use(f"shuffle/{group}"), f"convert_to(coalesce({row}, ''), 'UTF8')").sql
        window = f"(PARTITION BY {v} IS NULL ORDER BY {order})"
        # lead() gives NULL in the last row alone, as the rows with NULL are a partition of their own.
        moved = digest(f"coalesce(lead({v}) OVER {window}, first_value({v}) OVER {window})")
        return Masked(f"s.{moved.name}::{column.type}", (moved,), whole_table=True)


RULE = ShuffleRule()
