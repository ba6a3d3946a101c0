"""A store of an earlier version is opened, migrated, gone on with; killed in the middle it is the old or the new."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from greenroom.domain.errors import Errored, Refused
from greenroom.store import migrations, opening
from greenroom.store.database import Database
from greenroom.store.migrations import Step
from greenroom.store.tables import SCHEMA_VERSION
from tests.old_stores import VERSIONS, go_on, shape, write_sqlite
from tests.twins import FakeClock

DIE = """
import os, signal, sys
from pathlib import Path
from greenroom.store.database import Database
from greenroom.store.opening import make_or_migrate
from tests.twins import FakeClock
database = Database.sqlite(Path(sys.argv[1]), FakeClock())
make_or_migrate(database, reached=lambda b: os.kill(os.getpid(), signal.SIGKILL) if b == sys.argv[2] else None)
print("arrived")
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The store of the first version."""
    return write_sqlite("0.1.0", tmp_path / "greenroom.db")


def opened(file: Path) -> Database:
    found = Database.sqlite(file, FakeClock())
    found.open()
    return found


def schema_of(file: Path) -> str:
    with sqlite3.connect(file) as store:
        return store.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_store_of_an_earlier_version_goes_on(version: str, tmp_path: Path) -> None:
    """The promotion that waited for an approval is approved and carried out to its end; the ledger verifies."""
    database = opened(write_sqlite(version, tmp_path / "greenroom.db"))
    go_on(tmp_path, database)
    database.close()


def test_a_migrated_store_is_as_a_new_one(old: Path, tmp_path: Path) -> None:
    """Tables, columns and indexes are the same, whichever way a store came to today's schema."""
    migrated, new = opened(old), opened(tmp_path / "new.db")
    assert shape(migrated) == shape(new)
    for database in (migrated, new):
        database.close()
    assert schema_of(old) == schema_of(tmp_path / "new.db") == str(SCHEMA_VERSION)


def test_a_copy_is_kept_from_before(old: Path) -> None:
    """What an older Greenroom would need to go back lies beside it, whole, private, and of the old schema."""
    opened(old).close()
    copy = old.with_name("greenroom.db.schema-1")
    assert copy.stat().st_mode & 0o777 == 0o600
    assert schema_of(copy) == "1"
    with sqlite3.connect(copy) as before, sqlite3.connect(old) as after:
        count = "SELECT count(*) FROM ledger"
        assert before.execute(count).fetchone() == after.execute(count).fetchone()
        assert before.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_opening_again_migrates_nothing(old: Path) -> None:
    """A store of today's schema is not copied and not touched."""
    opened(old).close()
    old.with_name("greenroom.db.schema-1").unlink()
    opened(old).close()
    assert [p.name for p in old.parent.glob("*.schema-*")] == []


@pytest.mark.parametrize(
    ("boundary", "left"),
    [("copied", "1"), ("changed to 2", "1"), ("schema 2", "2")],
)
def test_killed_in_the_middle_it_is_the_old_or_the_new(old: Path, boundary: str, left: str, tmp_path: Path) -> None:
    """kill -9 before, within and after a step; the next start brings it to today's and goes on."""
    child = subprocess.run(
        [sys.executable, "-c", DIE, str(old), boundary], capture_output=True, text=True, timeout=240, cwd=Path.cwd(),
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert schema_of(old) == left
    with sqlite3.connect(old) as store:
        there = store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'work_by_time'").fetchone()[0]
    assert there == (left == "2")
    database = opened(old)
    go_on(tmp_path, database)
    database.close()


def test_a_step_that_fails_leaves_the_store_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a step never stays, and the next start tries again."""

    def half(tx: object) -> None:
        tx.exec_driver_sql("CREATE TABLE half (id)")
        tx.exec_driver_sql("CREATE INDEX nothing ON nowhere (id)")

    monkeypatch.setattr(opening, "ahead_of", lambda version: (Step(2, half),) if version == 1 else ())
    with pytest.raises(Errored) as caught:
        opened(old)
    assert caught.value.code == "store.unreadable"
    monkeypatch.undo()
    with sqlite3.connect(old) as store:
        assert store.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half'").fetchone() == (0,)
    assert schema_of(old) == "1"
    opened(old).close()
    assert schema_of(old) == str(SCHEMA_VERSION)


def test_without_a_copy_nothing_is_migrated(old: Path) -> None:
    """When there is no room for the copy the store stays as it was, and the refusal says so."""
    copy = old.with_name(f".greenroom.db.schema-1.{os.getpid()}")
    copy.mkdir()
    with pytest.raises(Errored) as caught:
        opened(old)
    assert caught.value.code == "store.copy_failed"
    assert "nothing was changed" in caught.value.hint
    assert schema_of(old) == "1"


def test_a_store_of_a_newer_greenroom_is_left_byte_for_byte(old: Path) -> None:
    """An older program refuses it politely, makes no copy, and adds no table or trigger."""
    with sqlite3.connect(old) as store:
        store.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    store.close()
    before = old.read_bytes()
    with pytest.raises(Refused) as caught:
        opened(old)
    assert caught.value.code == "store.newer"
    assert "999" in caught.value.because
    assert old.read_bytes() == before


def test_steps_lead_one_by_one_to_todays_schema() -> None:
    """No step is missing, and none leads further than this version knows."""
    assert [s.version for s in migrations.steps()] == list(range(2, SCHEMA_VERSION + 1))
    assert [s.version for s in migrations.ahead_of(1)] == list(range(2, SCHEMA_VERSION + 1))
    assert migrations.ahead_of(SCHEMA_VERSION) == ()
