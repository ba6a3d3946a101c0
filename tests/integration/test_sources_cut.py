"""A copy of a managed source whose line is cut, whose snapshot is lost, that is killed: it goes on, or begins anew."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.sources import fetching
from greenroom.adapters.postgres.sources.copying import Reading
from greenroom.domain.errors import Errored
from greenroom.ports.sources import Fetched
from tests import source_support
from tests.life_support import wait_until
from tests.managed import Managed, line_to, managed
from tests.postgres_ground import served_in
from tests.source_support import ROWS, SCHEMA, Once, Place, begin_apart

HOST15 = pytest.param(15, marks=pytest.mark.needs("postgres15"))


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with source_support.place() as made:
        yield made


@pytest.fixture(scope="module", params=[18, HOST15])
def source(request: pytest.FixtureRequest, place: Place) -> Iterator[Managed]:
    with managed(place.clusters, request.param, place.root / f"managed-{request.param}") as made:
        made.run(SCHEMA)
        yield made


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    source_support.in_small_pieces(monkeypatch.setattr)


def test_a_lost_session_goes_on_under_the_same_snapshot(place: Place, source: Managed) -> None:
    """The line of a worker is cut in the middle: what is there is not read again, what came meanwhile is not seen."""
    with line_to(source.port) as line:
        once = Once()

        def hear(words: str) -> None:
            if "%" in words and line.carried > 8_000_000 and once():
                source.run("UPDATE person SET how = 'ill' WHERE id % 50 = 0")
                assert line.cut(1) == 1

        whole = _carried(place, source, f"counted-{source.major}")
        made = place.copy(source.at(line.port), f"cut-{source.major}", hear=hear)
        assert not once()
        assert any("same snapshot" in words for words in place.said)
        assert line.carried < whole * 1.25
    with place.opened(f"cut-{source.major}", made) as ask:
        asked = "SELECT count(*), count(DISTINCT id), min(length(name)) > 600, count(*) FILTER (WHERE how = 'ill')"
        assert ask(f"{asked} FROM public.person") == [(ROWS, ROWS, True, 0)]
    source.run("UPDATE person SET how = 'well' WHERE how = 'ill'")


def _carried(place: Place, source: Managed, name: str) -> int:
    """Bytes of an undisturbed copy."""
    with line_to(source.port) as line:
        place.copy(source.at(line.port), name)
        return line.carried


def test_losses_count_only_while_nothing_is_done(
    place: Place, source: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that may lose its session once in a row loses it three times, and does pieces in between: the copy goes
    on, however often that happens over hours."""
    monkeypatch.setattr(fetching, "Reading", partial(Reading, workers=1, waits=(0.1,)))
    with line_to(source.port) as line:
        cuts = [24_000_000, 16_000_000, 8_000_000]

        def hear(words: str) -> None:
            if "%" in words and cuts and line.carried > cuts[-1]:
                cuts.pop()
                assert line.cut(1) == 1

        made = place.copy(source.at(line.port), f"often-{source.major}", hear=hear)
    assert cuts == []
    assert sum("same snapshot" in words for words in place.said) == 3
    with place.opened(f"often-{source.major}", made) as ask:
        assert ask("SELECT count(*), count(DISTINCT id) FROM public.person") == [(ROWS, ROWS)]


def test_a_snapshot_that_is_lost_makes_it_begin_anew(place: Place, source: Managed) -> None:
    """Everything is cut off at once, the session that held the snapshot too: an error that says so, nothing that could
    be taken for whole, and the next attempt is a copy of then."""
    with line_to(source.port) as line:
        cut, once = list[int](), Once()

        def hear(words: str) -> None:
            if "%" in words and line.carried > 8_000_000 and once():
                source.run("INSERT INTO person (name) VALUES ('came later')")
                cut.append(line.cut(100))

        with pytest.raises(Errored) as caught:
            place.copy(source.at(line.port), f"anew-{source.major}", hear=hear)
        assert cut[0] >= 2
        assert caught.value.code == "data.snapshot_gone"
        with (
            pytest.raises(Errored) as unready,
            place.opened(f"anew-{source.major}", Fetched("", SystemClock().now(), "", "18", (), 0, 0, 0)),
        ):
            pass
        assert unready.value.code == "data.not_rebuilt"
        made = place.copy(source.at(line.port), f"anew-{source.major}")
    with place.opened(f"anew-{source.major}", made) as ask:
        assert ask("SELECT count(*), count(*) FILTER (WHERE name = 'came later') FROM public.person") == [(ROWS + 1, 1)]
    source.run("DELETE FROM person WHERE name = 'came later'; TRUNCATE touched")


def test_the_holder_may_be_lost_and_a_worker_after_it(place: Place, source: Managed) -> None:
    """Somebody ends the idle session that holds the snapshot, and the line of a worker is cut: the other one, which has
    the snapshot still, reads all to the end, also what the lost one was at."""
    ended, once, workers = list[object](), Once(), set[int]()

    def hear(words: str) -> None:
        if "%" not in words:
            return
        workers.add(threading.get_ident())
        if line.carried > 8_000_000 and len(workers) == 2 and once():
            ended.extend(
                source.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"
                    " AND state = 'idle in transaction' AND query NOT LIKE 'COPY%' AND query NOT LIKE 'SET TRANS%'"
                )
            )
            line.cut(1)

    with line_to(source.port) as line:
        made = place.copy(source.at(line.port), f"held-{source.major}", hear=hear)
    assert ended
    with place.opened(f"held-{source.major}", made) as ask:
        assert ask("SELECT count(*), count(DISTINCT id) FROM public.person") == [(ROWS, ROWS)]
        assert ask("SELECT length(lo_get(body)) FROM public.kept") == [(1_800_000,)]


def test_a_killed_copy_leaves_nothing_and_begins_anew(place: Place, source: Managed) -> None:
    """kill -9 in the middle of the rows: its server ends, the source's sessions end, and the next copy is whole."""
    name = f"killed-{source.major}"
    with begin_apart(place, source.at(), name) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.kill()
    assert said == "moving\n"
    wait_until(lambda: not any(name in directory for directory in served_in(place.root)), 30)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'"
    wait_until(lambda: source.run(ours) == [(0,)], 30)
    made = place.copy(source.at(), name)
    with place.opened(name, made) as ask:
        assert ask("SELECT count(*), count(DISTINCT id) FROM public.person") == [(ROWS, ROWS)]
