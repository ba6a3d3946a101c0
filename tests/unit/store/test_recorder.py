"""Recorded facts: what the ledger says and what the tables hold are the same, and a change past the ledger shows."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from greenroom.domain import ledger as chain
from greenroom.domain.errors import Refused
from greenroom.domain.ledger import Broken, Verified
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder, differences, project
from tests.twins import FakeClock


@pytest.fixture
def database(tmp_path):
    found = Database.sqlite(tmp_path / "store.db", FakeClock())
    found.open()
    yield found
    found.close()


def freeze(key: str, **more):
    return {"id": key, "environment": "production", "by": "mia", "reason": "audit", "at": FakeClock().now(), **more}


def test_tables_and_ledger_agree_after_any_records(database):
    """Folding the ledger gives the tables again, also after an update of a row."""
    recorder = Recorder(database)
    with database.transaction() as tx:
        recorder.record(tx, "mia", "freeze.declared", freeze=freeze("f1"))
        recorder.record(tx, "mia", "freeze.declared", freeze=freeze("f2"))
        recorder.record(tx, "mia", "freeze.lifted", freeze={"id": "f1", "lifted_at": FakeClock().now()})
    with database.reading() as tx:
        assert differences(tx, project(recorder.entries(tx))) == []
        assert isinstance(chain.verify(recorder.entries(tx)), Verified)
        assert recorder.count(tx) == 3


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE freeze SET reason = 'none'", "reason was changed past the ledger"),
        ("UPDATE freeze SET lifted_at = '2026-01-01T00:00:00.000000Z'", "lifted_at was changed past the ledger"),
        ("DELETE FROM freeze", "missing from the store"),
        (
            "INSERT INTO freeze (id, environment, by, reason, at) "
            "VALUES ('f9', 'qa', 'eve', '', '2026-01-01T00:00:00.000000Z')",
            "not on the ledger",
        ),
    ],
)
def test_a_change_past_the_ledger_is_named(database, sql, said):
    """Changing, removing or adding a row behind the recorder's back is found and named."""
    recorder = Recorder(database)
    with database.transaction() as tx:
        recorder.record(tx, "mia", "freeze.declared", freeze=freeze("f1"))
        tx.execute(text(sql))
    with database.reading() as tx:
        found = differences(tx, project(recorder.entries(tx)))
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("sql", ["UPDATE ledger SET actor = 'eve'", "DELETE FROM ledger"])
def test_the_store_itself_refuses_to_change_the_ledger(database, sql):
    """The ledger is append-only in the database, not only by convention."""
    recorder = Recorder(database)
    with database.transaction() as tx:
        recorder.record(tx, "mia", "freeze.declared", freeze=freeze("f1"))
    with pytest.raises(DatabaseError, match="append-only"), database.transaction() as tx:
        tx.execute(text(sql))


def test_an_entry_changed_by_force_breaks_the_chain(database):
    """Whoever drops the triggers and rewrites an entry is found at that entry."""
    recorder = Recorder(database)
    with database.transaction() as tx:
        for key in "abc":
            recorder.record(tx, "mia", "freeze.declared", freeze=freeze(key))
        tx.execute(text("DROP TRIGGER ledger_no_update"))
        tx.execute(text("UPDATE ledger SET actor = 'eve' WHERE seq = 2"))
    with database.reading() as tx:
        found = chain.verify(recorder.entries(tx))
    assert isinstance(found, Broken)
    assert found.seq == 2


def test_a_store_of_a_newer_greenroom_is_refused_and_left_alone(database):
    """An older program never writes into a newer store."""
    with database.transaction() as tx:
        tx.execute(text("UPDATE meta SET value = '999' WHERE key = 'schema'"))
    with pytest.raises(Refused) as caught:
        database.open()
    assert caught.value.code == "store.newer"
