"""A UUID becomes another one."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, Keyed, room, text_mask
from greenroom.masking._sql import keyed, source, value
from greenroom.masking._types import Kind, kind_of, type_problem

LENGTH = 36


class Settings(Keyed):
    """It has the settings of every keyed rule alone."""


class UuidRule:
    """A UUID of version 4 with 122 bits of a digest: different ones stay different, and columns of the types uuid and
    text agree (text in capitals too)."""

    name = "uuid"
    title = "UUID"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, Kind.UUID, *TEXT_KINDS):
            return problem
        if kind_of(column) is not Kind.UUID and room(column) < LENGTH:
            return f"{column.path} has room for {room(column)} characters, and a UUID has {LENGTH}"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        is_text = kind_of(column) is not Kind.UUID
        own = keyed(config.use(self.name), f"convert_to({_canonical(source(column), is_text)}, 'UTF8')")
        h = f"substr(s.{own.name}, 1, 16)"
        version = f"set_byte({h}, 6, (get_byte({h}, 6) & 15) | 64)"
        made = f"encode(set_byte({version}, 8, (get_byte({h}, 8) & 63) | 128), 'hex')::uuid"
        if is_text:
            return text_mask(column, f"({made})::text", (own,))
        return Masked(f"(CASE WHEN {value(column)} IS NOT NULL THEN {made} END)::{column.type}", (own,))


def _canonical(sql: str, is_text: bool) -> str:
    """As the type uuid writes it, so far as text has hyphens at all; other texts stay different as they are."""
    if not is_text:
        return f"{sql}::text"
    return f"CASE WHEN {sql}::text ~ '^[0-9A-Fa-f-]{{36}}$' THEN lower({sql}::text) ELSE {sql}::text END"


RULE = UuidRule()
