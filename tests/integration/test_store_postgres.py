"""The store on a real PostgreSQL: what SQLite does by itself holds there too."""

from __future__ import annotations

import gc
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from greenroom.domain.plan import WorkKind
from greenroom.domain.release import Services
from greenroom.domain.roles import Role
from greenroom.domain.work import State
from greenroom.services import judgements, record_keeping, releases
from greenroom.store import records
from greenroom.store import tables as t
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from tests.postgres_ground import Ground, ground, query
from tests.twins import FakeClock
from tests.unit.workflows.forgery import forge, restore_of_production
from tests.unit.workflows.story import Story
from tests.unit.workflows.test_crashes import promoted
from tests.worlds import actor, memory_app

MANAGER = actor(Role.MANAGER)
numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a database in a real cluster."""
    with ground() as made:
        yield _address(made)


def _address(made: Ground) -> str:
    return made.databases().ensure("dev", Services()).url.reveal()


@pytest.fixture
def url(server: str) -> str:
    """An empty schema of its own, in SQLAlchemy's form."""
    schema = f"store_{next(numbers)}"
    query(server, f"CREATE SCHEMA {schema}")
    separator = "&" if "?" in server else "?"
    return f"{server.replace('postgresql://', 'postgresql+psycopg://', 1)}{separator}options=-csearch_path%3D{schema}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    found = Database(url, FakeClock())
    found.open()
    yield found
    found.close()


@pytest.fixture
def story(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Story]:
    """Release 2.0 in staging, 1.0 in production, all of it kept in PostgreSQL."""
    monkeypatch.setattr(Database, "sqlite", classmethod(lambda cls, path, clock: cls(url, clock)))
    made = Story(tmp_path)
    yield made
    made.world.store.database.close()


def test_a_promotion_is_carried_out_and_proved(story: Story) -> None:
    """The path of a release is the same on this store, and its ledger verifies."""
    app = memory_app(story.world)
    work = promoted(story)
    assert story.run(work).state is State.DONE
    assert record_keeping.verify(app, MANAGER)["problems"] == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approval SET note = 'x'",
        "DELETE FROM evidence WHERE kind = 'promotion'",
        "UPDATE environment SET since = NULL WHERE id = 'staging'",
        "UPDATE policy SET repository = '/elsewhere'",
    ],
)
def test_nothing_is_promoted_on_rows_past_the_ledger(story: Story, sql: str) -> None:
    """The ledger's indexes answer the same on this store: the work is refused at the moment of execution."""
    work = promoted(story)
    with story.world.store.database.transaction() as tx:
        tx.execute(text(sql))
        story.world.store.works.signal(tx)
    found = story.run(work)
    assert found.state is State.REJECTED
    assert "contradicts the ledger" in (found.error or {})["because"]


@pytest.mark.parametrize("how", ["release", "plan", "request", "asker", "not before"])
def test_work_that_was_changed_while_it_waited_is_refused(story: Story, how: str) -> None:
    """On this store too: nothing is started, and the row is named."""
    work = promoted(story)
    with story.world.store.database.transaction() as tx:
        assert forge(tx, story.work(work), how)
        story.world.store.works.signal(tx)
    before = story.running()
    found = story.run(work)
    assert (found.state, (found.error or {})["code"]) == (State.REJECTED, "work.contradicted")
    assert story.running() == before
    assert any(work in p for p in record_keeping.verify(memory_app(story.world), MANAGER)["problems"])


def test_work_that_nobody_asked_for_is_not_carried_out(story: Story) -> None:
    """A restore of production, written straight into the table: not one step of it happens; others go on."""
    with story.world.store.database.transaction() as tx:
        evil = restore_of_production(tx, story.world.store.works)
    found = story.run(evil)
    assert (found.state, (found.error or {})["code"]) == (State.REJECTED, "work.contradicted")
    assert story.seen == []
    assert story.run(promoted(story)).state is State.DONE


def test_the_witness_uses_its_indexes(database: Database) -> None:
    """Entries about a row are found without reading the ledger."""
    with database.reading() as tx:
        found = set(tx.scalars(text("SELECT indexname FROM pg_indexes WHERE tablename = 'ledger'")))
        assert {"ledger_by_approval_release", "ledger_by_environment_id", "ledger_by_policy_at"} <= found
        assert "ledger_by_about_work" in found
        tx.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join(
            tx.scalars(text("EXPLAIN SELECT seq FROM ledger WHERE ((ledger.subject::jsonb) #>> '{approval,id}') = 'a'"))
        )
        assert "ledger_by_approval_id" in plan


