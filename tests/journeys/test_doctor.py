"""`greenroom doctor` finds and names every damage that is made in a real home, and the way out it prints leads out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from greenroom.adapters.clock import SystemClock
from greenroom.store.database import Database
from tests.damages import DAMAGES
from tests.life_support import Life, living, wait_until

WITH_DATA = """services: {postgres: 18}
config: {SECRET_KEY: {secret: true, generate: true}, MAIL_HOST: {mail: host}}"""


TRIES = {"the_keeper_is_dead": 5}
"""The control plane looks every second whether there is a keeper, and may be there before the doctor."""


@pytest.fixture(scope="module")
def served() -> Iterator[Life]:
    """Greenroom is up; the second release with a database is served in dev, so that there are restore points."""
    with living(WITH_DATA) as life:
        life.commit("1.0")
        life.up()
        for version in ("1.0", "2.0"):
            life.release(version)
        yield life


def damage(life: Life) -> list[dict[str, Any]]:
    return [f for f in life.api("doctor") if f["outcome"] != "passed" and f["name"] != "disk"]


def test_a_healthy_home_has_no_damage(served: Life) -> None:
    """Nothing is found, and the command line ends well."""
    wait_until(lambda: damage(served) == [])  # what catches mail starts beside the application
    told = served.run("doctor")
    assert told.returncode == 0 or "MB free" in told.stdout, told.stdout


@pytest.mark.parametrize("name", sorted(DAMAGES))
def test_it_is_found_named_and_the_way_out_leads_out(name: str, served: Life) -> None:
    """The finding names what was damaged; once its `next` was followed as it is written, nothing is found any more."""
    for _ in range(TRIES.get(name, 1)):
        steps = DAMAGES[name](served)
        where, words = next(steps)
        found = damage(served)
        named = [f for f in found if f["name"].startswith(where) and words in f["said"]]
        if named:
            break
    assert named, found
    assert all(f["next"] for f in found), found
    with pytest.raises(StopIteration):
        steps.send(named[0])
    wait_until(lambda: damage(served) == [])
    wait_until(lambda: served.visit() is not None)


@pytest.mark.parametrize("room", ["secrets", "database"])
def test_a_start_that_needs_damaged_secrets_names_them(served: Life, room: str) -> None:
    """The promotion goes back and says whose secrets, and from where to restore them; what runs goes on."""
    file = served.home.private / room / "dev.secrets.json"
    kept = file.read_bytes()
    before = served.visit()
    file.write_bytes(kept[:-20])
    served.begin_release(f"9.{len(room)}")
    wait_until(lambda: not served.unfinished())
    ended = served.api(f"work/{served.works()[0]['id']}")
    assert (ended["kind"], ended["state"]) == ("promotion", "rolled_back"), ended
    assert ended["error"]["code"] == "secrets.unreadable"
    assert "the secrets of dev" in ended["error"]["message"]
    assert f"restore {file.parent}" in ended["error"]["next"]
    assert served.visit() == before
    file.write_bytes(kept)
    told = served.run("promote", f"9.{len(room)}", "dev")
    assert told.returncode == 0, told.stderr
    wait_until(lambda: served.visit() == f"9.{len(room)}")


@pytest.mark.parametrize("how", ["gone", "empty", "without a row"])
def test_a_home_whose_store_is_lost_is_not_begun_anew(served: Life, how: str) -> None:
    """It does not come up, says which store and what to do, and changes nothing; with the copy back it is as it was."""
    store = served.home.store
    assert served.run("down", "--keep-applications").returncode == 0
    Path(f"{store}-wal").unlink(missing_ok=True)
    Path(f"{store}-shm").unlink(missing_ok=True)
    aside = store.with_name("aside.db")
    store.rename(aside)
    if how == "empty":
        store.touch(0o600)
    elif how == "without a row":
        fresh = Database.sqlite(store, SystemClock())
        fresh.open()
        fresh.close()
    before = store.read_bytes() if store.exists() else None
    told = served.run("up")
    assert told.returncode == 1, told.stderr
    assert "store.lost" in told.stderr and str(store) in told.stderr.replace("\n         ", " "), told.stderr
    assert "backup-of-greenroom-itself" in told.stderr
    assert (store.read_bytes() if store.exists() else None) == before
    assert served.visit() is not None
    store.unlink(missing_ok=True)
    for left in store.parent.glob("greenroom.db-*"):
        left.unlink()
    aside.rename(store)
    told = served.run("up")
    assert told.returncode == 0, told.stderr
    wait_until(lambda: damage(served) == [])
