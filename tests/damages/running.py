"""The keeper, the edge, pointers, instances, work."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

from greenroom.adapters.caddy.admin import Admin
from greenroom.adapters.caddy.pointer import Routes
from greenroom.adapters.clock import SystemClock
from greenroom.domain.plan import PLANS, WorkKind
from greenroom.domain.work import State, Work
from greenroom.domain.work_record import asking
from greenroom.keeper.spec import Spec
from greenroom.ports.edge import Pointer
from greenroom.store.database import Database
from greenroom.store.recorder import Recorder
from greenroom.store.works import Works
from greenroom.workflows.claiming import about
from tests.damages.ground import Damage, again, damage
from tests.life_support import Life, wait_until


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
def nobody_catches_mail(life: Life) -> Damage:
    life.keeper.stop("mail")
    said = yield "mail", "nobody catches mail"
    assert "logs/mail.log" in said["next"]
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
    recorder, error = Recorder(database), {"message": "the disk was full", "outcome": "errored", "code": "x.y"}
    with database.transaction() as tx:
        works.add(tx, work)
        for word, subject in (("requested", asking(work)), ("attention", about(work, error=error))):
            recorder.append(tx, work.requested_by, f"check.{word}", subject)
        works.set_columns(tx, work.id, [State.QUEUED], state=State.ATTENTION, started_at=clock.now(), error=error)
    database.close()
    said = yield "work", "check-stuck needs a person: the disk was full"
    assert "greenroom resume check-stuck" in said["next"]
    told = life.run("resume", "check-stuck")
    assert told.returncode in (0, 1, 2), told.stderr  # it goes on; that it then ends rejected is an answer
    wait_until(lambda: not life.unfinished())


def _routes(life: Life) -> Path:
    return life.home.root / "edge" / "routes"


def _instance(life: Life) -> str:
    return next(s.name for s in life.keeper.all() if s.name.startswith("app/dev."))
