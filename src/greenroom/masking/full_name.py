"""A person's whole name becomes another one: first and last name."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import FIRST_NAME, LAST_NAME, TEXT_KINDS, Local, chosen, locale_problem, text_mask
from greenroom.masking._types import type_problem, unique_problem
from greenroom.masking._words import longest, word


class Settings(Local):
    """Whose, and from which lists."""


class FullNameRule:
    """First and last name from two lists. With the same `by`, they are those that first_name and last_name give."""

    name = "full_name"
    title = "Full name"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unique_problem(column) or locale_problem(config)

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        first = word(config.locale, "first_name", by, FIRST_NAME)
        last = word(config.locale, "last_name", by, LAST_NAME)
        most = longest(config.locale, "first_name") + 1 + longest(config.locale, "last_name")
        return text_mask(column, f"{first} || ' ' || {last}", digests, most)


RULE = FullNameRule()
