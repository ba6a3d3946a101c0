"""Clones on real PostgreSQL, in their details: who enters, what a stop leaves, what the dataset sees of it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from greenroom.adapters.postgres.datasets import clones as module
from greenroom.adapters.postgres.datasets.clones import PostgresClones
from greenroom.domain.clone import Clone, CloneState
from tests.clone_support import clones_of, publish, wanted
from tests.postgres_ground import Ground, ground, query, served_in


@dataclass
class Postgres:
    ground: Ground
    clones: PostgresClones

    def url(self, clone: Clone) -> str:
        return self.clones.url(clone).reveal()

    def scribble(self, clone: Clone) -> None:
        query(self.url(clone), "INSERT INTO said VALUES ('scribbled')")

    def runs(self, clone: Clone) -> bool:
        return any(f"/{clone.key}/" in d for d in served_in(self.ground.home.environments))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with ground() as made:
        publish(made, "old", lambda url: query(url, "CREATE TABLE said (word text)"))
        yield Postgres(made, clones_of(made))


def made(postgres: Postgres, name: str, owner: str = "ada") -> Clone:
    clone = wanted(name, "old", owner)
    postgres.clones.note(clone)
    postgres.clones.fill(clone)
    postgres.clones.note(replace(clone, state=CloneState.READY))
    return clone


def test_nobody_enters_with_anothers_password(postgres: Postgres) -> None:
    """Neither another clone's, nor as the superuser, nor with the vault's; another database is closed."""
    mine, theirs = made(postgres, "cart"), made(postgres, "cart", owner="bob")
    url, other = postgres.url(mine), postgres.url(theirs)
    password = other.split("@")[0].rpartition(":")[2]
    own = url.split("@")[0].rpartition(":")[2]
    tried = [url.replace(own, password), url.replace("//app:", "//postgres:"), url.replace("/app", "/postgres")]
    for attempt in tried:
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(attempt, connect_timeout=10).close()
    with psycopg.connect(url, autocommit=True) as connection, pytest.raises(psycopg.Error):
        connection.execute("SELECT pg_read_file('/etc/passwd')")
    vault = postgres.clones._credentials.values("vault")["postgres"]
    assert postgres.clones._credentials.values(mine.key)["postgres"] != vault


def test_stopped_ones_start_when_asked_for(postgres: Postgres) -> None:
    """As after `greenroom down` and `up`: the same address, and what was written is there."""
    clone = made(postgres, "stopped")
    postgres.scribble(clone)
    address = postgres.url(clone)
    postgres.ground.keeper.stop(f"postgres/{clone.key}")
    assert not postgres.runs(clone)
    assert postgres.url(clone) == address
    assert query(address, "SELECT word FROM said") == [("scribbled",)]


def test_the_dataset_stays_as_it_was(postgres: Postgres) -> None:
    """A clone writes into files of its own, byte for byte, and nobody but its server's user reads them."""
    source = postgres.ground.home.datasets / "old" / "data"
    before = _bytes(source)
    clone = made(postgres, "third")
    postgres.scribble(clone)
    assert _bytes(source) == before
    (data,) = (postgres.ground.home.environments / clone.key).glob("postgres-*/data")
    assert data.stat().st_mode & 0o077 == 0


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_some_go_while_others_come(postgres: Postgres) -> None:
    """Made, asked for and cleared by several at once: every address opens, no port is given twice, nothing is left."""
    wrong = list[BaseException]()

    def live(owner: str) -> None:
        try:
            for number in range(3):
                clone = made(postgres, f"c{number}", owner)
                address = postgres.url(clone)
                assert query(address, "SELECT 1") == [(1,)]
                if number < 2:
                    postgres.clones.clear(clone)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=live, args=(owner,)) for owner in ("x", "y", "z")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []
    left = [c for c in postgres.clones.all() if c.owner in ("x", "y", "z")]
    assert len({urlsplit(postgres.url(c)).port for c in left}) == len(left) == 3
    for clone in left:
        (postgres.ground.home.environments / clone.key / ".clone.json.cut-off").touch()
        postgres.clones.clear(clone)
        assert not (postgres.ground.home.environments / clone.key).exists()


def test_what_is_named_after_a_port_goes_before_the_port_is_free(postgres: Postgres) -> None:
    """Whoever is given the port next has the directory of its sockets, which nobody removes any more."""
    clone = made(postgres, "order")
    cluster = postgres.clones._clusters.find(clone.key)
    assert cluster is not None
    (port,) = (postgres.ground.home.environments / clone.key).glob("postgres-*/port")
    really, was_ours = shutil.rmtree, list[bool]()

    def noted(path: Path, **more: bool) -> None:
        if path == cluster.sockets:
            was_ours.append(port.exists())
        really(path, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module.shutil, "rmtree", noted)
        postgres.clones.clear(clone)
    assert was_ours == [True]
    assert not cluster.sockets.exists()


def test_a_dataset_that_was_not_made_harmless_gives_harmless_clones(postgres: Postgres) -> None:
    """One that says nothing of it: what acts on the outside is taken away in the clone."""
    marker = postgres.ground.home.datasets / "old" / "harmless"
    seen = list[str]()
    marker.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "neutralise", lambda door: seen.append(door.user))
        postgres.clones.clear(made(postgres, "bare"))
        marker.touch()
        postgres.clones.clear(made(postgres, "bare"))
    assert seen == ["postgres"]
