"""A value becomes a keyed hash of itself."""

from __future__ import annotations

from pydantic import Field

from greenroom.domain.masking import UNIQUE_DIGITS, Column, Masked, RuleConfig
from greenroom.masking._keyed import TEXT_KINDS, Keyed, room, room_problem, text_mask
from greenroom.masking._sql import content, exposed, hexadecimal
from greenroom.masking._types import type_problem


class Settings(Keyed):
    """How long."""

    length: int = Field(32, ge=4, le=64, description="Hexadecimal digits of the hash, cut where the column ends.")


class KeyedHashRule:
    """Hexadecimal digits of a hash that only the project's key brings about (SHA-256 with the key, twice). For tokens,
    external identifiers, and whatever else only has to stay different and equal where it was equal."""

    name = "keyed_hash"
    title = "Keyed hash"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        if problem := type_problem(column, *TEXT_KINDS) or room_problem(column, UNIQUE_DIGITS):
            return problem
        if column.unique and config.length < UNIQUE_DIGITS:
            return f"{column.path} is unique: `length` should be {UNIQUE_DIGITS} or more"
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        own = exposed(config.use(self.name), content(column))
        return text_mask(column, hexadecimal(f"s.{own.name}", min(config.length, room(column))), (own,))


RULE = KeyedHashRule()
