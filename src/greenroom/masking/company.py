"""A company becomes another one."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import OTHER, TEXT_KINDS, Local, chosen, locale_problem, text_mask
from greenroom.masking._types import type_problem, unique_problem
from greenroom.masking._words import longest, word


class Settings(Local):
    """Whose, and from which list."""


class CompanyRule:
    """A company from a list. The list is short, so many share a name, and one in a few hundred keeps its own by
    chance."""

    name = "company"
    title = "Company"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unique_problem(column) or locale_problem(config)

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        return text_mask(column, word(config.locale, "company", by, OTHER), digests, longest(config.locale, "company"))


RULE = CompanyRule()
