"""Every place of the target that holds text: tables, materialized views, large objects, and the schema itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from greenroom.adapters.postgres.connect import Connection
from greenroom.adapters.postgres.masking.leak_reading import LARGE, OVERLAP, SLICE, Guard, rows_of, streamed
from greenroom.adapters.postgres.masking.quote import ident
from greenroom.domain.dotted import dotted
from greenroom.domain.likeness import as_copied

BATCH = 1 << 20
"""Bytes of rows that are folded and searched at once."""

RELATIONS = """
    SELECT n.nspname, c.relname, coalesce(rn.nspname, n.nspname), coalesce(r.relname, c.relname),
           coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0),
           array_agg(a.attname::text ORDER BY a.attnum),
           array_agg(CASE WHEN b.typtype = 'd' THEN b.typbasetype::regtype ELSE b.oid::regtype END::text
                     ORDER BY a.attnum)
      FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type b ON b.oid = a.atttypid
      LEFT JOIN pg_class r ON c.relispartition AND r.oid = pg_partition_root(c.oid)
      LEFT JOIN pg_namespace rn ON rn.oid = r.relnamespace
     WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
       AND n.nspname <> 'information_schema' AND (c.relkind = 'r' OR c.relispopulated)
     GROUP BY c.oid, n.nspname, c.relname, rn.nspname, r.relname
     ORDER BY 3, 4, 1, 2
"""

_NAMED = """
    SELECT c.oid, n.nspname || '.' || c.relname AS path FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""

