"""A user name becomes another one."""

from __future__ import annotations

from greenroom.domain.masking import UNIQUE_DIGITS, Column, Masked, RuleConfig
from greenroom.masking._keyed import (
    FIRST_NAME,
    TEXT_KINDS,
    Local,
    chosen,
    locale_problem,
    room,
    room_problem,
    text_mask,
)
from greenroom.masking._sql import content, hexadecimal, keyed
from greenroom.masking._types import type_problem
from greenroom.masking._words import longest, word


class Settings(Local):
    """Whose, and from which list."""


class UsernameRule:
    """`first-DIGEST`, in a narrow column the digest alone. Different names stay different. Columns that should agree
    need the same length limit."""

    name = "username"
    title = "User name"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return type_problem(column, *TEXT_KINDS) or locale_problem(config) or room_problem(column, UNIQUE_DIGITS)

    def mask(self, config: Settings, column: Column) -> Masked:
        own = keyed(config.use(self.name), content(column))
        by, digests = chosen(config, column, self.name)
        tail = hexadecimal(f"s.{own.name}", min(UNIQUE_DIGITS, room(column)), 20)
        if room(column) < longest(config.locale, "first_name_local") + 1 + UNIQUE_DIGITS:
            return text_mask(column, tail, (own,))
        first = word(config.locale, "first_name_local", by, FIRST_NAME)
        return text_mask(column, f"{first} || '-' || {tail}", (own, *digests))


RULE = UsernameRule()
