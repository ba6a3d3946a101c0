"""Does the database itself read well, every page of it?"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed

WAY_OUT = (
    "stop with greenroom down --keep-applications, put a copy of greenroom.db in its place without -wal and -shm"
    " (docs/operate/backup-of-greenroom-itself.md), then greenroom up"
)


def look(app: App) -> Iterator[Found]:
    database = app.world.store.database
    try:
        problems = database.damage()
        with database.reading() as tx:
            rows = app.world.store.recorder.count(tx)
    except SQLAlchemyError as e:
        yield failed("store", f"the store cannot be read: {str(e).splitlines()[0]}", WAY_OUT)
        return
    if problems:
        yield failed("store", f"the database file is damaged: {'; '.join(problems)}", WAY_OUT)
    else:
        yield passed("store", f"reads well, {rows} ledger entries")
