"""Every value becomes one and the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_interface, ip_network
from uuid import UUID

from pydantic import Field

from greenroom.domain.masking import Column, Masked, RuleConfig
from greenroom.masking._sql import literal, value
from greenroom.masking._types import DATES, NUMBERS, TEXTS, Kind, kind_of, limit_of, unique_problem

_READERS: dict[Kind, Callable[[str], object]] = {
    Kind.DATE: date.fromisoformat,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.TIMESTAMPTZ: datetime.fromisoformat,
    Kind.UUID: UUID,
    Kind.JSON: json.loads,
    Kind.JSONB: json.loads,
    Kind.INET: ip_interface,
    Kind.CIDR: ip_network,
}
_RANGES = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}


class Settings(RuleConfig):
    """The value."""

    value: str | int | float | bool = Field(
        description="What stands in every row that is not NULL, as text that PostgreSQL reads as the column's type."
    )


class ConstantRule:
    """One value in every row that is not NULL; empty text becomes it too."""

    name = "constant"
    title = "One value for all"
    Config: type[RuleConfig] = Settings
    keeps_unique = False

    def problem(self, config: Settings, column: Column) -> str | None:
        return unique_problem(column) or _value_problem(_text(config), column)

    def mask(self, config: Settings, column: Column) -> Masked:
        v = value(column)
        return Masked(f"CASE WHEN {v} IS NULL THEN {v} ELSE {literal(_text(config))}::{column.type} END")


def _text(config: Settings) -> str:
    return str(config.value).lower() if isinstance(config.value, bool) else str(config.value)


def _value_problem(text: str, column: Column) -> str | None:
    """Why the value does not fit, as far as that can be told without asking PostgreSQL."""
    kind, limit = kind_of(column), limit_of(column)
    if "\0" in text:
        return "the value has a zero byte, which PostgreSQL's text cannot hold"
    if kind in TEXTS and limit is not None and len(text) > limit:
        return f"the value has {len(text)} characters, and {column.path} has room for {limit}"
    if kind is Kind.ENUM and text not in column.labels:
        return f"{text!r} is none of the labels of {column.type}: {', '.join(column.labels)}"
    if kind is Kind.BOOLEAN and text not in ("true", "false"):
        return f"{text!r} is neither true nor false, and {column.path} is boolean"
    if kind in NUMBERS:
        return _number_problem(text, kind, column)
    return _form_problem(text, kind, column)


def _form_problem(text: str, kind: Kind, column: Column) -> str | None:
    """Types whose text form Python reads too. PostgreSQL takes more forms of a date; one is enough."""
    if kind not in _READERS or (kind in DATES and text in ("infinity", "-infinity")):
        return None
    try:
        _READERS[kind](text)
    except ValueError:
        return f"{text!r} is no {kind}, and {column.path} is {column.type}"
    return None


def _number_problem(text: str, kind: Kind, column: Column) -> str | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return f"{text!r} is no number, and {column.path} is {column.type}"
    if kind is Kind.INTEGER:
        span = _RANGES[column.base]
        if not number.is_finite() or number != number.to_integral_value() or not -span <= number < span:
            return f"{text} is outside of {column.type}, the type of {column.path}"
    return None


RULE = ConstantRule()
