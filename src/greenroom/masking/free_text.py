"""Free text is removed, or only its shape is left."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS
from greenroom.masking._sql import literal, value
from greenroom.masking._types import type_problem, unique_problem

LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore "
    "magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex "
    "ea commodo consequat. "
)
_SMALL, _CAPITAL, _DIGITS = "abcdefghijklmnopqrstuvwyz", "ABCDEFGHIJKLMNOPQRSTUVWYZ", "123456789"


class Settings(RuleConfig):
    """What is left."""

    mode: Literal["removed", "shape", "lorem"] = Field(
        "removed",
        description="`removed`: empty text. `shape`: letters become `x`, digits `0`, all else stays. `lorem`: as many "
        "characters of a Latin text that says nothing.",
    )


class FreeTextRule:
    """Nothing of what people wrote is left. No search for names in the text: such a search misses some. The shape of
    a text of `x`, `0` and punctuation alone is that text."""

    name = "free_text"
    title = "Free text"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unique_problem(column)

    def mask(self, config: Settings, column: Column) -> Masked:
        v = value(column)
        made = {"removed": "''", "shape": _shape(f"{v}::text"), "lorem": _lorem(f"{v}::text")}[config.mode]
        return Masked(f"(CASE WHEN {v} IS NOT NULL THEN {made} END)::{column.type}")


def _shape(text: str) -> str:
    """Letters of other scripts need an expression that costs more, so it runs over texts that have any."""
    ascii_only = f"translate({text}, '{_SMALL}{_CAPITAL}{_DIGITS}', '{'x' * 25}{'X' * 25}{'0' * 9}')"
    others = f"regexp_replace({ascii_only}, '[^\\x01-\\x7f[:space:][:punct:]]', 'x', 'g')".replace("\\x", "\\\\x")
    others = others.replace(" '[^", " E'[^")
    return f"CASE WHEN octet_length({text}) = length({text}) THEN {ascii_only} ELSE {others} END"


def _lorem(text: str) -> str:
    return f"left(repeat({literal(LOREM)}, length({text}) / {len(LOREM)} + 1), length({text}))"


RULE = FreeTextRule()
