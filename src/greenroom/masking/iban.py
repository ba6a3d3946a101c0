"""A bank account number (IBAN) becomes another one that passes the check (ISO 13616, modulo 97)."""

from __future__ import annotations

from greenroom.domain.masking import Column, Digest, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, text_mask
from greenroom.masking._shape import eighteen_digits, permuted, reshaped
from greenroom.masking._sql import content, digest, given, keyed, literal, source
from greenroom.masking._types import type_problem
from greenroom.masking._unique import MayBeUnique, unset_problem

_FORM = "'^[A-Z]{2}[0-9]{2}([0-9A-Z]+|( [0-9A-Z]{4})+( [0-9A-Z]{1,3})?)$'"
"""Without spaces, or in groups of four; anything else is text like any other."""


class Settings(MayBeUnique):
    """Whether different numbers stay different."""


class IbanRule:
    """Country, length and groups of four stay; digits become digits, letters letters, and the check digits are
    computed. Values that are no IBAN keep their shape. With `unique`, wrong check digits are wrong again by as
    much, or two could fall together. A number with n digits after the fourth keeps itself with a chance of one in
    10 to the power of n."""

    name = "iban"
    title = "Bank account number"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unset_problem(config, column)

    def mask(self, config: Settings, column: Column) -> Masked:
        whole = _made(config, column, config.use(self.name))
        return text_mask(column, f"s.{whole.name}", (whole,))


def _made(config: Settings, column: Column, use: str) -> Digest:
    text = f"{source(column)}::text"
    compact = f"replace({text}, ' ', '')"
    if config.unique:
        account, otherwise = permuted("g.account", use).sql, permuted(text, use).sql
        check = f"mod(98 - {_remainder('g.moved')} - 2 + g.off, 97) + 2"
        off = f"mod(substr(g.c, 3, 2)::int - 98 + {_remainder('g.account')} + 97, 97)"
        # 00, 01 and 99 are never right, and stay what they are.
        given_digits = "substr(g.c, 3, 2)"
        never = f"{given_digits} IN ('00', '01', '99')"
        digits = f"CASE WHEN {never} THEN {given_digits} ELSE lpad(({check})::text, 2, '0') END"
    else:
        own = keyed(use, content(column)).sql
        account = given({"a": "g.account", "h": own}, [], _reshaped_account("g.a", "g.h"))
        otherwise = given({"a": text, "h": own}, [], reshaped("g.a", "g.h"))
        off, digits = "0", f"lpad((98 - {_remainder('g.moved')})::text, 2, '0')"
    steps = [
        ("account", "substr(g.c, 5)"),
        ("off", off),
        ("moved", account),
        ("made", f"left(g.c, 2) || {digits} || g.moved"),
    ]
    made = given({"x": text, "c": compact}, steps, f"CASE WHEN g.x = g.c THEN g.made ELSE {_spaced('g.made')} END")
    short = f"length({text}) <= 42 AND length({compact}) BETWEEN 15 AND 34"
    is_iban = f"CASE WHEN {short} THEN {text} ~ {_FORM} ELSE false END"
    return digest(f"CASE WHEN {is_iban} THEN {made} ELSE {otherwise} END")


def _spaced(compact: str) -> str:
    """In groups of four, the last one as it comes."""
    return f"rtrim(regexp_replace({compact}, '(.{{4}})', {literal(chr(92) + '1 ')}, 'g'))"


def _reshaped_account(text: str, digest_sql: str) -> str:
    """As `reshaped`, by a shorter way for accounts of digits alone."""
    high, low = (f"lpad({eighteen_digits(digest_sql, first)}::text, 18, '0')" for first in (0, 12))
    plain = f"left({high} || {low}, length({text}))"
    return f"CASE WHEN translate({text}, '0123456789', '') = '' THEN {plain} ELSE {reshaped(text, digest_sql)} END"


def _remainder(account: str) -> str:
    """The account with the country of `g.c` and 00 behind it, modulo 97. Letters count as 10 … 35."""
    moved = f"{account} || left(g.c, 2) || '00'"
    number = (
        f"(SELECT string_agg(CASE WHEN ascii(c) > 64 THEN (ascii(c) - 55)::text ELSE c END, '' ORDER BY i)"
        f" FROM string_to_table({moved}, NULL) WITH ORDINALITY AS u(c, i))"
    )
    country = "(ascii(g.c) - 55)::text || (ascii(substr(g.c, 2)) - 55)::text || '00'"
    quick = f"({account} || {country})::numeric"
    return (
        f"mod(CASE WHEN translate({account}, '0123456789', '') = '' THEN {quick} ELSE {number}::numeric END, 97)::int"
    )


RULE = IbanRule()
