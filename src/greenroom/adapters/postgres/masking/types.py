"""Types: what lies below a domain, and which values mean something only in the database that holds them."""

from __future__ import annotations

from dataclasses import dataclass

from greenroom.adapters.postgres.connect import Connection

TYPES = """
    SELECT t.oid::int8, t.typname, n.nspname = 'pg_catalog', t.typtype, t.typbasetype::int8, t.typtypmod,
           CASE WHEN t.typlen = -1 AND t.typcategory = 'A' THEN t.typelem::int8 ELSE 0 END,
           t.typsend <> 0 AND t.typreceive <> 0, t.typnotnull, format_type(t.oid, -1),
           CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) ELSE '' END,
           coalesce((SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
                       FROM pg_enum e WHERE e.enumtypid = t.oid), '{}'),
           coalesce((SELECT array_agg(a.atttypid::int8) FROM pg_attribute a
                      WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '{}'),
           coalesce((SELECT r.rngsubtype::int8 FROM pg_range r WHERE r.rngtypid = t.oid OR r.rngmultitypid = t.oid), 0),
           coalesce((SELECT array_agg(pg_get_expr(k.conbin, 0)) FROM pg_constraint k
                      WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated), '{}')
      FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
"""

NAMED_OBJECTS = frozenset(
    {
        *("regproc", "regprocedure", "regoper", "regoperator", "regclass", "regtype", "regrole", "regnamespace"),
        *("regconfig", "regdictionary", "regcollation", "regdatabase"),
    }
)
"""Their binary form is an object identifier, their text a name."""


@dataclass(frozen=True)
class Type:
    """One type; `below` is a domain's, `element` an array's, `parts` a composite's, `subtype` a range's."""

    oid: int
    name: str
    is_builtin: bool
    kind: str
    below: int
    typmod: int
    element: int
    has_binary: bool
    never_null: bool
    bare: str
    below_text: str
    labels: tuple[str, ...]
    parts: tuple[int, ...]
    subtype: int
    checks: tuple[str, ...]

    @property
    def is_array(self) -> bool:
        return self.element != 0


@dataclass(frozen=True)
class Types:
    """All types of a database by object identifier."""

    known: dict[int, Type]

    def base(self, oid: int) -> Type:
        """What lies below all domains."""
        found = self.known[oid]
        while found.kind == "d":
            found = self.known[found.below]
        return found

    def below(self, oid: int) -> str:
        """The type below the domains, with its length."""
        found = self.known[oid]
        while self.known[found.below].kind == "d":
            found = self.known[found.below]
        return found.below_text

    def typmod(self, oid: int) -> int:
        found = self.known[oid]
        while self.known[found.below].kind == "d":
            found = self.known[found.below]
        return found.typmod

    def is_never_null(self, oid: int) -> bool:
        found = self.known[oid]
        while found.kind == "d":
            if found.never_null:
                return True
            found = self.known[found.below]
        return False

    def checks(self, oid: int) -> tuple[str, ...]:
        """What all domains on the way down demand of `VALUE`."""
        found = self.known[oid]
        said: list[str] = []
        while found.kind == "d":
            said += found.checks
            found = self.known[found.below]
        return tuple(said)

    def is_bound_to_database(self, oid: int) -> bool:
        """True when the binary form names objects by identifiers of this database, or there is none.

        Arrays and composites carry their elements' type identifiers, too; since PostgreSQL 14 a receiver does not mind
        that those of the application's own types differ (array_recv, record_recv).
        """
        found = self.base(oid)
        if not found.has_binary or (found.is_builtin and found.name in NAMED_OBJECTS):
            return True
        inside = (found.element, *found.parts) if found.element else found.parts
        inside += (found.subtype,) if found.subtype else ()
        return any(self.is_bound_to_database(part) for part in inside)


def read_types(connection: Connection) -> Types:
    return Types(
        {
            row[0]: Type(*row[:11], *(tuple(v) if isinstance(v, list) else v for v in row[11:]))
            for row in connection.execute(TYPES.encode()).fetchall()
        }
    )
