"""A telephone number becomes another one in the same format."""

from __future__ import annotations

from greenroom.domain.likeness import TWO_DIGIT_CODES
from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, text_mask
from greenroom.masking._shape import permuted, reshaped
from greenroom.masking._sql import content, digest, given, keyed, source, value
from greenroom.masking._types import type_problem
from greenroom.masking._unique import MayBeUnique, unset_problem


class Settings(MayBeUnique):
    """Whether different numbers stay different."""


class PhoneRule:
    """Every digit becomes another, except the country code after `+` or `00` and a leading zero (with `unique`: after
    `+` alone); brackets, spaces and the length stay. A number of n other digits keeps itself with a chance of one
    in 10 to the power of n."""

    name = "phone"
    title = "Telephone number"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unset_problem(config, column)

    def mask(self, config: Settings, column: Column) -> Masked:
        kept = digest(_kept(f"{source(column)}::text", only_plus=config.unique))
        v = f"{value(column)}::text"
        if config.unique:
            other = permuted(f"substr({source(column)}::text, {kept.sql} + 1)", config.use(self.name))
            return text_mask(column, f"left({v}, s.{kept.name}) || s.{other.name}", (kept, other))
        own = keyed(config.use(self.name), content(column))
        rest = given({"x": f"substr({v}, s.{kept.name} + 1)", "h": f"s.{own.name}"}, [], reshaped("g.x", "g.h"))
        return text_mask(column, f"left({v}, s.{kept.name}) || {rest}", (kept, own))


def _kept(text: str, *, only_plus: bool) -> str:
    """How many characters at the beginning stay."""
    digit = ", ".join(f"'{n}'" for n in range(10))
    two = ", ".join(f"'{code}'" for code in TWO_DIGIT_CODES.split())

    # Whatever stays is what decides how much stays: a mask has the prefix of its value, so no two prefixes meet.
    def country(start: int) -> str:
        first, second, third = (f"substr({text}, {start + n}, 1) IN ({digit})" for n in (1, 2, 3))
        return (
            f"{start} + CASE WHEN NOT {first} THEN 0 WHEN substr({text}, {start + 1}, 1) IN ('1', '7') THEN 1"
            f" WHEN NOT {second} THEN 1 WHEN substr({text}, {start + 1}, 2) IN ({two}) THEN 2"
            f" WHEN {third} THEN 3 ELSE 2 END"
        )

    plus = f"CASE WHEN left({text}, 1) = '+' THEN {country(1)}"
    if only_plus:
        return f"{plus} ELSE 0 END"
    zero = f"WHEN left({text}, 1) = '0' AND length({text}) > 1 THEN 1"
    return f"{plus} WHEN left({text}, 2) = '00' THEN {country(2)} {zero} ELSE 0 END"


RULE = PhoneRule()