def test_output_that_is_no_text_is_kept(database: Database) -> None:
    """NUL and half characters in facts, details and conditions do not stop a transaction."""
    with database.transaction() as tx:
        tx.execute(t.meta.insert().values(key="a\0b", value="\udc80"))
        assert tx.scalar(select(t.meta.c.value).where(t.meta.c.key == "a\0b")) == "\N{REPLACEMENT CHARACTER}"


def test_a_failing_migration_that_prints_nul_is_undone(story: Story) -> None:
    """What a program prints reaches the history, and the work ends instead of being tried for ever."""
    app = memory_app(story.world)
    story.world.runtime.will_finish(("python", "migrate.py"), 1, "bad byte \x00 here")
    work = promoted(story)
    assert story.run(work).state is State.ROLLED_BACK
    assert record_keeping.verify(app, MANAGER)["problems"] == []


def test_a_release_of_three_gigabytes_has_a_size(story: Story) -> None:
    """Sizes go past 2**31."""
    recorder, database = story.world.store.recorder, story.world.store.database
    with database.transaction() as tx:
        recorder.record(tx, "mia", "release.measured", release={"id": story.new, "size": 3_000_000_000})
    assert story.world.release(story.new).size == 3_000_000_000


def test_transactions_take_turns(database: Database) -> None:
    """Eight writers that each read, then write what they read plus one, lose no count."""
    with database.transaction() as tx:
        tx.execute(t.fence.insert().values(environment="qa", token=0))

    def count() -> None:
        for _ in range(20):
            with database.transaction() as tx:
                found = tx.scalar(select(t.fence.c.token)) or 0
                tx.execute(t.fence.update().values(token=found + 1))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as tx:
        assert tx.scalar(select(t.fence.c.token)) == 160


def test_what_a_decision_read_cannot_change_before_it_is_written(story: Story) -> None:
    """A freeze declared while something is decided waits until that is written."""
    app = memory_app(story.world)
    freezing = threading.Thread(target=lambda: judgements.freeze(app, MANAGER, "production", reason="stop"))
    with story.world.store.database.transaction() as tx:
        assert records.freezes_of(tx, "production") == ()
        freezing.start()
        freezing.join(0.5)
        assert records.freezes_of(tx, "production") == ()
    freezing.join()
    with story.world.store.database.reading() as tx:
        assert len(records.freezes_of(tx, "production")) == 1


def test_a_reading_is_of_one_instant(database: Database) -> None:
    """What is committed meanwhile is not seen by a reading that began before."""
    with database.reading() as one:
        before = one.scalar(select(func.count()).select_from(t.meta))
        with database.transaction() as two:
            two.execute(t.meta.insert().values(key="later", value=""))
        assert one.scalar(select(func.count()).select_from(t.meta)) == before
    with database.transaction() as tx:
        assert tx.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_two_that_open_an_empty_store_at_once_make_it_once(url: str) -> None:
    """Several control planes may start together on a new store."""
    stores = [Database(url, FakeClock()) for _ in range(4)]
    problems: list[Exception] = []

    def open_one(store: Database) -> None:
        try:
            store.open()
        except Exception as e:
            problems.append(e)

    threads = [threading.Thread(target=open_one, args=(s,)) for s in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert problems == []


def test_a_commit_asked_for_twice_at_once_is_made_once(story: Story) -> None:
    """Two people who ask for the same commit at the same time get the same work."""
    app = memory_app(story.world)
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(releases.make(app, actor(Role.DEVELOPER), "abcdef1").id))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    with story.world.store.database.reading() as tx:
        assert len(story.world.store.works.find(tx, kinds=[WorkKind.RELEASE])) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of a session that the server ended
def test_who_falls_asleep_in_its_turn_loses_it(url: str) -> None:
    """A worker that is paused in the middle of a transaction stops nobody; what it had not committed is not there."""
    sleeper, other = Database(url, FakeClock(), turn_seconds=2.0), Database(url, FakeClock())
    other.open()  # a busy machine may need longer for it than the sleeper's turn is
    with pytest.raises(DBAPIError) as lost, sleeper.transaction() as tx:
        Recorder(sleeper).append(tx, "mia", "noted", {"about": {"n": 1}})
        with other.transaction() as awake:  # as if this process had been stopped here
            Recorder(other).append(awake, "mona", "noted", {"about": {"n": 2}})
        tx.execute(text("SELECT 1"))
    assert lost.value.connection_invalidated  # what the engine takes for a store that was away
    with sleeper.reading() as tx:
        assert [e.actor for e in Recorder(sleeper).entries(tx)] == ["mona"]
    for database in (sleeper, other):
        database.close()
    gc.collect()
