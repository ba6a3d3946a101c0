"""A home with a hundred releases behind it: everything is found, promoted, gone back to and collected as with one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from greenroom.adapters.clock import SystemClock
from greenroom.store import tables
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from tests.life_support import Life, living, wait_until

BEHIND = 100


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """1.0 to 3.0 were sealed for real; 3.0 is in dev, 2.0 was there before, and a hundred others came before them."""
    with living() as life:
        life.commit("1.0")
        life.up()
        for version in ("1.0", "2.0"):
            life.release(version)
        live_through(life)
        life.release("3.0")
        yield life


def live_through(life: Life) -> None:
    """A hundred older releases of the same application, promoted one after the other, as their rows and entries would
    stand: written by the recorder itself, beside the control plane that runs."""
    database = Database.sqlite(life.home.store, SystemClock())
    try:
        recorder = Recorder(database)
        with database.transaction() as tx:
            row = dict(tx.execute(select(tables.release)).first()._mapping)  # type: ignore[union-attr]
            for n in range(BEHIND):
                digest = f"sha256:{hashlib.sha256(str(n).encode()).hexdigest()}"
                made = row["made_at"] - timedelta(days=BEHIND - n)
                old = {**row, "id": digest, "version": f"0.{n}", "git_commit": digest[7:47], "made_at": made}
                recorder.record(tx, "owner", "release.sealed", release=old)
                proof = {"id": f"evidence-{n}", "kind": "promotion", "name": "dev", "release": digest, "facts": {}}
                proof |= {"environment": "dev", "outcome": "passed", "at": made, "by": "owner"}
                recorder.record(tx, "owner", "evidence.recorded", evidence=proof)
    finally:
        database.close()


def done(life: Life, *words: str) -> Any:
    told = life.run(*words, "--json")
    assert told.returncode == 0, told.stdout + told.stderr
    return json.loads(told.stdout)


def test_any_of_them_is_found_by_any_of_its_names(life: Life) -> None:
    """By version, by the beginning of its digest or commit; the newest come first."""
    found = life.run("release", "list")
    assert found.returncode == 0
    assert found.stdout.index("3.0") < found.stdout.index("2.0")
    old = done(life, "release", "show", "0.42")
    assert done(life, "release", "show", old["digest"][7:19])["version"] == "0.42"
    assert done(life, "release", "show", old["commit"][:10])["version"] == "0.42"
    assert life.run("release", "show", "0.1000").returncode == 2


def test_going_back_and_forward_is_as_with_one(life: Life) -> None:
    """Back to 2.0 and forward to 3.0 again; one whose bytes are gone is refused by name and harms nothing."""
    assert done(life, "rollback", "dev", "--yes")["state"] == "done"
    assert life.visit() == "2.0"
    assert done(life, "promote", "3.0", "dev")["state"] == "done"
    assert life.visit() == "3.0"
    refused = life.run("promote", "0.42", "dev")
    assert refused.returncode != 0
    wait_until(lambda: not life.unfinished())
    assert life.visit() == "3.0"


def test_what_nobody_needs_goes_and_what_is_needed_stays(life: Life) -> None:
    """Collected down to the newest one: what runs and what it would go back to are still there, and can be used."""
    before = done(life, "collect", "--dry-run", "--keep", "1")
    assert before["freed_bytes"] == 0
    done(life, "collect", "--keep", "1")
    assert done(life, "rollback", "dev", "--yes")["state"] == "done"
    assert life.visit() == "2.0"


def test_the_ledger_and_the_doctor_agree(life: Life) -> None:
    """Every row of a hundred releases is as the ledger says, and the home is healthy."""
    assert done(life, "ledger", "verify")["entries"] > 2 * BEHIND
    life.must_be_healthy()
