"""Numbers move by some percent, or by some amount."""

from __future__ import annotations

import re
from decimal import Decimal

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import ByPerson, chosen
from greenroom.masking._sql import integer, value
from greenroom.masking._types import NUMBERS, Kind, bare, kind_of, type_problem, unique_problem

_BYTES = {"smallint": 2, "integer": 4, "bigint": 8}
_SCALE = 1_000_000


class Settings(ByPerson):
    """Whose, and how far."""

    percent: float = Field(10.0, gt=0, le=40, description="The most a number moves, in percent of itself.")
    amount: float | None = Field(
        None, gt=0, le=1e15, description="The most a number moves as an amount; `percent` does not count then."
    )


class NumberNoiseRule:
    """A number moves at random within the limits, and keeps its sign when it moves by percent. Zero stays zero then; a
    small number may be rounded back to itself, an integer moves by one at least. NaN and infinity stay, and what would
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
    n = f"{v}::numeric"
    if config.amount is not None:
        step = f"{part} * {_plain(config.amount)}"
    else:
        step = f"abs({n}) * {part} * {_plain(config.percent / 100)}"
    if kind_of(column) is Kind.INTEGER:
        half = 1 << (8 * _BYTES[bare(column.base)] - 1)
        # An integer moves by one at least; away from an end of its type when it stands there.
        whole = f"greatest(1, round({step}))"
        turned = f"CASE WHEN {n} >= {half - 1} THEN -1 WHEN {n} <= -{half} THEN 1 ELSE {sign} END"
        kept = f"{v} <> 0" if config.amount is None else "true"
        moved = f"CASE WHEN {kept} THEN {n} + {whole} * {turned} ELSE {n} END"
        crossed = f"CASE WHEN abs({n}) = 1 THEN {n} * 2 ELSE {moved} END" if config.amount is None else moved
        return f"CASE WHEN {v} IS NOT NULL THEN least({half - 1}, greatest(-{half}, {crossed})) END"
    moved = f"{n} + {step} * {sign}"
    end = _end_of(column)
    if end is not None:
        precision_end, scale = end
        moved = f"least({precision_end}, greatest(-{precision_end}, round({moved}, {scale})))"
    return f"CASE WHEN {n} IN ('NaN', 'Infinity', '-Infinity') THEN {n} ELSE {moved} END"


def _of_float(config: Settings, column: Column, v: str, part: str, sign: str) -> str:
    f, share = f"{v}::float8", f"{part}::float8"
    biggest, smallest = ("3e38", "1e-37") if bare(column.base) == "real" else ("1e308", "1e-300")
    if config.amount is not None:
        near = f"abs({f}) > {biggest}::float8"
        moved = f"CASE WHEN {near} THEN {f} ELSE {f} + {share} * {_plain(config.amount)} * {sign} END"
    else:
        # Inward near the largest number, outward near the smallest: neither overflow nor underflow.
        turned = f"CASE WHEN abs({f}) * 0.5 > {biggest}::float8 * 0.25 THEN -1 WHEN abs({f}) < {smallest}::float8 THEN 1 ELSE {sign} END"
        moved = f"{f} + {f} * ({share} * {_plain(config.percent / 100)}) * {turned}"
    ordinary = (
        f"{f} NOT IN ('NaN', 'Infinity', '-Infinity', 0)"
        if config.amount is None
        else (f"{f} NOT IN ('NaN', 'Infinity', '-Infinity')")
    )
    return f"CASE WHEN {ordinary} THEN {moved} ELSE {f} END"


def _plain(number: float) -> str:
    """Without exponent: SQL reads it as exact."""
    return f"{Decimal(repr(number)):f}"


def _end_of(column: Column) -> tuple[str, int] | None:
    """The largest number that `numeric(p,s)` holds, and s; None where the type has no limits."""
    found = re.search(r"numeric\((\d+)(?:,(-?\d+))?\)", column.type) or re.search(
        r"numeric\((\d+)(?:,(-?\d+))?\)", column.base
    )
    if found is None:
        return None
    precision, scale = int(found[1]), int(found[2] or 0)
    return f"{(Decimal(10) ** precision - 1).scaleb(-scale):f}", scale


RULE = NumberNoiseRule()
