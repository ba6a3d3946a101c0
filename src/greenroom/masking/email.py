"""An e-mail address becomes another one at a domain that receives no mail."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import UNIQUE_DIGITS, Column, Masked, RuleConfig
from greenroom.masking._keyed import (
    FIRST_NAME,
    LAST_NAME,
    TEXT_KINDS,
    Local,
    chosen,
    locale_problem,
    room,
    room_problem,
    text_mask,
)
from greenroom.masking._sql import content, hexadecimal, keyed, literal
from greenroom.masking._types import type_problem
from greenroom.masking._words import longest, word


class Settings(Local):
    """Whose, and where."""

    host: str = Field(
        "example.com",
        pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        max_length=80,
        description="What stands after the `@`. `example.com` is reserved and receives no mail (RFC 2606).",
    )


class EmailRule:
    """`first.last.DIGEST@example.com`, in a narrow column `DIGEST@example.com`. Different addresses stay different;
    with `by` the names are those of the person. Columns that should agree need the same length limit."""

    name = "email"
    title = "E-mail address"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        needed = UNIQUE_DIGITS + 1 + len(config.host)
        if problem := type_problem(column, *TEXT_KINDS) or locale_problem(config) or room_problem(column, needed):
            return problem
        if room(column) < len(config.host) + 5:
            return f"{column.path} has room for {room(column)} characters, too few for an address at {config.host}"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        own = keyed(config.use(self.name), content(column))
        by, digests = chosen(config, column, self.name)
        at = literal("@" + config.host)
        names = longest(config.locale, "first_name_local") + 1 + longest(config.locale, "last_name_local")
        space = room(column) - 1 - len(config.host)
        # Bytes from 20 on are used by no name, so that the digest tells nothing of them.
        tail = hexadecimal(f"s.{own.name}", min(UNIQUE_DIGITS, space), 20)
        if space < names + 1 + UNIQUE_DIGITS:
            return text_mask(column, f"{tail} || {at}", (own,))
        first = word(config.locale, "first_name_local", by, FIRST_NAME)
        last = word(config.locale, "last_name_local", by, LAST_NAME)
        return text_mask(column, f"{first} || '.' || {last} || '.' || {tail} || {at}", (own, *digests))


RULE = EmailRule()
