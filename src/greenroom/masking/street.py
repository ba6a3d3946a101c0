"""A street and house number become another one."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked
from greenroom.masking._keyed import FIRST_NAME, OTHER, chosen, text_mask
from greenroom.masking._listed import FromLists, Settings
from greenroom.masking._sql import integer
from greenroom.masking._words import longest, word

HOUSES = 199
NUMBER_FIRST = ("en", "fr")
"""Languages that write the number before the street."""


class StreetRule(FromLists):
    """A street from a list and a house number from 1 to 199, in the order that the language has them."""

    name = "street"
    title = "Street"

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        street = word(config.locale, "street_name", by, OTHER + 6)
        number = f"(mod({integer(by, FIRST_NAME)}, {HOUSES}) + 1)::text"
        parts = (number, street) if config.locale.startswith(NUMBER_FIRST) else (street, number)
        return text_mask(column, " || ' ' || ".join(parts), digests, longest(config.locale, "street_name") + 4)


RULE = StreetRule()
