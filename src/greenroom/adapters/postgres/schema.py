"""The schema's fingerprint: one digest over what an application can tell apart.

Covers every schema but the system's: tables with their columns, constraints, indexes, views, functions, types,
sequences, triggers, row policies and extensions. Leaves out what differs between equal schemas: object
identifiers, dropped columns, owners, privileges, comments, statistics and the values of sequences. What belongs to an
extension is covered by the extension's name and version. Definitions are the server's own renderings, so the digest
compares schemas within one major version.
"""

from __future__ import annotations

import re

from greenroom.adapters.postgres.connect import Connection
from greenroom.domain.canonical import digest_of

OURS = re.compile(r"OURS\((\w+), ([\w.]+)\)")
"""`OURS(catalog, column)` stands for: in a schema of the application's, and no part of an extension."""

_IS_OURS = r"""n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
             SELECT FROM pg_depend e WHERE e.classid = '\1'::regclass AND e.objid = \2 AND e.deptype = 'e')"""

SECTIONS: dict[str, str] = {
    "schemas": "SELECT n.nspname FROM pg_namespace n WHERE OURS(pg_namespace, n.oid)",
    "extensions": "SELECT extname, extversion FROM pg_extension",
    "relations": """
        SELECT n.nspname, c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity,
               c.relreplident, array_to_string(c.reloptions, ','), pg_get_partkeydef(c.oid),
               pg_get_expr(c.relpartbound, c.oid),
               (SELECT string_agg(i.inhparent::regclass::text, ',' ORDER BY i.inhseqno)
                  FROM pg_inherits i WHERE i.inhrelid = c.oid),
               CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND OURS(pg_class, c.oid)""",
    "columns": """
        SELECT n.nspname, c.relname, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
               format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
               pg_get_expr(d.adbin, d.adrelid), l.collname
          FROM pg_attribute a
          JOIN pg_class c ON c.oid = a.attrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
          LEFT JOIN pg_collation l ON l.oid = a.attcollation
         WHERE a.attnum > 0 AND NOT a.attisdropped
           AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND OURS(pg_class, c.oid)""",
    # NOT NULL is a column's; PostgreSQL 18 lists it among the constraints too.
    "constraints": """
        SELECT n.nspname, coalesce(c.relname, t.typname), k.conname, k.contype, k.convalidated,
               pg_get_constraintdef(k.oid)
          FROM pg_constraint k
          JOIN pg_namespace n ON n.oid = k.connamespace
          LEFT JOIN pg_class c ON c.oid = k.conrelid
          LEFT JOIN pg_type t ON t.oid = k.contypid
         WHERE k.contype NOT IN ('n', 't') AND OURS(pg_class, k.conrelid)""",
    "indexes": """
        SELECT n.nspname, c.relname, i.indisvalid, i.indisreplident, i.indisclustered, pg_get_indexdef(i.indexrelid)
          FROM pg_index i
          JOIN pg_class c ON c.oid = i.indexrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE OURS(pg_class, i.indrelid)""",
    "functions": """
        SELECT n.nspname, p.proname, pg_get_function_identity_arguments(p.oid), p.prokind,
               CASE WHEN p.prokind = 'a' THEN pg_get_function_result(p.oid) ELSE pg_get_functiondef(p.oid) END,
               (SELECT format('%s|%s|%s|%s', g.aggtransfn, g.aggfinalfn, g.aggtranstype::regtype, g.agginitval)
                  FROM pg_aggregate g WHERE g.aggfnoid = p.oid)
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE OURS(pg_proc, p.oid)""",
    "types": """
        SELECT n.nspname, t.typname, t.typtype, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typdefault,
               (SELECT array_to_json(array_agg(e.enumlabel ORDER BY e.enumsortorder))::text
                  FROM pg_enum e WHERE e.enumtypid = t.oid),
               (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid)
          FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE t.typtype IN ('d', 'e', 'r') AND OURS(pg_type, t.oid)""",
    "sequences": """
        SELECT n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmax, s.seqmin,
               s.seqcache, s.seqcycle,
               (SELECT format('%s.%s', d.refobjid::regclass, a.attname)
                  FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                   AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0)
          FROM pg_sequence s
          JOIN pg_class c ON c.oid = s.seqrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE OURS(pg_class, c.oid)""",
    "triggers": """
        SELECT n.nspname, c.relname, t.tgname, t.tgenabled, pg_get_triggerdef(t.oid)
          FROM pg_trigger t
          JOIN pg_class c ON c.oid = t.tgrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE NOT t.tgisinternal AND OURS(pg_class, c.oid)""",
    "rules": """
        SELECT n.nspname, c.relname, r.rulename, r.ev_enabled, pg_get_ruledef(r.oid)
          FROM pg_rewrite r
          JOIN pg_class c ON c.oid = r.ev_class
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE r.rulename <> '_RETURN' AND OURS(pg_class, c.oid)""",
    "policies": """
        SELECT n.nspname, c.relname, p.polname, p.polcmd, p.polpermissive,
               (SELECT string_agg(CASE WHEN r.oid = 0 THEN 'public' ELSE pg_get_userbyid(r.oid) END, ','
                                  ORDER BY pg_get_userbyid(r.oid)) FROM unnest(p.polroles) AS r(oid)),
               pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
          FROM pg_policy p
          JOIN pg_class c ON c.oid = p.polrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE OURS(pg_class, c.oid)""",
}


def fingerprint_of(connection: Connection) -> str:
    """`sha256:…` over all sections; equal for equal schemas, in whatever order they were made.

    `connection` must have `pg_catalog` as its search path, so that every other name is rendered with its schema.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return digest_of({name: _rows(connection, query) for name, query in SECTIONS.items()})


def _rows(connection: Connection, query: str) -> list[list[str]]:
    found = connection.execute(OURS.sub(_IS_OURS, query).encode()).fetchall()
    return sorted([["" if v is None else "=" + _text(v) for v in row] for row in found])


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
