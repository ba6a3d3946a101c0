"""A managed server as the source: everything that backups feed is fed by it, and it is named wherever data is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.memory.sources import MemorySources
from greenroom.domain.errors import Errored, Refused
from greenroom.domain.kinds import DataLabel
from greenroom.domain.names import VAULT
from greenroom.domain.secret import Secret
from greenroom.domain.work import State
from greenroom.services import data
from greenroom.store import records
from tests.unit.workflows.test_data_work import ENGINEER, RULED, Filled

PLACE = "replica.example.com:5432/shop"
SERVER = RULED.replace(
    "data: {", f"data: {{source_url: 'postgresql://reader@{PLACE}', source_password: SOURCE_PASSWORD, "
)
PASSWORD = "correct-horse-battery"


class Read(Filled):
    """Production's data is read from a server, whose password is set."""

    def __init__(self, tmp_path: Path, **columns: str) -> None:
        super().__init__(tmp_path, SERVER, **columns)
        self.world.secrets.put("production", "SOURCE_PASSWORD", Secret(PASSWORD))
        assert isinstance(self.world.sources, MemorySources)
        self.sources = self.world.sources

    def held(self, name: str) -> Any:
        with self.world.store.database.reading() as tx:
            return data.holding_of(self.app, tx, records.environment(tx, name))

    def everything_told(self) -> str:
        """Ledger, works, evidence and progress as text."""
        with self.world.store.database.reading() as tx:
            tables = ("ledger", "work", "evidence", "step")
            found = [tx.exec_driver_sql(f"SELECT * FROM {t}").fetchall() for t in tables if t in _tables(tx)]
        return str(found)


def _tables(tx: Any) -> set[str]:
    return {name for (name,) in tx.exec_driver_sql("SELECT name FROM sqlite_master").fetchall()}


def test_staging_is_filled_from_the_server(tmp_path: Path) -> None:
    """A copy, as of the snapshot, with the server's name and no backup; the password stands nowhere."""
    story = Read(tmp_path)
    _, preview = data.refresh(story.app, ENGINEER, "staging", dry_run=True)
    assert (preview["server"], preview["label"]) == (PLACE, "copy")
    assert story.run(story.refreshed("staging")).state is State.DONE
    held = story.held("staging")
    assert (held.label, held.server, held.backup, held.source) == (DataLabel.COPY, PLACE, None, "production")
    assert story.sources.asked == [(PLACE, PASSWORD)]
    assert ("staging", next(iter(story.sources.made))[1]) in story.sources.made
    assert story.candidates.holds["staging"] == f"a copy of {VAULT}"
    told = story.everything_told()
    assert PLACE in told
    assert PASSWORD not in told


def test_a_dataset_is_made_of_the_server(tmp_path: Path) -> None:
    """Masked in the vault and published, with the server's name; dev that is filled with it has it, too."""
    story = Read(tmp_path)
    assert story.made().state is State.DONE
    (dataset,) = story.vault.datasets()
    assert (dataset.server, dataset.backup, dataset.version) == (PLACE, "", "18.4")
    assert story.run(story.refreshed("dev")).state is State.DONE
    held = story.held("dev")
    assert (held.label, held.server) == (DataLabel.MASKED, PLACE)
    told = data.lineage(story.app, ENGINEER)
    assert (told["server"], told["datasets"][0]["server"]) == (PLACE, PLACE)


def test_discovery_looks_at_the_server(tmp_path: Path) -> None:
    """Without a backup, in the vault."""
    story = Read(tmp_path)
    work = story.run(data.discover(story.app, ENGINEER).id)
    assert work.state is State.DONE
    assert [v["column"] for v in work.facts["discover"]["verdicts"]] == ["public.person.id", "public.person.name"]
    assert (VAULT, work.id) in story.sources.made


def test_the_work_killed_at_any_point_ends_done(tmp_path: Path) -> None:
    """Wherever the control plane dies: staging holds the copy, and it was read once."""
    first = Read(tmp_path / "names")
    assert first.run(first.refreshed("staging")).state is State.DONE
    for number, name in enumerate(dict.fromkeys(first.seen)):
        story = Read(tmp_path / str(number))
        story.crash_at = name
        work = story.run(story.refreshed("staging"))
        assert (story.crash_at, work.state, len(story.sources.asked)) == (None, State.DONE, 1), name


def test_a_server_that_is_away_leaves_what_is_there(tmp_path: Path) -> None:
    """Asked again a few times, then given up: what staging held it holds, and visitors reach what ran before."""
    story = Read(tmp_path)
    before = story.held("staging")
    story.sources.problem = Errored("data.source_unreachable", f"{PLACE} is not to be reached", hint="wait")
    work = story.run(story.refreshed("staging"))
    assert work.state not in (State.DONE, State.ACTIVE)
    assert (work.error or {})["code"] == "data.source_unreachable"
    assert len(story.sources.asked) > 1
    assert story.held("staging") == before
    story.assert_reached("staging")


def test_a_server_has_no_past(tmp_path: Path) -> None:
    """An instant or a restore point cannot be asked for."""
    story = Read(tmp_path)
    for ask in (
        lambda: data.make(story.app, ENGINEER, to="2026-11-24T02:30:00+00:00"),
        lambda: data.refresh(story.app, ENGINEER, "staging", to="before-2.0"),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.code == "data.no_past"


def test_a_password_that_is_not_set_is_named(tmp_path: Path) -> None:
    """By the name of its secret, before any work is made."""
    story = Read(tmp_path)
    story.world.secrets.remove("production", "SOURCE_PASSWORD")
    with pytest.raises(Refused) as caught:
        data.make(story.app, ENGINEER)
    assert (caught.value.code, "SOURCE_PASSWORD" in caught.value.hint) == ("data.source_password", True)


def test_old_data_of_a_server_is_due(tmp_path: Path) -> None:
    """With `refresh:` staging is filled by itself from the server as it would be from backups."""
    story = Read(tmp_path)
    story.run(story.refreshed("staging"))
    now = story.world.clock.now()
    assert data.due(story.app, "staging", 3600, now) is None
    assert data.due(story.app, "staging", 3600, now + timedelta(hours=2)) is not None
