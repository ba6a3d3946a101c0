"""A street and house number become another one."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import FIRST_NAME, OTHER, TEXT_KINDS, Local, chosen, locale_problem, text_mask
from greenroom.masking._sql import integer
from greenroom.masking._types import type_problem, unique_problem
from greenroom.masking._words import longest, word

HOUSES = 199
NUMBER_FIRST = ("en", "fr")
"""Languages that write the number before the street."""


class Settings(Local):
    """Whose, and from which list."""


class StreetRule:
    """A street from a list and a house number from 1 to 199, in the order that the language has them."""

    name = "street"
    title = "Street"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unique_problem(column) or locale_problem(config)

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        street = word(config.locale, "street_name", by, OTHER + 6)
        number = f"(mod({integer(by, FIRST_NAME)}, {HOUSES}) + 1)::text"
        parts = (number, street) if config.locale.startswith(NUMBER_FIRST) else (street, number)
        return text_mask(column, " || ' ' || ".join(parts), digests, longest(config.locale, "street_name") + 4)


RULE = StreetRule()
