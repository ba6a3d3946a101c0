"""The target of a masked copy: empty before, marked while it is unfinished, marked with the plan when it is whole.

The mark is the comment of the database, so that nothing of ours stands among the application's objects.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.catalog_sql import of_the_application
from greenroom.adapters.postgres.masking.quote import ident, literal
from greenroom.domain.errors import Refused

PREFIX = "Greenroom, masked copy: "

SCHEMAS = """
    SELECT n.nspname FROM pg_namespace n
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1
"""

CONTENT = of_the_application(
    """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE OURS(pg_class, c.oid)
    UNION ALL SELECT format('function %I.%I', n.nspname, p.proname)
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE OURS(pg_proc, p.oid)
    UNION ALL SELECT format('type %I.%I', n.nspname, t.typname)
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE t.typtype IN ('d', 'e', 'r') AND OURS(pg_type, t.oid)
    UNION ALL SELECT format('schema %I', n.nspname) FROM pg_namespace n
     WHERE n.nspname <> 'public' AND OURS(pg_namespace, n.oid)
    UNION ALL SELECT 'large objects' WHERE EXISTS (SELECT FROM pg_largeobject_metadata)
    LIMIT 5
"""
)


@dataclass(frozen=True)
class Mark:
    """What the database's comment says of a copy into it. `plan` names the plan; `is_finished` only at the very end."""

    plan: str
    is_finished: bool


def read_mark(connection: Connection) -> Mark | None:
    said = connection.execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()"
    ).fetchall()[0][0]
    if not said or not said.startswith(PREFIX):
        return None
    return Mark(**json.loads(said.removeprefix(PREFIX)))


def write_mark(connection: Connection, mark: Mark) -> None:
    said = literal(PREFIX + json.dumps(asdict(mark)))
    connection.execute(f"COMMENT ON DATABASE {ident(connection.info.dbname)} IS {said}".encode())


def take_over(connection: Connection, plan: str) -> None:
    """Make the target ours and empty, and mark it unfinished.

    What an unfinished copy left is removed: it belongs to another snapshot. Raises Refused (`data.target_not_empty`)
    when there is anything that no unfinished copy of ours can have made.
    """
    mark = read_mark(connection)
    if mark is not None and not mark.is_finished:
        clear(connection)
    found = [name for (name,) in connection.execute(CONTENT.encode()).fetchall()]
    if found:
        raise Refused(
            "data.target_not_empty",
            f"the target {connection.info.dbname} is not empty",
            because=f"it holds {', '.join(found)}",
            hint="make an empty database for the masked copy",
        )
    write_mark(connection, Mark(plan, is_finished=False))


def clear(connection: Connection) -> None:
    """Remove everything but what a new database has."""
    with connection.transaction():
        for (name,) in connection.execute("SELECT evtname FROM pg_event_trigger").fetchall():
            connection.execute(f"DROP EVENT TRIGGER {ident(name)}".encode())
        for (name,) in connection.execute("SELECT extname FROM pg_extension WHERE extname <> 'plpgsql'").fetchall():
            connection.execute(f"DROP EXTENSION IF EXISTS {ident(name)} CASCADE".encode())
        for (name,) in connection.execute(SCHEMAS.encode()).fetchall():
            connection.execute(f"DROP SCHEMA {ident(name)} CASCADE".encode())
        connection.execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
        connection.execute("CREATE SCHEMA public AUTHORIZATION pg_database_owner")
        connection.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")
        connection.execute("COMMENT ON SCHEMA public IS 'standard public schema'")
