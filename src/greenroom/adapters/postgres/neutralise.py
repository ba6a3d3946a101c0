"""Makes a copy of production's database harmless: what would act on the outside, or let somebody in, is taken away."""

from __future__ import annotations

from psycopg import sql

from greenroom.adapters.postgres.connect import APP, SUPERUSER, Connection


def neutralise(connection: Connection) -> list[str]:
    """Everything of the kind; what was done, in words. Idempotent. The connection is a superuser's, in autocommit."""
    done = []
    query = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname NOT IN (%s, %s) ORDER BY 1"
    for (role,) in connection.execute(query, [APP, SUPERUSER]).fetchall():
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))
        done.append(f"the role {role} cannot log in here")
    return done
