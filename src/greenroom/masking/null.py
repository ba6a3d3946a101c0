"""The column is emptied: every value becomes NULL."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig


class Settings(RuleConfig):
    """It has no settings."""


class NullRule:
    """NULL in every row. It stands on every type; the column has to allow NULL."""

    name = "null"
    title = "Emptied"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        if column.nullable:
            return None
        return f"{column.path} does not allow NULL; use constant, or free_text with `mode: removed`"

    def mask(self, config: Settings, column: Column) -> Masked:
        return Masked(f"NULL::{column.type}")


RULE = NullRule()
