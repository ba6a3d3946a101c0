"""Write a store of today's Greenroom into `tests/cases/stores/VERSION/`, for every later version to open.

Run once for each version that is given out, before its successor changes the schema; what is written is committed and
never made again:

    .venv/bin/python scripts/freeze_store.py 0.1.0

Three files of plain SQL: the tables as this version makes them on SQLite and on PostgreSQL, and the rows, which are the
same on both. The story in them is one a team would have: a promotion done, one that failed and was undone, one that
waits for an approval, evidence that was revoked, restore points in the facts of work, a freeze that was lifted.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from pathlib import Path

from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

ROOT = Path(__file__).resolve().parent.parent
HOME = Path("/tmp/greenroom-frozen")
"""Addresses of sockets are written down; this way they name no particular machine."""
sys.path.insert(0, str(ROOT))

from tests.unit.workflows.story import Story  # noqa: E402
from tests.worlds import actor, memory_app, placed, sealed, token  # noqa: E402

from greenroom.domain.roles import Role  # noqa: E402
from greenroom.domain.work import State  # noqa: E402
from greenroom.services import judgements, promotions, record_keeping  # noqa: E402
from greenroom.store import opening  # noqa: E402
from greenroom.store.tables import metadata  # noqa: E402


def main(version: str) -> int:
    to = ROOT / "tests" / "cases" / "stores" / version
    if to.exists():
        print(f"{to.relative_to(ROOT)} is there: a frozen store is never made again")
        return 1
    HOME.mkdir()
    try:
        told = Story(HOME)
        _tell(told)
        assert record_keeping.verify(memory_app(told.world), actor(Role.MANAGER))["verified"]
        told.world.store.database.close()
        to.mkdir(parents=True)
        with sqlite3.connect(HOME / "greenroom.db") as store:
            (to / "sqlite.sql").write_text(_sqlite_schema(store))
            (to / "rows.sql").write_text(_rows(store))
        (to / "postgresql.sql").write_text(_postgresql_schema())
    finally:
        shutil.rmtree(HOME)
    return 0


def _tell(story: Story) -> None:
    app, engineer, manager = memory_app(story.world), actor(Role.ENGINEER), actor(Role.MANAGER)
    token(app, Role.OPERATOR, name="olga")
    _enter(story, story.new)
    bad = sealed(story.world, "3.0")
    placed(story.world, bad, "staging", ago=600)
    story.world.runtime.will_finish(("python", "journey.py"), 1, "the basket is empty")
    _enter(story, bad, ends=State.ROLLED_BACK)
    story.world.runtime.will_finish(("python", "journey.py"), 0, "")
    evidence = next(e for e in app_evidence(story, bad) if e.environment == "staging")
    judgements.revoke(app, actor(Role.ENGINEER), evidence.id, "it was measured with the wrong basket")
    judgements.freeze(app, manager, "production", reason="the shop's birthday")
    judgements.thaw(app, manager, "production")
    waiting = sealed(story.world, "4.0")
    placed(story.world, waiting, "staging", ago=300)
    asked = promotions.promote(app, engineer, waiting, "production").work
    assert asked is not None
    assert story.run(asked.id, until=lambda w: w.state is State.WAITING).state is State.WAITING


def _enter(story: Story, digest: str, ends: State = State.DONE) -> None:
    app = memory_app(story.world)
    work = promotions.promote(app, actor(Role.ENGINEER), digest, "production").work
    assert work is not None
    judgements.approve(app, actor(Role.MANAGER), digest, "production")
    found = story.run(work.id)
    assert found.state is ends, found


def app_evidence(story: Story, digest: str):
    from greenroom.store import records

    with story.world.store.database.reading() as tx:
        return records.evidence_of(tx, digest)


def _sqlite_schema(store: sqlite3.Connection) -> str:
    made = store.execute(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index', type = 'trigger', rowid"
    )
    return "".join(f"{sql.strip()};\n" for (sql,) in made)


def _postgresql_schema() -> str:
    dialect = postgresql.dialect()
    said: list[str] = []
    for table in metadata.sorted_tables:
        said.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        said += [str(CreateIndex(i).compile(dialect=dialect)).strip() for i in sorted(table.indexes, key=str)]
    return "".join(f"{statement};\n" for statement in [*said, *opening.APPEND_ONLY_POSTGRESQL])


def _rows(store: sqlite3.Connection) -> str:
    said = []
    for table in metadata.sorted_tables:
        columns = [c.name for c in table.columns]
        values = " || ', ' || ".join(f'quote("{c}")' for c in columns)
        named = ", ".join(f'"{c}"' for c in columns)
        for (row,) in store.execute(f'SELECT {values} FROM "{table.name}" ORDER BY rowid'):
            said.append(f'INSERT INTO "{table.name}" ({named}) VALUES ({row});\n')
    return "".join(said)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
