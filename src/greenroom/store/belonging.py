"""A store belongs to one home. Work says *production*; whose keeper, edge and databases that is, only the home knows.

Two homes on one store would take up each other's work, each in a place of its own: a promotion would end in processes
that the visitors of the other never reach. Nor could one end a worker of the other that is stopped.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select

from greenroom.domain.errors import Refused
from greenroom.store.database import Database
from greenroom.store.tables import meta

HOME, PLACE = "home", "home_place"


def refuse_anothers(database: Database, home: str, place: str) -> None:
    """Asked before the store is opened, which would bring it to today's schema: Refused (`store.other_home`)."""
    if database.file is not None and not database.file.exists():
        return
    try:
        with database.reading() as tx:
            known = _known(tx) if inspect(tx).has_table(meta.name) else {}
    finally:
        database.engine.dispose()  # as `Database.has_lived` says: no connection is open when `open` touches a file
    if known.get(HOME, home) != home:
        raise _anothers(known.get(PLACE, "unknown"), place)


def belong(database: Database, home: str, place: str) -> None:
    """The store belongs to `home` from now on, unless it belongs to another: Refused (`store.other_home`), and nothing
    is changed. `place` tells people where that is."""
    with database.transaction() as tx:
        known = _known(tx)
        if known.get(HOME, home) != home:
            raise _anothers(known.get(PLACE, "unknown"), place)
        for key, value in ((HOME, home), (PLACE, place)):
            if key not in known:
                tx.execute(meta.insert().values(key=key, value=value))
            elif known[key] != value:
                tx.execute(meta.update().where(meta.c.key == key).values(value=value))


def _known(tx: Connection) -> dict[str, str]:
    rows = tx.execute(select(meta.c.key, meta.c.value).where(meta.c.key.in_([HOME, PLACE])))
    return {row.key: row.value for row in rows}


def _anothers(theirs: str, ours: str) -> Refused:
    return Refused(
        "store.other_home",
        f"the store that GREENROOM_STORE names belongs to the home {theirs}",
        because="two homes on one store would carry out each other's work, each with its own processes and visitors;"
        " nothing was changed",
        hint=f"name another database for {ours}; or, where that home is gone, bring back its private/ here"
        " (docs/operate/backup-of-greenroom-itself.md)",
        facts={"home": theirs, "ours": ours},
    )
