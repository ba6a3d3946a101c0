"""Is somebody in a database by hand?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed
from greenroom.store import glasses


def look(app: App) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        found = glasses.open_ones(tx)
    if not found:
        yield passed("break-glass", "nobody is let into a database by hand")
    for g in found:
        how = "reads and writes" if g.writes else "reads"
        end = g.expires_at.isoformat(timespec="seconds")
        over = " should have ended at" if g.is_over(app.world.clock.now()) else " until"
        said = f"{g.by} {how} its database by hand{over} {end}: {g.reason}"
        yield failed(f"break-glass {g.environment}", said, f"greenroom break-glass close {g.id}, if it is not needed")
