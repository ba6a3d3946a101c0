"""What rules have in common that take a word, or several, from lists by language."""

from __future__ import annotations

from typing import ClassVar

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, Local, chosen, locale_problem, text_mask
from greenroom.masking._types import type_problem, unique_problem
from greenroom.masking._words import longest, word


class Settings(Local):
    """Whose, and from which list."""


class FromLists:
    """Lists are short: for a column of text in which values may come again."""

    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or unique_problem(column) or locale_problem(config)


class FromList(FromLists):
    """One word of the list that is called as the rule is. `offset` says which bytes of the digest choose it."""

    name: ClassVar[str]
    offset: ClassVar[int]

    def mask(self, config: Settings, column: Column) -> Masked:
        by, digests = chosen(config, column, self.name)
        masked = word(config.locale, self.name, by, self.offset)
        return text_mask(column, masked, digests, longest(config.locale, self.name))
