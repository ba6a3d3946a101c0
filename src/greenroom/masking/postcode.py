"""A postcode becomes another one of the same shape."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, ByPerson, chosen, text_mask
from greenroom.masking._shape import reshaped
from greenroom.masking._sql import value
from greenroom.masking._types import type_problem, unique_problem


class Settings(ByPerson):
    """Whose."""


class PostcodeRule:
    """Digits become digits, letters letters, spaces and hyphens stay. The code need not exist. A code of n digits stays
    as it is with a chance of one in 10 to the power of n."""

    name = "postcode"
    title = "Postcode"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unique_problem(
            column, "national_id with `unique: true`, or shuffle"
        )

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        return text_mask(column, reshaped(f"{value(column)}::text", by), digests)


RULE = PostcodeRule()
