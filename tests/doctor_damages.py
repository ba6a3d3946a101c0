"""Every damage that the doctor must find, each made for real in a home that runs, and the way out as it is printed.

A damage is a generator: it breaks something, yields where and in which words the doctor should say so, and then, given
what was said, follows the way out.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from greenroom.adapters.caddy.admin import Admin
from greenroom.adapters.caddy.pointer import Routes
from greenroom.adapters.clock import SystemClock
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import State, Work
from greenroom.keeper.spec import Spec
from greenroom.ports.edge import Pointer
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from greenroom.store.works import Works
from tests.life_support import Life, wait_until
from tests.twins import FakeClock

Damage = Generator[tuple[str, str], dict[str, Any], None]
"""Yields the name of the finding and words of it; is sent the finding."""

DAMAGES: dict[str, Callable[[Life], Damage]] = {}


def damage(make: Callable[[Life], Damage]) -> Callable[[Life], Damage]:
    DAMAGES[make.__name__] = make
    return make


def again(life: Life) -> None:
    """`greenroom down --keep-applications`, then `greenroom up`."""
    for words in (("down", "--keep-applications"), ("up",)):
        told = life.run(*words)
        assert told.returncode == 0, told.stdout + told.stderr


# --- the store -----------------------------------------------------------------------------------------------------


def copied_store(life: Life) -> Path:
    """A consistent copy, as docs/operate/backup-of-greenroom-itself.md makes it."""
    copy = life.root / "copy-of.db"
    with closing(sqlite3.connect(life.home.store)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


def put_back(life: Life, copy: Path) -> None:
    assert life.run("down", "--keep-applications").returncode == 0
    shutil.copy(copy, life.home.store)
    life.home.store.chmod(0o600)
    for companion in ("-wal", "-shm"):
        Path(f"{life.home.store}{companion}").unlink(missing_ok=True)
    told = life.run("up")
    assert told.returncode == 0, told.stderr


def forced(life: Life, *statements: str) -> None:
    """What somebody does who has the file and knows SQL."""
    with closing(sqlite3.connect(life.home.store, isolation_level=None)) as store:
        for statement in ("DROP TRIGGER IF EXISTS ledger_no_update", "DROP TRIGGER IF EXISTS ledger_no_delete"):
            store.execute(statement)
        for statement in statements:
            assert store.execute(statement).rowcount > 0


@damage
def a_page_of_the_store_is_overwritten(life: Life) -> Damage:
    copy = copied_store(life)
    assert life.run("down", "--keep-applications").returncode == 0
    with closing(sqlite3.connect(life.home.store)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'history'").fetchone()
        (size,) = store.execute("PRAGMA page_size").fetchone()
    with life.home.store.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))
    assert life.run("up").returncode == 0
    said = yield "store", "the database file is damaged"
    assert "put a copy of greenroom.db in its place" in said["next"]
    put_back(life, copy)


@damage
def an_entry_of_the_ledger_is_changed(life: Life) -> Damage:
    copy = copied_store(life)
    forced(life, "UPDATE ledger SET actor = 'nobody' WHERE seq = 3")
    said = yield "ledger", "entry 3: its contents do not match its hash"
    assert "put a copy" in said["next"]
    put_back(life, copy)


@damage
def an_entry_of_the_ledger_is_deleted(life: Life) -> Damage:
    copy = copied_store(life)
    forced(life, "DELETE FROM ledger WHERE seq = 4")
    yield "ledger", "entry 4: expected entry 4, found 5"
    put_back(life, copy)


@damage
def a_row_is_changed_past_the_ledger(life: Life) -> Damage:
    copy = copied_store(life)
    forced(life, "UPDATE release SET version = '9.9' WHERE version = '1.0'")
    yield "ledger", "version was changed past the ledger"
    put_back(life, copy)


@damage
def entries_come_from_the_future(life: Life) -> Damage:
    """Written properly by a control plane whose clock was a day ahead, and was set right since."""
    copy = copied_store(life)
    database = Database.sqlite(life.home.store, FakeClock(SystemClock().now() + timedelta(days=1)))
    with database.transaction() as tx:
        Recorder(database).append(tx, "greenroom", "noted", {"about": {}})
    database.close()
    said = yield "clock", "is of"
    assert "set this clock right" in said["next"]
    put_back(life, copy)


# --- what is private -----------------------------------------------------------------------------------------------


def as_printed(said: dict[str, Any]) -> None:
    """The command that the finding begins with."""
    command = said["next"].split(";")[0]
    assert command.startswith(("chmod ", "chown ")), command
    subprocess.run(shlex.split(command), check=True)


@damage
def the_private_directory_is_opened_up(life: Life) -> Damage:
    life.home.private.chmod(0o755)
    as_printed((yield "home", f"{life.home.private} is open to other users"))


@damage
def the_token_file_is_readable_by_all(life: Life) -> Damage:
    (life.home.private / "api.json").chmod(0o644)
    said = yield "home", "api.json is open to other users of this machine (mode 644)"
    assert "new tokens" in said["next"]
    as_printed(said)


@damage
def the_store_is_readable_by_all(life: Life) -> Damage:
    life.home.store.chmod(0o644)
    as_printed((yield "home", "greenroom.db is open to other users"))


@damage
def the_key_of_the_secrets_is_missing(life: Life) -> Damage:
    key = life.home.private / "secrets.key"
    kept = key.read_bytes()
    key.unlink()
    said = yield "secrets", "the key of the secrets is gone"
    assert "restore it from a backup" in said["next"]
    _private(key, kept)


@damage
def the_key_of_the_secrets_is_another(life: Life) -> Damage:
    key = life.home.private / "secrets.key"
    kept = key.read_bytes()
    _private(key, os.urandom(32))
    yield "secrets", "the secrets of dev cannot be read"
    _private(key, kept)


@damage
def the_key_of_the_secrets_is_cut_short(life: Life) -> Damage:
    key = life.home.private / "secrets.key"
    kept = key.read_bytes()
    _private(key, kept[:7])
    yield "secrets", "is not a key"
    _private(key, kept)


@damage
def the_secrets_of_an_environment_are_damaged(life: Life) -> Damage:
    file = life.home.private / "secrets" / "dev.secrets.json"
    kept = file.read_bytes()
    _private(file, kept[:-20])
    said = yield "secrets", "the secrets of dev cannot be read"
    assert "restore" in said["next"]
    _private(file, kept)


def _private(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    file.chmod(0o600)


# --- what runs -----------------------------------------------------------------------------------------------------


@damage
def the_keeper_is_dead(life: Life) -> Damage:
    os.kill(int(life.keeper.ping()["pid"]), signal.SIGKILL)
    wait_until(lambda: not life.keeper.answers())
    yield "keeper", "it did not answer; applications run on without it"
    assert life.run("up").returncode == 0


@damage
def the_edge_is_stopped(life: Life) -> Damage:
    life.keeper.stop("edge")
    yield "edge", "does not answer"
    again(life)


@damage
def the_edge_serves_something_else(life: Life) -> Damage:
    admin = Admin(life.home.run / "edge" / "admin.sock")
    served = admin.config()
    assert served is not None
    admin.load(json.dumps({**served, "storage": {"module": "file_system", "root": "/nonexistent"}}).encode())
    yield "edge", "its configuration was changed past Greenroom"
    again(life)


@damage
def the_edge_would_start_from_something_else(life: Life) -> Damage:
    file = life.home.root / "edge" / "caddy.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "apps": {}}))
    yield "edge", "from which Caddy starts, is not what was applied"
    again(life)


@damage
def the_pointer_of_an_environment_is_gone(life: Life) -> Damage:
    for file in _routes(life).glob("dev*"):
        file.unlink()
    yield "environment dev", "visitors are sent to nothing, recorded is unix//"
    again(life)


@damage
def the_pointer_leads_elsewhere(life: Life) -> Damage:
    routes = Routes(_routes(life), nowhere=life.home.run / "nowhere.sock")
    present = routes.read("dev")
    assert present is not None
    elsewhere = replace(present, pointer=Pointer("127.0.0.1:9", present.pointer.release, present.pointer.token))
    routes.change("dev", present.pointer.token, lambda _: elsewhere)
    said = yield "environment dev", "visitors are sent to 127.0.0.1:9, recorded is unix//"
    assert "remove edge/routes/dev in the home" in said["next"]
    (_routes(life) / "dev").unlink()
    again(life)


@damage
def the_pointer_cannot_be_read(life: Life) -> Damage:
    (_routes(life) / "dev").write_text("somewhere")
    said = yield "environment dev", "does not say where dev leads"
    assert f"remove {_routes(life) / 'dev'}" in said["next"]
    (_routes(life) / "dev").unlink()
    again(life)


@damage
def an_instance_is_missing(life: Life) -> Damage:
    life.keeper.stop(_instance(life))
    yield "environment dev", "is not there"
    again(life)


@damage
def something_runs_that_nobody_knows(life: Life) -> Damage:
    kept = Spec("app/dev.web.0.stranger", ("/bin/sleep", "600"), cwd="/", log=str(life.home.logs / "stranger.log"))
    life.keeper.start(kept)
    said = yield "strangers", "dev.web.0.stranger runs"
    assert said["next"].startswith("greenroom down, then greenroom up")
    for words in (("down",), ("up",)):
        assert life.run(*words).returncode == 0


@damage
def work_is_stuck(life: Life) -> Damage:
    clock = SystemClock()
    database = Database.sqlite(life.home.store, clock)
    works = Works(database)
    release = life.api("environments")[0]["release"]["digest"]
    plan = PLANS[WorkKind.CHECK]
    work = Work(
        "check-stuck", WorkKind.CHECK, "dev", release, plan, State.QUEUED, "owner", clock.now(), request={"checks": []}
    )
    with database.transaction() as tx:
        works.add(tx, work)
        error = {"message": "the disk was full", "outcome": "errored", "code": "x.y"}
        works.set_columns(tx, work.id, [State.QUEUED], state=State.ATTENTION, started_at=clock.now(), error=error)
    database.close()
    said = yield "work", "check-stuck needs a person: the disk was full"
    assert "greenroom resume check-stuck" in said["next"]
    told = life.run("resume", "check-stuck")
    assert told.returncode in (0, 1), told.stderr
    wait_until(lambda: not life.unfinished())


def _routes(life: Life) -> Path:
    return life.home.root / "edge" / "routes"


def _instance(life: Life) -> str:
    return next(s.name for s in life.keeper.all() if s.name.startswith("app/dev."))


# --- data ----------------------------------------------------------------------------------------------------------


@damage
def the_database_of_an_environment_is_down(life: Life) -> Damage:
    life.keeper.stop("postgres/dev")
    yield "database dev", "the database of dev does not run"
    again(life)


@damage
def the_data_of_a_database_is_gone(life: Life) -> Damage:
    """No empty database takes its place by itself, whatever is started."""
    life.keeper.stop("postgres/dev")
    (data,) = (life.home.environments / "dev").glob("postgres-*/data")
    aside = data.with_name("aside")
    data.rename(aside)
    said = yield "database dev", "is gone"
    assert f"bring {data} back from a backup" in said["next"]
    again(life)
    assert not data.exists()
    aside.rename(data)
    again(life)


@damage
def a_restore_point_is_damaged(life: Life) -> Damage:
    older = _older_point(life)
    file = max((p for p in (older / "archive").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    _flip(file)
    said = yield "database dev", f"restore point {older.name} of dev is damaged"
    assert f"remove the directory {older}" in said["next"]
    shutil.rmtree(older)


@damage
def a_restore_point_has_lost_its_dump(life: Life) -> Damage:
    older = _older_point(life)
    shutil.rmtree(older / "archive")
    yield "database dev", f"restore point {older.name} of dev has lost its dump"
    shutil.rmtree(older)


@damage
def the_newest_restore_point_is_missing(life: Life) -> Damage:
    """Nothing brings it back; the next promotion makes another."""
    for point in _points(life):
        shutil.rmtree(point)
    said = yield "database dev", "made before the release in place came, is gone"
    assert "the next promotion makes one" in said["next"]
    _newer(life)


def _newer(life: Life) -> None:
    """Another release comes into dev, after a restore point."""
    version = life.visit() or ""
    life.release(f"{float(version) + 1:.1f}")


def _older_point(life: Life) -> Path:
    """One that a newer one follows."""
    _newer(life)
    return min(_points(life), key=lambda p: p.stat().st_mtime)


def _points(life: Life) -> list[Path]:
    return [p for p in (life.home.environments / "dev" / "restore-points").iterdir() if not p.name.startswith(".")]


# --- releases ------------------------------------------------------------------------------------------------------


@damage
def a_byte_of_a_release_is_changed(life: Life) -> Damage:
    _flip(_largest_blob(life))
    said = yield "release", "was changed after it was sealed"
    assert "seal the commit again" in said["next"] or "make the release again" in said["next"]
    _seal_again(life)


@damage
def a_blob_of_a_release_is_missing(life: Life) -> Damage:
    _largest_blob(life).unlink()
    yield "release", "is not in the artifact store"
    _seal_again(life)


def _flip(file: Path) -> None:
    """One bit of one byte in the middle; the size stays."""
    mode = file.stat().st_mode
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(data)
    file.chmod(mode)


def _largest_blob(life: Life) -> Path:
    """A layer of what runs in dev."""
    blobs = life.home.artifacts / "blobs" / "sha256"
    digest = life.api("environments")[0]["release"]["digest"]
    layers = json.loads((blobs / digest.removeprefix("sha256:")).read_text())["layers"]
    return blobs / max(layers, key=lambda x: x["size"])["digest"].removeprefix("sha256:")


def _seal_again(life: Life) -> None:
    """The same commit gives the same bytes, which take the place of the damaged ones."""
    commit = life.api("environments")[0]["release"]["commit"]
    told = life.run("release", commit)
    assert told.returncode == 0, told.stdout + told.stderr
    wait_until(lambda: not life.unfinished())
