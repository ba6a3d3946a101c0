"""The types of columns: the same on SQLite and PostgreSQL, and fit for whatever text a stranger's program prints.

Neither store takes every Python text: PostgreSQL has no U+0000, and half of a surrogate pair has no UTF-8. `storable`
replaces both by U+FFFD; whatever is hashed is made storable first, so that it reads back as it was hashed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Dialect, TypeDecorator
from sqlalchemy import Text as PlainText

from greenroom.domain.errors import Errored
from greenroom.domain.ledger import parse_timestamp, timestamp

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: Any) -> Any:
    """The value with every text in it, keys too, as a store takes it; equal when nothing was wrong with it."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, Mapping):
        return {storable(k): storable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(v) for v in value]
    return value


class Text(TypeDecorator[str]):
    """Text of any origin, in rows and in conditions."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(storable(value))


class Instant(TypeDecorator[datetime]):
    """An aware instant as sortable text."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else timestamp(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        try:
            return None if value is None else parse_timestamp(value)
        except ValueError:
            raise _unreadable("an instant", value) from None


class Json(TypeDecorator[Any]):
    """A JSON value as text with sorted keys."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(storable(value), sort_keys=True, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        try:
            return None if value is None else json.loads(value)
        except (ValueError, RecursionError):
            raise _unreadable("JSON", value) from None


def _unreadable(what: str, value: object) -> Errored:
    return Errored(
        "store.damaged",
        "the store holds a value that Greenroom never wrote",
        because=f"{str(value)[:80]!r} is not {what}",
        hint="greenroom ledger verify looks for every difference; restore the store from a copy",
    )
