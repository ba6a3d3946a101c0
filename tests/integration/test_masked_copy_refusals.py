"""What a masked copy refuses, before anything has moved: the target is as empty as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from greenroom.adapters.postgres.masking.ends import End
from greenroom.adapters.postgres.masking.target import CONTENT, read_mark
from greenroom.domain.data import Link, Root, Subset
from greenroom.domain.errors import BadInput, GreenroomError, Refused
from greenroom.domain.secret import Secret
from tests.masked_copy_support import Server, copy, harmless_but, rows, run, servers

SCHEMA = """
    CREATE TABLE person (id int PRIMARY KEY, email text UNIQUE, name text, age int CHECK (age < 150), zip varchar(5),
                         lower text GENERATED ALWAYS AS (lower(name)) STORED, UNIQUE (name, zip));
    CREATE UNIQUE INDEX short ON person (left(email, 1)) WHERE age > 10;
    CREATE TABLE letter (id int PRIMARY KEY, person int REFERENCES person, wrote text);
    CREATE TABLE booking (room text, during int4range, EXCLUDE USING gist (during WITH &&));
    CREATE TABLE part (id int, at int) PARTITION BY RANGE (at);
    CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (0) TO (100);
    CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM (1000000) TO (1000010);
    CREATE DOMAIN little AS int CHECK (VALUE < 1000);
    CREATE TABLE sized (n little);
    INSERT INTO person VALUES (1, 'a@x', 'ann', 30, '1'), (2, 'b@x', 'bob', 40, '2'), (3, 'c@x', 'cy', NULL, '3');
    INSERT INTO letter VALUES (1, 1, 'a@x'), (2, 2, 'b@x');
    INSERT INTO booking VALUES ('a', '[1,2)'), ('b', '[3,4)'), ('c', '[5,6)');
    INSERT INTO part VALUES (1, 1), (2, 2), (3, 50);
    INSERT INTO sized VALUES (1), (2), (NULL);
