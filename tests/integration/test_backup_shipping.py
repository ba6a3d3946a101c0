"""The log on its way from spools into the repository, as files: what a way back leaves behind is not taken for old."""

from __future__ import annotations

from pathlib import Path

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.adapters.home import Home
from greenroom.adapters.postgres.backup.backups import PostgresBackups
from greenroom.adapters.postgres.backup.ground import Ground, Identity
from greenroom.adapters.postgres.backup.places import Place
from greenroom.adapters.postgres.backup.repository import Repository
from greenroom.adapters.runtimes.toolchain import adopt
from greenroom.keeper.client import KeeperClient
from greenroom.ports.backups import Storage
from tests.runtime_support import made_home

SEGMENT = "000000010000000000000007"
PART = f"{SEGMENT}.partial"


def kept(home: Home, second: Path) -> tuple[PostgresBackups, Ground]:
    """No cluster: what ships looks at files alone."""
    storage = Storage(second=str(second))
    made = PostgresBackups(
        home,
        KeeperClient(home.keeper),
        "shop",
        SystemClock(),
        storage=lambda environment: storage,
        ensure_user=lambda *_: pytest.fail("nobody is needed"),
        adopt=adopt,
    )
    ground = Ground(home)
    ground.remember("production", Identity("7", 18, "18.0"))
    return made, ground


def test_a_part_that_grew_after_a_way_back_is_archived_again(tmp_path: Path) -> None:
    """A restore began a new spool, what was received until then was shipped, and the restore was taken back: the same
    segment goes on in a third spool. The next restore must find what visitors wrote meanwhile, in either place."""
    with made_home() as home:
        backups, ground = kept(home, tmp_path / "second")
        (ground.spool("production", fresh=True) / PART).write_bytes(b"until the restore")
        ground.spool("production", fresh=True)
        assert backups.ship("production") > 0
        (ground.spool("production", fresh=True) / PART).write_bytes(b"until the restore, and what came after it")
        ground.spool("production", fresh=True)
        backups.ship("production")
        repository = ground.repository("production", Storage(second=str(tmp_path / "second")))
        for place in repository.places:
            assert b"".join(repository.read(f"wal/{PART}", place)).endswith(b"came after it"), place.words
        assert backups.ship("production") == 0


def test_an_older_part_does_not_come_after_a_newer_one(tmp_path: Path) -> None:
    """Both lie in spools that are not written to any more: the newer is archived, the older gone."""
    with made_home() as home:
        backups, ground = kept(home, tmp_path / "second")
        for content in (b"older", b"newer"):
            (ground.spool("production", fresh=True) / PART).write_bytes(content)
        ground.spool("production", fresh=True)
        for _ in range(2):
            backups.ship("production")
        repository = ground.repository("production", Storage())
        assert b"".join(repository.read(f"wal/{PART}", repository.first)) == b"newer"


def test_what_a_restore_receives_meanwhile_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody ships, a restore begins a spool and its receiver writes there: that segment is still being
    received, whatever else has its name, and it stays until another spool is begun."""
    with made_home() as home:
        backups, ground = kept(home, tmp_path / "second")
        for content in (b"older", b"received until the restore"):
            (ground.spool("production", fresh=True) / PART).write_bytes(content)
        really, fresh = Repository.names, list[Path]()

        def meanwhile(repository: Repository, folder: str, place: Place | None = None) -> dict[str, int]:
            if not fresh:
                fresh.append(ground.spool("production", fresh=True))
                (fresh[0] / PART).write_bytes(b"being received")
            return really(repository, folder, place)

        monkeypatch.setattr(Repository, "names", meanwhile)
        for _ in range(2):
            backups.ship("production")
            assert (fresh[0] / PART).read_bytes() == b"being received"
        ground.spool("production", fresh=True)
        backups.ship("production")
        repository = ground.repository("production", Storage())
        assert b"".join(repository.read(f"wal/{PART}", repository.first)) == b"being received"
