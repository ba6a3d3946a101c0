"""A national identity, tax or social security number becomes another one of the same pattern."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, room, text_mask
from greenroom.masking._shape import permuted, permuted_integer, reshaped
from greenroom.masking._sql import content, integer, keyed, literal, source, value
from greenroom.masking._types import Kind, kind_of, largest, type_problem, whole_digits
from greenroom.masking._unique import MayBeUnique, unset_problem

_RADIX = {"9": 10, "A": 26, "a": 26}
_FIRST = {"9": "0", "A": "A", "a": "a"}
PLACES = 9  # places cut from one integer of 48 bits: 26 to the power of 9 is less


class Settings(MayBeUnique):
    """The pattern, and whether different numbers stay different."""

    pattern: str | None = Field(
        None,
        min_length=1,
        max_length=40,
        description="What every number looks like: `9` is a digit, `A` and `a` a letter, all else stands for itself. "
        "By default each keeps the shape it has.",
    )


class NationalIdRule:
    """Digits become digits, letters letters of the same case, all else stays. Check digits inside the number are not
    computed. A number of n digits keeps itself with a chance of one in 10 to the power of n. An integer, or a
    `numeric` of at most 18 digits without decimals, becomes another one of as many digits, different for different
    ones, the same in every column of its type; zero stays, and `NaN` becomes zero."""

    name = "national_id"
    title = "National identity number"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        problem = None if whole_digits(column) else type_problem(column, Kind.INTEGER, *TEXT_KINDS)
        return problem or unset_problem(config, column) or _pattern_problem(config, column)

    def mask(self, config: Settings, column: Column) -> Masked:
        if _is_number(column):
            own = source(column)
            whole = f"(CASE WHEN {own} = 'NaN' THEN 0 ELSE {own} END)" if whole_digits(column) else own
            number = permuted_integer(f"{whole}::bigint", largest(column), config.use(self.name))
            return Masked(f"s.{number.name}::{column.type}", (number,))
        if config.pattern is not None:
            digest = keyed(config.use(self.name), content(column))
            text = _from_pattern(config.pattern, f"s.{digest.name}")
            return text_mask(column, text, (digest,), len(config.pattern))
        if config.unique:
            other = permuted(f"{source(column)}::text", config.use(self.name))
            return text_mask(column, f"s.{other.name}", (other,))
        digest = keyed(config.use(self.name), content(column))
        return text_mask(column, reshaped(f"{value(column)}::text", f"s.{digest.name}"), (digest,))


def _pattern_problem(config: Settings, column: Column) -> str | None:
    if config.pattern is None:
        return None
    if _is_number(column):
        return f"a `pattern` is one of texts, and {column.path} is {column.type}: leave it out"
    if config.unique:
        return "a `pattern` cannot keep every possible value apart: leave it out, and each number keeps its own shape"
    if len(config.pattern) > room(column):
        return f"the pattern has {len(config.pattern)} characters, and {column.path} has room for {room(column)}"
    return None


def _is_number(column: Column) -> bool:
    return kind_of(column) is Kind.INTEGER or whole_digits(column) > 0


def _from_pattern(pattern: str, digest_sql: str) -> str:
    parts, place = [], 0
    for character in pattern:
        if character not in _RADIX:
            parts.append(literal(character))
            continue
        number = integer(digest_sql, 6 * (place // PLACES % 4))
        radix, shift = _RADIX[character], 26 ** (place % PLACES)
        parts.append(f"chr({ord(_FIRST[character])} + mod({number} / {shift}, {radix})::int)")
        place += 1
    return " || ".join(parts)


RULE = NationalIdRule()
