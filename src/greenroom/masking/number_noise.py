"""Numbers move by some percent, or by some amount."""

from __future__ import annotations

import re
from decimal import Decimal

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import ByPerson, chosen
from greenroom.masking._sql import integer, value
from greenroom.masking._types import NUMBERS, Kind, bare, kind_of, largest, type_problem, unique_problem

_SCALE = 1_000_000
_LIMITS = re.compile(r"numeric\((\d+)(?:,(-?\d+))?\)")


class Settings(ByPerson):
    """Whose, and how far."""

    percent: float = Field(10.0, gt=0, le=40, description="The most a number moves, in percent of itself.")
    amount: float | None = Field(
        None, gt=0, le=1e15, description="The most a number moves as an amount; `percent` does not count then."
    )


class NumberNoiseRule:
    """A number moves at random within the limits, and keeps its sign when it moves by percent; zero stays zero
    then. It keeps its decimal places, and moves by one of the last at least. NaN and infinity stay, and what would
    leave the type's range stops at its end."""

    name = "number_noise"
    title = "Numbers with noise"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *NUMBERS) or unique_problem(column, "shuffle")

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        v = value(column)
        # A numeric in (0, 1], and a sign.
        part = f"((mod({integer(by, 12)}, {_SCALE}) + 1) / {_SCALE}.0)"
        sign = f"(1 - 2 * mod(get_byte({by}, 18), 2))"
        made = _of_float if kind_of(column) is Kind.FLOAT else _of_exact
        return Masked(f"({made(config, column, v, part, sign)})::{column.type}", digests)


def _of_exact(config: Settings, column: Column, v: str, part: str, sign: str) -> str:
    """Integers and numerics: in units of the last place that is written, by one of them at least."""
    n = f"{v}::numeric"
    unit, places = ("1", "0") if kind_of(column) is Kind.INTEGER else (f"('1e-' || scale({n}))::numeric", f"scale({n})")
    most = f"abs({n}) * {_plain(config.percent / 100)}" if config.amount is None else _plain(config.amount)
    step = f"greatest({unit}, round({part} * {most}, {places}))"
    moved = f"{n} + {step} * {sign}"
    if end := _end_of(column):
        # Away from an end of the type where the number stands there, and not beyond it.
        turned = f"CASE WHEN {n} >= {end} THEN -1 WHEN {n} <= -{end} THEN 1 ELSE {sign} END"
        moved = f"least({end}, greatest(-{end}, {n} + {step} * {turned}))"
    if config.amount is None:
        moved = f"CASE WHEN {n} = 0 THEN {n} WHEN abs({n}) = {unit} THEN {n} + {n} ELSE {moved} END"
        moved = f"least({end}, greatest(-{end}, {moved}))" if end else moved
    # Said of NULL too: least() and greatest() would pass it over.
    return f"CASE WHEN {n} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {moved} ELSE {n} END"


def _of_float(config: Settings, column: Column, v: str, part: str, sign: str) -> str:
    f, share = f"{v}::float8", f"{part}::float8"
    biggest, smallest = ("3e38", "1e-37") if bare(column.base) == "real" else ("1e308", "1e-300")
    if config.amount is not None:
        near = f"abs({f}) > {biggest}::float8"
        moved = f"CASE WHEN {near} THEN {f} ELSE {f} + {share} * {_plain(config.amount)} * {sign} END"
    else:
        # Inward near the largest number, outward near the smallest: neither overflow nor underflow.
        is_big, is_small = f"abs({f}) > {biggest}::float8 * 0.5", f"abs({f}) < {smallest}::float8"
        turned = f"CASE WHEN {is_big} THEN -1 WHEN {is_small} THEN 1 ELSE {sign} END"
        moved = f"{f} * (1 + {share} * {_plain(config.percent / 100)} * {turned})"
    ordinary = (
        f"{f} NOT IN ('NaN', 'Infinity', '-Infinity', 0)"
        if config.amount is None
        else (f"{f} NOT IN ('NaN', 'Infinity', '-Infinity')")
    )
    return f"CASE WHEN {ordinary} THEN {moved} ELSE {f} END"


def _plain(number: float) -> str:
    """Without exponent: SQL reads it as exact."""
    return f"{Decimal(repr(number)):f}"


def _end_of(column: Column) -> str:
    """The largest number that the type holds, or nothing where it has no limits."""
    if kind_of(column) is Kind.INTEGER:
        return str(largest(column))
    found = _LIMITS.search(column.type) or _LIMITS.search(column.base)
    if found is None:
        return ""
    precision, scale = int(found[1]), int(found[2] or 0)
    return f"{(Decimal(10) ** precision - 1).scaleb(-scale):f}"


RULE = NumberNoiseRule()
