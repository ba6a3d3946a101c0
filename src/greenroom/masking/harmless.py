"""The column holds nothing personal: its values pass as they are."""

from __future__ import annotations

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._sql import value


class Settings(RuleConfig):
    """It has no settings."""


class HarmlessRule:
    """Passes every value through. It is how somebody says that a column was looked at and may be seen."""

    name = "harmless"
    title = "Passed through"
    Config: type[RuleConfig] = Settings
    keeps_unique = True

    def problem(self, config: Settings, column: Column) -> str | None:
        return None

    def mask(self, config: Settings, column: Column) -> Masked:
        return Masked(value(column))


RULE = HarmlessRule()
