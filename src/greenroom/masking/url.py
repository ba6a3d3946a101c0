"""A web address becomes another one."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import UNIQUE_DIGITS, Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, Keyed, room, room_problem, text_mask
from greenroom.masking._sql import content, hexadecimal, keyed, literal, value
from greenroom.masking._types import type_problem


class Settings(Keyed):
    """Where."""

    host: str = Field(
        "example.com",
        pattern=r"^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$",
        max_length=80,
        description="The host of every address. `example.com` is reserved (RFC 2606).",
    )


class UrlRule:
    """`https://example.com/DIGEST`, with `http` where the value has it. Different addresses stay different. Columns
    that should agree need the same length limit."""

    name = "url"
    title = "Web address"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, *TEXT_KINDS) or room_problem(column, _frame(config) + UNIQUE_DIGITS):
            return problem
        if room(column) < _frame(config) + 4:
            return f"{column.path} has room for {room(column)} characters, too few for an address at {config.host}"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        own = keyed(config.use(self.name), content(column))
        scheme = f"CASE WHEN left({value(column)}::text, 5) = 'http:' THEN 'http' ELSE 'https' END"
        tail = hexadecimal(f"s.{own.name}", min(UNIQUE_DIGITS, room(column) - _frame(config)))
        return text_mask(column, f"{scheme} || {literal(f'://{config.host}/')} || {tail}", (own,))


def _frame(config: Settings) -> int:
    """Characters of scheme, host and slashes at most."""
    return len("https:///") + len(config.host)


RULE = UrlRule()
