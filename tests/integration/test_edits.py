"""An environment's edits on real PostgreSQL: killed around their commit they are run once, and leave nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.postgres.connect import MAINTENANCE, session
from greenroom.adapters.postgres.datasets.candidates import PostgresCandidates
from greenroom.domain.errors import Refused
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from greenroom.ports.databases import Database
from tests.clone_support import publish
from tests.killing import Reached, killed_at
from tests.postgres_ground import Ground, ground, query

EDITS = ("UPDATE account SET balance = balance + 1", "INSERT INTO account VALUES (5)")
MADE = "SELECT count(*) FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'v', 'm', 'S')"


@pytest.fixture(scope="module", params=[18, pytest.param(15, marks=pytest.mark.needs("postgres15"))])
def staging(request: pytest.FixtureRequest) -> Iterator[tuple[Ground, Services]]:
    services = Services(request.param)
    with ground() as made:
        made.databases().ensure("staging", services)
        yield made, services


def candidates_of(made: Ground, reached: Callable[[str], None] = lambda boundary: None) -> PostgresCandidates:
    return PostgresCandidates(made.home, made.databases()._clusters, SystemClock(), reached)


def serving(candidates: PostgresCandidates, name: str, services: Services) -> AbstractContextManager[Database]:
    return candidates.serving("staging", name, services, origin="staging", say=str)


def begun(staging: tuple[Ground, Services], name: str) -> PostgresCandidates:
    """A candidate with one account, cleanly shut down."""
    made, services = staging
    candidates = candidates_of(made)
    candidates.begin("staging", name, services, say=str)
    with serving(candidates, name, services) as database:
        query(database.url.reveal(), "CREATE TABLE account (balance int)")
        query(database.url.reveal(), "INSERT INTO account VALUES (1)")
    return candidates


def edit_in_a_child(staging: tuple[Ground, Services], name: str, boundary: str) -> None:
    """Another process runs the edits and is killed with -9 at that boundary, its server with it."""
    made, services = staging

    def edit(reached: Reached) -> None:
        candidates = candidates_of(made, reached)
        with serving(candidates, name, services) as database:
            candidates.edit("staging", name, database, EDITS)

    killed_at(boundary, edit)


@pytest.mark.parametrize("boundary", ["edit.noted", "edit.committed"])
def test_killed_around_their_commit_they_are_run_once(staging: tuple[Ground, Services], boundary: str) -> None:
    """Not twice when they were committed, and not never when they were not: a number that a crash gave back to another
    transaction is not taken for theirs. Nothing of it stands in the application's database."""
    name = boundary.replace(".", "-")
    candidates = begun(staging, name)
    edit_in_a_child(staging, name, boundary)
    for _ in range(2):
        with serving(candidates, name, staging[1]) as database:
            url = database.url.reveal()
            candidates.edit("staging", name, database, EDITS)
            assert query(url, "SELECT balance FROM account ORDER BY 1") == [(2,), (5,)]
            assert query(url, MADE) == [(1,)]
            assert query(
                url, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'app'"
            ) == [(None,)]
    candidates.discard("staging", name)


def test_edits_that_failed_are_run_again(staging: tuple[Ground, Services]) -> None:
    """Refused without a value, also when it is the commit that fails; nothing stays. Corrected, they are run."""
    candidates = begun(staging, "fails")
    deferred = ("CREATE TABLE one (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)", "INSERT INTO one VALUES (7), (7)")
    with serving(candidates, "fails", staging[1]) as database:
        for wrong in (("SELECT 1", "UPDATE account SET balance = 'x-4711'"), deferred):
            with pytest.raises(Refused) as refused:
                candidates.edit("staging", "fails", database, (*EDITS, *wrong))
            assert refused.value.code == "data.edit_failed"
            assert not any(word in str(refused.value.as_dict()) for word in ("4711", "(7)"))
        candidates.edit("staging", "fails", database, EDITS)
        assert query(database.url.reveal(), "SELECT balance FROM account ORDER BY 1") == [(2,), (5,)]
    candidates.discard("staging", "fails")


def test_a_slow_checkpoint_ends_no_edits(staging: tuple[Ground, Services]) -> None:
    """The application bounds how long its transactions may rest, and the edits' one rests while they are noted."""
    candidates = begun(staging, "rests")

    def slow(here: str) -> None:
        if here == "edit.noted":
            time.sleep(0.6)

    with serving(candidates, "rests", staging[1]) as database:
        query(database.url.reveal(), "ALTER ROLE app SET idle_in_transaction_session_timeout = '200ms'")
        candidates_of(staging[0], slow).edit("staging", "rests", database, EDITS)
        assert query(database.url.reveal(), "SELECT balance FROM account ORDER BY 1") == [(2,), (5,)]
    candidates.discard("staging", "rests")


def test_settings_that_were_made_up_for_production_do_not_come_along(staging: tuple[Ground, Services]) -> None:
    """A key attached to its database or role by a superuser is gone before the application's role or an edit sees it,
    and named without its value. Neither could attach it: PostgreSQL lets superusers alone."""
    made, services = staging

    def fill(_: str) -> None:
        clusters = made.databases()._clusters
        with session(clusters.superuser(clusters.need("seed")), MAINTENANCE) as connection:
            connection.execute("ALTER DATABASE app SET app.payment_key = 'live-4711'")
            connection.execute("ALTER ROLE app SET app.webhook = 'https://live-4711.example'")

    publish(made, "production", fill, services=services)
    candidates, said = candidates_of(made), list[str]()
    candidates.place("production", "staging", "copied", say=str)
    with candidates.serving("staging", "copied", services, origin=VAULT, say=said.append) as database:
        asked = "SELECT current_setting('app.payment_key', true), current_setting('app.webhook', true)"
        assert query(database.url.reveal(), asked) == [(None, None)]
        assert query(database.url.reveal(), "SELECT setconfig FROM pg_db_role_setting") == []
        with pytest.raises(Refused) as refused:
            candidates.edit("staging", "copied", database, ("ALTER DATABASE app SET app.payment_key = 'mine'",))
        assert refused.value.facts["sqlstate"] == "42501"
    told = "\n".join(said)
    assert "app.payment_key of app" in told
    assert "app.webhook of app" in told
    assert "4711" not in told
    candidates.discard("staging", "copied")
