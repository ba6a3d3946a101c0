"""A payment card's number becomes another one that passes the check (ISO/IEC 7812, Luhn)."""

from __future__ import annotations

from greenroom.domain.masking import Column, Digest, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, text_mask
from greenroom.masking._shape import digits_in, eighteen_digits, formatted, permuted, permuted_number, power, reshaped
from greenroom.masking._sql import content, digest, given, keyed, source, value
from greenroom.masking._types import type_problem
from greenroom.masking._unique import MayBeUnique, unset_problem

SHORTEST, LONGEST = 12, 18
# What a pair of digits adds to the sum: the left one doubled (9 less when that has two digits), and the right one.
_PAIRS = "'{" + ",".join(str((2 * a - 9 if a > 4 else 2 * a) + b) for a in range(10) for b in range(10)) + "}'::int[]"


class Settings(MayBeUnique):
    """Whether different numbers stay different."""


class CardNumberRule:
    """Grouping, length and first digit stay, the last digit is computed. Values that are no card number (12 to 18
    digits with spaces, dots or hyphens) keep their shape. With `unique`, a number with a wrong check digit gets a
    wrong one again, or two could fall together. A number of n digits keeps itself with a chance of one in 10 to
    the power of n - 2."""

    name = "card_number"
    title = "Payment card number"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unset_problem(config, column)

    def mask(self, config: Settings, column: Column) -> Masked:
        if config.unique:
            whole = _unique(f"{source(column)}::text", config.use(self.name))
            return text_mask(column, f"s.{whole.name}", (whole,))
        v = f"{value(column)}::text"
        own = keyed(config.use(self.name), content(column))
        # The payload stands below the mask: its check digit is a sum over it.
        payload = digest(_payload(f"{source(column)}::text", own.sql))
        number = f"(s.{payload.name} + {_check(f's.{payload.name}')})"
        made = f"CASE WHEN s.{payload.name} IS NULL THEN {reshaped(v, f's.{own.name}')} ELSE {formatted(number, v)} END"
        return text_mask(column, made, (own, payload))


def _is_card(text: str) -> str:
    d = digits_in(text)
    return f"(translate({text}, '0123456789 -.', '') = '' AND length({d}) BETWEEN {SHORTEST} AND {LONGEST})"


def _payload(text: str, digest_sql: str) -> str:
    """First digit and other digits, with 0 for the check digit; NULL for what is no card number."""
    d = digits_in(text)
    middle = f"mod({eighteen_digits('g.h')}, {power('length(g.c) - 2')})"
    made = f"left(g.c, 1)::bigint * {power('length(g.c) - 1')} + {middle} * 10"
    return f"CASE WHEN {_is_card(text)} THEN {given({'c': d, 'h': digest_sql}, [], made)} END"


def _sum(number: str) -> str:
    """The Luhn sum of a bigint, two digits at a time from the right."""
    pairs = (f"({_PAIRS})[mod({number} / {100**n}, 100)::int + 1]" for n in range(LONGEST // 2))
    return f"({' + '.join(pairs)})"


def _check(payload: str) -> str:
    """The digit that makes a number ending in 0 pass."""
    return f"mod(10 - mod({_sum(payload)}, 10), 10)"


def _unique(text: str, use: str) -> Digest:
    """How far the check digit is from the right one stays, which is 0 for all real numbers."""
    size = "length(g.c)"
    first = "left(g.c, 1)::bigint"
    steps = [
        ("number", "g.c::bigint"),
        ("wrong", _sum("g.number")),
        ("middle", f"mod(g.number, {power(f'{size} - 1')}) / 10"),
        ("moved", permuted_number("g.middle", f"{size} - 2", use, first)),
        ("payload", f"{first} * {power(f'{size} - 1')} + g.moved * 10"),
    ]
    number = f"(g.payload + mod({_check('g.payload')} + g.wrong, 10))"
    made = given({"x": text, "c": digits_in(text)}, steps, formatted(number, "g.x"))
    return digest(f"CASE WHEN {_is_card(text)} THEN {made} ELSE ({permuted(text, use).sql}) END")


RULE = CardNumberRule()