TEXTS = f"""
    WITH named AS ({_NAMED})
    SELECT 'comment on ' || pg_describe_object(classoid, objoid, objsubid), description FROM pg_description
     WHERE objoid >= 16384
    UNION ALL SELECT 'comment on the database', d.description FROM pg_shdescription d
     WHERE d.classoid = 'pg_database'::regclass
       AND d.objoid = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT 'security label', label FROM pg_seclabel
    UNION ALL SELECT 'default of ' || path || '.' || a.attname, pg_get_expr(d.adbin, d.adrelid)
      FROM pg_attrdef d JOIN named ON named.oid = d.adrelid JOIN pg_attribute a
        ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL SELECT 'value that column ' || path || '.' || a.attname || ' had when it was added', a.attmissingval::text
      FROM pg_attribute a JOIN named ON named.oid = a.attrelid WHERE a.atthasmissing
    UNION ALL SELECT 'constraint ' || k.conname || coalesce(' of ' || path, ''), pg_get_constraintdef(k.oid)
      FROM pg_constraint k LEFT JOIN named ON named.oid = k.conrelid WHERE k.oid >= 16384
    UNION ALL SELECT 'index ' || path, pg_get_indexdef(named.oid) FROM named JOIN pg_index i ON i.indexrelid = named.oid
    UNION ALL SELECT 'view ' || path, pg_get_viewdef(c.oid) FROM named JOIN pg_class c USING (oid)
     WHERE c.relkind IN ('v', 'm')
    UNION ALL SELECT 'bounds of partition ' || path, pg_get_expr(c.relpartbound, c.oid)
      FROM named JOIN pg_class c USING (oid) WHERE c.relispartition
    UNION ALL SELECT 'options of ' || path, f.ftoptions::text
      FROM pg_foreign_table f JOIN named ON named.oid = f.ftrelid
    UNION ALL SELECT 'options of server ' || srvname, srvoptions::text FROM pg_foreign_server
    UNION ALL SELECT 'trigger ' || tgname || ' of ' || path, pg_get_triggerdef(t.oid)
      FROM pg_trigger t JOIN named ON named.oid = t.tgrelid WHERE NOT tgisinternal
    UNION ALL SELECT 'rule ' || rulename || ' of ' || path, pg_get_ruledef(r.oid)
      FROM pg_rewrite r JOIN named ON named.oid = r.ev_class WHERE rulename <> '_RETURN'
    UNION ALL SELECT 'policy ' || polname || ' of ' || path, concat_ws(' ', pg_get_expr(polqual, polrelid),
      pg_get_expr(polwithcheck, polrelid)) FROM pg_policy JOIN named ON named.oid = polrelid
    UNION ALL SELECT 'function ' || proname, prosrc FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT 'label of enum ' || t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
    UNION ALL SELECT 'default of type ' || typname, typdefault FROM pg_type WHERE oid >= 16384
    UNION ALL SELECT 'name of a relation', c.relname FROM named JOIN pg_class c USING (oid)
    UNION ALL SELECT 'name of a column of ' || path, a.attname FROM named JOIN pg_attribute a
        ON a.attrelid = named.oid WHERE a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'settings of the database', s.setconfig::text FROM pg_db_role_setting s
     WHERE s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True)
class Field:
    """One column of what is scanned: its name for people, and how it is read. `part` are the words around the numbers
    of a slice: from which character or byte, how many."""

    place: str
    sql: str
    size: str
    part: tuple[str, str]


@dataclass(frozen=True)
class Relation:
    """A table or materialized view that holds rows; `root` is what it is a partition of."""

    name: str
    root: str
    sql: str
    fields: tuple[Field, ...]
    may_be_large: bool


Block = tuple[bytes, tuple[str, ...]]
"""Rows as COPY writes them, and the place of each column."""


def relations(connection: Connection) -> list[Relation]:
    found = []
    for schema, name, root_schema, root, toast, columns, types in rows_of(connection, RELATIONS):
        path = dotted(root_schema, root)
        fields = [f for c, t in zip(columns, types, strict=True) for f in _fields(f"{path}.{dotted(c)}", c, t)]
        found.append(Relation(dotted(schema, name), path, ident(schema, name), tuple(fields), toast > LARGE))
    return found


def _fields(place: str, column: str, type_name: str) -> Iterator[Field]:
    name = f"t.{ident(column)}"
    if type_name == "bytea":
        for code in ("escape", "hex"):
            part = (f"encode(substr({name}, ", f"), '{code}')")
            yield Field(place, f"encode({name}, '{code}')", f"2 * octet_length({name})", part)
        return
    sql = f"array_to_string(tsvector_to_array({name}), ' ')" if type_name == "tsvector" else f"{name}::text"
    yield Field(place, sql, f"octet_length({sql})", (f"substr({sql}, ", ")"))


def rows(connection: Connection, relation: Relation, guard: Guard) -> Iterator[Block]:
    """All rows of a relation as blocks of about BATCH bytes that end with a row; large values come afterwards."""
    chosen = ", ".join(
        f"CASE WHEN {f.size} > {LARGE} THEN NULL ELSE {f.sql} END" if relation.may_be_large else f.sql
        for f in relation.fields
    )
    places = tuple(f.place for f in relation.fields)
    pending: list[bytes] = []
    size = 0
    query = f"COPY (SELECT {chosen} FROM ONLY {relation.sql} t) TO STDOUT"
    with connection.cursor() as cursor, cursor.copy(query.encode()) as out:
        while data := out.read():
            pending.append(bytes(data))
            size += len(data)
            if size >= BATCH and pending[-1].endswith(b"\n"):
                guard.check()
                yield b"".join(pending), places
                pending, size = [], 0
    if pending:
        yield b"".join(pending), places
    if relation.may_be_large:
        yield from _large(connection, relation, guard)


def _large(connection: Connection, relation: Relation, guard: Guard) -> Iterator[Block]:
    for field in relation.fields:
        query = f"SELECT ctid::text FROM ONLY {relation.sql} t WHERE {field.size} > {LARGE}"
        for (at,) in [one for batch in streamed(connection, query) for one in batch]:
            before, after = field.part
            start = 1
            while text := rows_of(
                connection,
                f"SELECT {before}{start}, {SLICE}{after} FROM ONLY {relation.sql} t WHERE ctid = '{at}'::tid",
            )[0][0]:
                guard.check()
                yield as_copied(text) + b"\n", (field.place,)
                start += SLICE - OVERLAP


def schema_texts(connection: Connection) -> Iterator[Block]:
    """Comments, defaults, definitions, labels and names, each a block of its own place."""
    for batch in streamed(connection, TEXTS):
        for place, text in batch:
            if text:
                yield as_copied(text) + b"\n", (place,)


def large_objects(connection: Connection, guard: Guard) -> Iterator[Block]:
    """All large objects, slice by slice, as bytes that may be text and in hexadecimal."""
    for (oid,) in rows_of(connection, "SELECT oid::int8 FROM pg_largeobject_metadata ORDER BY 1"):
        at, most = 0, LARGE // 2
        query = "SELECT encode(x, 'escape'), encode(x, 'hex'), length(x) FROM lo_get(%s::oid, %s, %s) AS x"
        while True:
            guard.check()
            plain, coded, length = rows_of(connection, query, [oid, at, most])[0]
            if not length:
                break
            yield as_copied(plain) + b"\t" + coded.encode() + b"\n", ("large objects", "large objects")
            if length < most:
                break
            at += most - OVERLAP
