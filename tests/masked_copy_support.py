"""Ground for suites about masked copies: empty databases on real servers, and a few small rules of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenroom.adapters.postgres.cluster import Clusters
from greenroom.adapters.postgres.masking.copying import Wanted, copy_masked
from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.rows import Report
from greenroom.adapters.postgres.tools import Tools
from greenroom.domain.masking import Chosen, Column, Digest, Masked, Rule, RuleConfig
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from tests.postgres_ground import ground

KEY = Secret("00112233445566778899aabbccddeeff")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Nothing(RuleConfig):
    pass


class Fixed(RuleConfig):
    value: str


class Pseudonym:
    """A keyed digest as text, as long as the column allows; NULL stays NULL."""

    name, title, Config, keeps_unique = "pseudonym", "Pseudonym", Nothing, True

    def problem(self, config: Any, column: Column) -> str | None:
        return None if column.base.startswith(("text", "character", "public.citext")) else "it makes text"

    def mask(self, config: Any, column: Column) -> Masked:
        digest = f"d_{column.position}"
        sql = f"sha256(k.key || convert_to(t.{quoted(column.name)}::text, 'UTF8'))"
        return Masked(f"left(encode(s.{digest}, 'hex'), {column.length or 64})", (Digest(digest, sql),))


class Constant:
    """The same for everybody; text that the column's type reads."""

    name, title, Config, keeps_unique = "constant", "Constant", Fixed, False

    def problem(self, config: Any, column: Column) -> str | None:
        return None

    def mask(self, config: Any, column: Column) -> Masked:
        value = config.value.replace("'", "''")
        return Masked(f"CASE WHEN s.{quoted(column.name)} IS NOT NULL THEN '{value}'::text END::{column.base}")


class Shifted:
    """A whole number moved by a million: different ones stay different."""

    name, title, Config, keeps_unique = "shifted", "Shifted", Nothing, True

    def problem(self, config: Any, column: Column) -> str | None:
        return None if column.base in ("integer", "bigint") else "it moves whole numbers"

    def mask(self, config: Any, column: Column) -> Masked:
        return Masked(f"s.{quoted(column.name)} + 1000000")


RULES: Mapping[str, Rule] = {r.name: r for r in (Pseudonym(), Constant(), Shifted())}


@dataclass
class Server:
    """One cluster: `End`s of new, empty databases, and its programs."""

    superuser: Any
    tools: Tools
    _numbers: Iterator[int]

    def database(self) -> End:
        name = f"d{next(self._numbers)}"
        with End.behind(self.superuser, "postgres").session() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
        return End.behind(self.superuser, name)


@contextmanager
def servers(*majors: int, on_disk: bool = False) -> Iterator[dict[int, Server]]:
    with ground(on_disk=on_disk) as made:
        clusters: Clusters = made.databases()._clusters
        found = {}
        for major in majors:
            cluster = clusters.up(f"v{major}", Services(major))
            found[major] = Server(clusters.superuser(cluster), cluster.tools, itertools.count())
        yield found


def run(end: End, script: str) -> None:
    with end.session(settings={"search_path": "public"}) as connection:
        connection.execute(script.encode())


def rows(end: End, statement: str, *, path: str = "public") -> list[tuple[Any, ...]]:
    with end.session(settings={"search_path": path}) as connection:
        return connection.execute(statement.encode()).fetchall()


Ruled = Mapping[str, tuple[str, Mapping[str, Any]]]


def harmless_but(end: End, ruled: Ruled | None = None, *, unsaid: Sequence[str] = ()) -> list[Chosen]:
    """Every column of the database declared harmless, but for the ruled and those nothing is said of."""
    from greenroom.adapters.postgres.masking.catalog import read_catalog

    with end.session() as connection:
        catalog = read_catalog(connection)
    chosen = {
        c.column.path: Chosen(c.column.path, "harmless", {})
        for t in catalog.tables.values()
        for c in t.moved
        if not t.is_partition and t.kind != "f"
    }
    for path, (rule, settings) in (ruled or {}).items():
        chosen[path] = Chosen(path, rule, settings)
    return [one for path, one in chosen.items() if path not in unsaid]


def copy(source: End, target: End, server: Server, chosen: Sequence[Chosen], **more: Any) -> Report:
    calls = {k: more.pop(k) for k in ("progress", "go_on", "room") if k in more}
    return copy_masked(source, target, server.tools, Wanted(chosen, more.pop("rules", RULES), KEY, **more), **calls)


def own_peak() -> int:
    """The most memory this process had at once, in KiB. `ru_maxrss` would count what whoever started it had, too."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1])
