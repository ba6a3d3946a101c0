"""Does something run that nobody knows: neither in place, nor under way, nor what a way back would switch to?"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed
from greenroom.store import records
from greenroom.store import tables as t
from greenroom.store.works import unfinished

w = t.work.c


def look(app: App) -> Iterator[Found]:
    running = app.world.runtime.instances()
    with app.world.store.database.reading() as tx:  # read after: what was begun meanwhile is known
        known = {row.current_work for row in records.environments(tx)}
        for work, facts in tx.execute(select(w.id, w.facts).where(unfinished())):
            was = ((facts or {}).get("restore-point") or {}).get("was") or {}
            known |= {work, was.get("work")}
    tags = {(k or "").rpartition("-")[2] for k in known}
    strange = [i for i in running if i.id.rpartition(".")[2] not in tags]
    for one in strange:
        way_out = "greenroom down, then greenroom up: only what is recorded is started again; that interrupts visitors"
        yield failed("strangers", f"{one.id} runs (process {one.pid}), and nobody knows why", way_out)
    if not strange:
        yield passed("strangers", f"{len(running)} instances run, each known")
