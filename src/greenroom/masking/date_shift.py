"""Dates move by some days, the same for everything of one person."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import ByPerson, chosen
from greenroom.masking._sql import integer, value
from greenroom.masking._types import DATES, TEXTS, Kind, kind_of, type_problem, unique_problem

_FIRST = {
    Kind.DATE: "date '4714-11-24 BC'",
    Kind.TIMESTAMP: "timestamp '4714-11-24 00:00:00 BC'",
    Kind.TIMESTAMPTZ: "timestamptz '4714-11-24 00:00:00+00 BC'",
}
_LAST = {
    Kind.DATE: "date '5874897-12-31'",
    Kind.TIMESTAMP: "timestamp '294276-12-31 23:59:59.999999'",
    Kind.TIMESTAMPTZ: "timestamptz '294276-12-31 23:59:59.999999+00'",
}
"""The ends of PostgreSQL's calendar; a shift beyond one would make the statement fail."""


class Settings(ByPerson):
    """Whose, and how far."""

    days: int = Field(
        30, ge=1, le=3650, description="The most days a date moves, forward or back; it moves by one at least."
    )


class DateShiftRule:
    """Whole days, forward or back, the same for all dates of one person (`by`), so that their order and the time
    between them stay. `infinity` stays. Days have 24 hours in `timestamp with time zone`. Within `days` of the
    ends of PostgreSQL's calendar a date moves inward. A text column keeps what follows the date; what begins with
    no date becomes empty."""

    name = "date_shift"
    title = "Dates shifted"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *DATES, *TEXTS) or unique_problem(column, "shuffle")

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        kind, v = kind_of(column), value(column)
        # 1 … days, then a sign: never 0.
        far = f"(mod({integer(by, 12)}, {config.days}) + 1)::int"
        away = f"({far} * (1 - 2 * mod(get_byte({by}, 18), 2)))"
        if kind in TEXTS:
            return Masked(
                f"(CASE WHEN {v} <> '' THEN {_in_text(f'{v}::text', away)} ELSE {v}::text END)::{column.type}", digests
            )
        unit = (
            "" if kind is Kind.DATE else " * interval '1 day'" if kind is Kind.TIMESTAMP else " * interval '24 hours'"
        )
        limit = f"{config.days}{unit}"
        moved = (
            f"CASE WHEN isfinite({v}) THEN {v} + CASE WHEN {v} < {_FIRST[kind]} + {limit} THEN {far}"
            f" WHEN {v} > {_LAST[kind]} - {limit} THEN - {far} ELSE {away} END{unit} ELSE {v} END"
        )
        return Masked(f"({moved})::{column.type}", digests)


def _in_text(text: str, away: str) -> str:
    """Years have four digits here, so no date is out of range; the 31st of a short month counts on into the next."""
    year, month, day = f"left({text}, 4)::int", f"substr({text}, 6, 2)::int", f"substr({text}, 9, 2)::int"
    date = f"make_date({year}, {month}, 1) + ({day} - 1) + {away}"
    shape = "'^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])'"
    return f"CASE WHEN {text} ~ {shape} THEN to_char({date}, 'YYYY-MM-DD') || substr({text}, 11) ELSE '' END"


RULE = DateShiftRule()
