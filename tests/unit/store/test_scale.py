"""The generator's long life is a sound one, and what is asked all day reads no table from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench.scale.life import Lived, Size, lived
from bench.scale.questions import ADMINISTRATOR, quick
from sqlalchemy import event

from greenroom.services import collect, record_keeping

GROW = ("ledger", "release", "evidence", "work", "history", "environment", "policy", "account")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    found = lived(tmp_path_factory.mktemp("life"), Size.of(3_000))
    yield found
    found.world.store.database.close()


def test_its_ledger_proves_and_its_tables_agree(made: Lived) -> None:
    """What is measured is what a real life would have left."""
    told = record_keeping.verify(made.app, ADMINISTRATOR)
    assert told["problems"] == []
    assert told["entries"] == 3_000


@pytest.mark.parametrize(
    "name",
    [
        "one decision", "status", "work list", "work list of one environment", "one work", "release list",
        "a release by its version", "a page of the ledger", "a worker that looks for work", "whose token it is",
        "one work beside the ledger",
    ],
)  # fmt: skip
def test_no_question_reads_a_whole_table(name: str, made: Lived) -> None:
    """Every statement finds its rows by an index, whatever there ever was."""
    asked: list[tuple[str, object]] = []
    engine = made.world.store.database.engine

    def note(connection, cursor, statement, parameters, context, executemany) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        quick(made)[name]()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    read = [(s, p) for s, p in asked if s.lstrip().startswith("SELECT")]
    assert read
    with made.world.store.database.reading() as tx:
        for statement, parameters in read:
            plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            scans = [p[-1] for p in plan if str(p[-1]).startswith(tuple(f"SCAN {table}" for table in GROW))]
            assert [s for s in scans if "USING" not in s] == [], (statement, plan)


def test_collecting_removes_all_but_what_is_kept(made: Lived) -> None:
    """Of many releases those remain that something holds, and the newest ten."""
    told = collect.collect(made.app, ADMINISTRATOR, keep_newest=10)
    assert len(told["removed"]) == 15 - 10
    assert record_keeping.verify(made.app, ADMINISTRATOR)["problems"] == []
