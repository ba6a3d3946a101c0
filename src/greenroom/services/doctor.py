"""Looking at everything Greenroom stands on, and naming what is damaged with the way out.

Each examination answers passed, failed (it is damaged) or errored (it could not be looked at). None changes anything.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from greenroom.domain.errors import Errored, GreenroomError
from greenroom.domain.names import short
from greenroom.domain.roles import Action, Actor
from greenroom.domain.work import State
from greenroom.ports.runtime import InstanceState
from greenroom.services.app import App
from greenroom.services.collect import in_use
from greenroom.services.record_keeping import verify
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.instances import Deployment

LOW_DISK = 1 << 30


@dataclass(frozen=True)
class Found:
    """One examination. `next` is empty when it passed."""

    name: str
    outcome: str
    said: str
    next: str = ""


def examine(app: App, actor: Actor) -> list[dict[str, Any]]:
    """Every examination, in an order that lets the first damage explain later ones."""
    app.allow(actor, Action.READ_LEDGER)
    found: list[Found] = []
    for name, look in EXAMINATIONS:
        try:
            found += look(app, actor)
        except GreenroomError as e:
            found.append(Found(name, "failed" if not isinstance(e, Errored) else "errored", e.message, e.hint))
        except Exception as e:  # noqa: BLE001 - whatever breaks while looking is itself a finding
            found.append(Found(name, "errored", f"{type(e).__name__}: {e}", "see the control plane's log"))
    return [asdict(f) for f in found]


def _store(app: App, actor: Actor) -> Iterator[Found]:
    database = app.world.store.database
    with database.reading() as tx:
        said = tx.scalar(text("PRAGMA quick_check")) if database.is_sqlite else "ok"
        rows = app.world.store.recorder.count(tx)
    if said == "ok":
        yield Found("store", "passed", f"reads well, {rows} ledger entries")
    else:
        yield Found(
            "store", "failed", f"the database file is damaged: {said}", "restore it from a copy; see upgrade.md"
        )


def _ledger(app: App, actor: Actor) -> Iterator[Found]:
    told = verify(app, actor)
    if told["verified"]:
        yield Found("ledger", "passed", f"{told['entries']} entries hold together, and every table says the same")
    for problem in told["problems"][:20]:
        yield Found("ledger", "failed", problem, "compare with an exported ledger: somebody wrote past Greenroom")


def _clock(app: App, actor: Actor) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        count = app.world.store.recorder.count(tx)
        last = next(app.world.store.recorder.entries(tx, after=count - 1), None) if count else None
    if last and last.at > app.world.clock.now() + timedelta(minutes=1):
        yield Found(
            "clock", "failed", f"the last ledger entry is of {last.at}, which is to come", "set this clock right"
        )
    else:
        yield Found("clock", "passed", "no entry comes from the future")


def _disk(app: App, actor: Actor) -> Iterator[Found]:
    first = next((e.name for e in app.world.project().environments if e.runs), None)
    if first is None:
        return
    where = app.world.runtime.prepare(first).data
    free = shutil.disk_usage(where).free
    if free < LOW_DISK:
        yield Found(
            "disk", "failed", f"{free / 1e6:.0f} MB free under {where}", "greenroom collect removes old releases"
        )
    else:
        yield Found("disk", "passed", f"{free / 1e9:.0f} GB free")


def _isolation(app: App, actor: Actor) -> Iterator[Found]:
    yield Found("isolation", "passed", app.world.runtime.isolation())


def _edge(app: App, actor: Actor) -> Iterator[Found]:
    if app.world.edge.alive():
        yield Found("edge", "passed", "answers")
    else:
        yield Found("edge", "failed", "does not answer", "greenroom up starts it; its log is logs/edge.log in the home")


def _mail(app: App, actor: Actor) -> Iterator[Found]:
    if app.world.mail.alive():
        yield Found("mail", "passed", "is caught before production")
    else:
        said = "nobody catches mail: what applications send before production is refused, and goes nowhere"
        yield Found("mail", "failed", said, "greenroom up starts it; its log is logs/mail.log in the home")


def _environments(app: App, actor: Actor) -> Iterator[Found]:
    """Where visitors are sent is what is recorded, and what they reach runs."""
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        busy = {r.name for r in rows if app.world.store.works.holder(tx, r.name)}
    for row in rows:
        if row.current is None or not app.world.project().environment(row.name).runs or row.name in busy:
            continue
        try:
            yield _one_environment(app, row)
        except GreenroomError as e:  # one that cannot be looked at hides no other
            yield Found(f"environment {row.name}", "errored", e.message, e.hint)


def _one_environment(app: App, row: EnvironmentRow) -> Found:
    name = f"environment {row.name}"
    pointer = app.world.edge.pointer(row.name)
    if pointer is None or (pointer.dial, pointer.release) != (row.dial, row.current):
        said = f"visitors are sent to {pointer.dial if pointer else 'nothing'}, recorded is {row.dial}"
        return Found(name, "failed", said, f"another promotion, or greenroom rollback {row.name}, sends them anew")
    release = app.world.release(row.current or "")
    wanted = Deployment(row.name, release, row.current_work or "").instance_ids()
    down = [i for i in map(app.world.runtime.instance, wanted) if i.state is not InstanceState.RUNNING]
    if not down:
        return Found(name, "passed", f"{short(release.digest)} is pointed to and runs")
    if down[0].state is InstanceState.UNKNOWN:
        said = f"{down[0].id} is not there"
        return Found(name, "failed", said, "greenroom up starts what should run; down before it, if it runs already")
    said = f"{down[0].id} is {down[0].state.value}, ended last with {down[0].last_exit or 'unknown'}"
    return Found(name, "failed", said, f"greenroom logs {row.name} shows why")


def _artifacts(app: App, actor: Actor) -> Iterator[Found]:
    """Every release that something holds is whole and signed."""
    with app.world.store.database.reading() as tx:
        wanted = sorted(in_use(app, tx))
    damaged = 0
    for digest in wanted:
        try:
            app.world.artifacts.verify(digest)
        except GreenroomError as e:
            damaged += 1
            yield Found(
                f"release {short(digest)}", "failed", e.message, e.hint or "make the release again from its commit"
            )
    if not damaged:
        yield Found("releases", "passed", f"{len(wanted)} in use are whole and signed")


def _secrets(app: App, actor: Actor) -> Iterator[Found]:
    count = sum(len(app.world.secrets.values(e.name)) for e in app.world.project().environments)
    yield Found("secrets", "passed", f"{count} open with this home's key")


def _works(app: App, actor: Actor) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        stuck = app.world.store.works.find(tx, states=[State.ATTENTION])
    for work in stuck:
        said = f"{work.id} needs a person: {(work.error or {}).get('message', '')}"
        yield Found("work", "failed", said, f"greenroom work show {work.id}, then greenroom resume {work.id}")
    if not stuck:
        yield Found("work", "passed", "nothing needs a person")


EXAMINATIONS: list[tuple[str, Callable[[App, Actor], Iterator[Found]]]] = [
    ("disk", _disk),
    ("store", _store),
    ("ledger", _ledger),
    ("clock", _clock),
    ("isolation", _isolation),
    ("edge", _edge),
    ("mail", _mail),
    ("environments", _environments),
    ("releases", _artifacts),
    ("secrets", _secrets),
    ("work", _works),
]