"""


@pytest.fixture(scope="module")
def ground() -> Iterator[tuple[Server, End]]:
    with servers(18) as found:
        source = found[18].database()
        run(source, SCHEMA)
        yield found[18], source


def refused(ground: tuple[Server, End], chosen: Any, **more: Any) -> GreenroomError:
    server, source = ground
    target = server.database()
    with pytest.raises((BadInput, Refused)) as caught:
        copy(source, target, server, chosen, **more)
    with target.session() as connection:
        assert connection.execute(CONTENT.encode()).fetchall() == []
        assert read_mark(connection) is None
    return caught.value


def test_a_copy_without_room_is_refused_by_its_size(ground: tuple[Server, End]) -> None:
    """The size of the whole database is asked for; of a subset, about as much as it keeps. Nothing was written."""
    asked: list[int] = []

    def room(size: int) -> None:
        asked.append(size)
        raise Refused("home.no_room", "there is no room")

    chosen = harmless_but(ground[1])
    assert refused(ground, chosen, room=room).code == "home.no_room"
    size = rows(ground[1], "SELECT pg_database_size(current_database())")[0][0]
    assert asked == [pytest.approx(size, rel=0.05)]
    subset = Subset((Root("public.person", "id = 1"),))
    assert refused(ground, chosen, room=room, subset=subset).code == "home.no_room"
    assert 0 < asked[1] < asked[0]


def test_every_unruled_column_is_named(ground: tuple[Server, End]) -> None:
    """A column that nothing is said of stops the copy, and all of them are told at once."""
    error = refused(ground, harmless_but(ground[1], unsaid=["public.person.name", "public.part.at"]))
    assert error.code == "data.column_unruled"
    assert error.facts == {"columns": ["public.part.at", "public.person.name"]}


@pytest.mark.parametrize(
    ("ruled", "code", "said"),
    [
        ({"public.person.nmae": ("pseudonym", {})}, "data.column_missing", "public.person.nmae"),
        ({"public.person.name": ("pseudonim", {})}, "data.rule_unknown", "pseudonim"),
        ({"public.person.name": ("constant", {"valeu": "x"})}, "data.rule_settings", "valeu"),
        ({"public.person.age": ("pseudonym", {})}, "data.rule_unfit", "it makes text"),
        ({"public.person.email": ("constant", {"value": "x"})}, "data.rule_unfit", "unique"),
        ({"public.person.lower": ("pseudonym", {})}, "data.column_generated", "public.person.lower"),
        ({"public.part_1.at": ("shifted", {})}, "data.partition_ruled", "public.part_1.at"),
        ({"public.person.id": ("shifted", {})}, "data.reference_masked_differently", "public.letter.person"),
    ],
)
def test_a_rule_that_cannot_stand_is_refused(ground: tuple[Server, End], ruled: Any, code: str, said: str) -> None:
    """Missing columns, unknown rules, wrong settings and types, generated columns, ends that would not meet."""
    error = refused(ground, harmless_but(ground[1], ruled))
    assert error.code == code
    assert said in str(error)


@pytest.mark.parametrize(
    ("ruled", "constraint", "count"),
    [
        ({"public.person.age": ("constant", {"value": "200"})}, "public.person.person_age_check", 2),
        (
            {"public.person.name": ("constant", {"value": "x"}), "public.person.zip": ("constant", {"value": "y"})},
            "public.person.person_name_zip_key",
            3,
        ),
        ({"public.booking.during": ("constant", {"value": "[1,9)"})}, "public.booking.booking_during_excl", 3),
        ({"public.part.at": ("constant", {"value": "500"})}, "public.part.partitions", 3),
        ({"public.sized.n": ("constant", {"value": "5000"})}, "public.sized.the domain of n", 2),
    ],
)
def test_a_broken_constraint_is_told_with_its_rows(
    ground: tuple[Server, End], ruled: Any, constraint: str, count: int
) -> None:
    """Check, unique, exclusion, partition and domain: the vault is asked how many rows would not be accepted."""
    error = refused(ground, harmless_but(ground[1], ruled))
    assert error.code == "data.constraint_broken"
    assert error.facts["constraints"] == {constraint: count}


def test_an_index_over_an_expression_is_tested_on_the_data(ground: tuple[Server, End]) -> None:
    """Where something is computed from masked values, a rule that keeps them unique proves nothing."""
    server = ground[0]
    source = server.database()
    run(source, "CREATE TABLE t (a text); CREATE UNIQUE INDEX first ON t (left(a, 1)) WHERE a <> 'z'")
    run(source, "INSERT INTO t SELECT chr(97 + i) FROM generate_series(0, 25) i")
    error = refused((server, source), harmless_but(source, {"public.t.a": ("pseudonym", {})}))
    assert error.code == "data.constraint_broken"
    assert error.facts["constraints"]["public.t.first"] > 10  # 26 values, 16 hexadecimal digits


def test_rows_move_to_the_partition_that_their_masked_value_belongs_to(ground: tuple[Server, End]) -> None:
    """A mask on the column that decides the partition sends rows there, where there is one."""
    server, source = ground
    target = server.database()
    run(source, "DELETE FROM part WHERE at > 2")
    copy(source, target, server, harmless_but(source, {"public.part.at": ("shifted", {})}))
    assert rows(target, "SELECT id, at FROM part_2 ORDER BY 1") == [(1, 1000001), (2, 1000002)]


def test_a_referring_column_takes_the_rule_of_what_it_refers_to(ground: tuple[Server, End]) -> None:
    """Declared or named in the configuration: both ends meet after masking, and it is said."""
    server, source = ground
    target = server.database()
    link = Link("public.letter", ("wrote",), "public.person", ("email",))
    ruled: Any = {"public.person.email": ("pseudonym", {}), "public.person.id": ("shifted", {})}
    run(source, "DROP INDEX IF EXISTS short")
    unsaid = ["public.letter.wrote", "public.letter.person"]
    report = copy(source, target, server, harmless_but(source, ruled, unsaid=unsaid), links=[link])
    assert "public.letter.wrote is treated as public.person.email, which it refers to" in report.said
    assert rows(target, "SELECT count(*) FROM letter JOIN person ON wrote = email AND person = person.id") == [(2,)]
    assert rows(target, "SELECT count(*) FROM person WHERE email LIKE '%@%'") == [(0,)]


def test_a_link_that_leads_nowhere_is_refused(ground: tuple[Server, End]) -> None:
    """A reference in the configuration names columns that are there."""
    link = Link("public.letter", ("wrote",), "public.person", ("mail",))
    assert refused(ground, harmless_but(ground[1]), links=[link]).code == "data.reference_unknown"


def test_a_target_with_something_in_it_is_refused(ground: tuple[Server, End]) -> None:
    """Nothing that is not ours is overwritten."""
    server, source = ground
    target = server.database()
    run(target, "CREATE TABLE precious ()")
    with pytest.raises(Refused) as caught:
        copy(source, target, server, harmless_but(source))
    assert caught.value.code == "data.target_not_empty"
    assert "public.precious" in caught.value.because


def test_a_finished_copy_is_not_overwritten(ground: tuple[Server, End]) -> None:
    """A second copy into the same target is refused: somebody may use it."""
    server, source = ground
    target = server.database()
    copy(source, target, server, harmless_but(source))
    with pytest.raises(Refused) as caught:
        copy(source, target, server, harmless_but(source))
    assert caught.value.code == "data.target_not_empty"


def test_a_url_that_cannot_be_read_is_not_shown() -> None:
    """It may hold a password."""
    with pytest.raises(BadInput) as caught:
        End.at(Secret("postgresql://u:hunter2@h:port:5/x?nonsense=1"))
    assert caught.value.code == "data.url"
    assert "hunter2" not in str(caught.value)
