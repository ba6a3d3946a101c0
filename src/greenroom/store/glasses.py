"""Reading break-glass access as it was recorded."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, select

from greenroom.domain.glass import Glass
from greenroom.store import tables as t


def open_ones(tx: Connection, environment: str | None = None) -> list[Glass]:
    """Those nobody closed yet, oldest first, also those whose time is over."""
    query = select(t.glass).where(t.glass.c.closed_at.is_(None)).order_by(t.glass.c.at, t.glass.c.id)
    if environment is not None:
        query = query.where(t.glass.c.environment == environment)
    return [_glass(r._mapping) for r in tx.execute(query)]


def find(tx: Connection, glass_id: str) -> Glass | None:
    row = tx.execute(select(t.glass).where(t.glass.c.id == glass_id)).first()
    return _glass(row._mapping) if row else None


def newest(tx: Connection, *, limit: int) -> list[Glass]:
    """Newest first, closed ones too."""
    query = select(t.glass).order_by(t.glass.c.at.desc(), t.glass.c.id.desc()).limit(limit)
    return [_glass(r._mapping) for r in tx.execute(query)]


def _glass(row: RowMapping) -> Glass:
    return Glass(**{name: row[name] for name in Glass.__dataclass_fields__})
