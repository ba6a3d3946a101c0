"""Does anything come from the future? Then this clock went back, or was ahead when that was written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed
from greenroom.store import tables as t

TOLERATED = timedelta(minutes=1)
NEWEST = 1000


def look(app: App) -> Iterator[Found]:
    """The newest thousand entries: one that was written before the clock was set right stands among right ones."""
    now = app.world.clock.now()
    c = t.ledger.c
    with app.world.store.database.reading() as tx:
        last = tx.scalar(select(func.max(c.seq))) or 0
        late = (c.seq > last - NEWEST) & (c.at > now + TOLERATED)
        count = tx.scalar(select(func.count()).where(late)) or 0
        first = tx.execute(select(c.seq, c.at, c.event).where(late).order_by(c.seq).limit(1)).first()
    if first is None:
        yield passed("clock", f"no entry comes from the future; it is {now:%Y-%m-%d %H:%M} UTC")
        return
    said = f"{count} ledger entries are of a time to come: {first.seq} ({first.event}) is of {first.at:%Y-%m-%d %H:%M}"
    way_out = f"it is {now:%Y-%m-%d %H:%M} UTC here: set this clock right; if it is right, they pass with time"
    yield failed("clock", said, way_out)
