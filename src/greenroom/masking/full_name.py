"""A person's whole name becomes another one: first and last name."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked
from greenroom.masking._keyed import FIRST_NAME, LAST_NAME, chosen, text_mask
from greenroom.masking._listed import FromLists, Settings
from greenroom.masking._words import longest, word


class FullNameRule(FromLists):
    """First and last name from two lists. With the same `by`, they are those that first_name and last_name give."""

    name = "full_name"
    title = "Full name"

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        first = word(config.locale, "first_name", by, FIRST_NAME)
        last = word(config.locale, "last_name", by, LAST_NAME)
        most = longest(config.locale, "first_name") + 1 + longest(config.locale, "last_name")
        return text_mask(column, f"{first} || ' ' || {last}", digests, most)


RULE = FullNameRule()
