"""Taking over from the control plane that was here before, and handing over to the one that comes next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection, select

from greenroom.domain.errors import GreenroomError
from greenroom.domain.plan import WorkKind
from greenroom.domain.work import Direction, State, Work
from greenroom.ports.edge import Pointer
from greenroom.ports.runtime import Fence, InstanceState
from greenroom.services.app import App
from greenroom.store import records, tables
from greenroom.workflows.instances import deployment_of, process_variables, variables
from greenroom.workflows.reach import limit

log = structlog.get_logger(__name__)

MOVES_TRAFFIC = (WorkKind.PROMOTION, WorkKind.ROLLBACK, WorkKind.RESTORE, WorkKind.REFRESH)
QUICK = (WorkKind.PROMOTION, WorkKind.ROLLBACK, WorkKind.REFRESH)
"""A restore may hold visitors for hours: a stop does not wait for it, and the next start goes on with it."""

STARTED = ("check", "switch", "bake")
CAN_SWITCH_BACK = ("switch", "bake")
KEPT = (InstanceState.RUNNING, InstanceState.BACKING_OFF)


@dataclass(frozen=True)
class Standing:
    """A release that should run in an environment: which work put it there, and where it listens."""

    release: str
    work: str
    dial: str


def recover(app: App) -> None:
    """Start, idempotently, what visitors reach and what work under way relies on.

    What goes wrong in one environment is logged and holds up no other. Called before the engine starts: what that
    would retire meanwhile must not be started again.
    """
    with app.world.store.database.reading() as tx:
        names = [row.name for row in records.environments(tx)]
    with _by_itself(""):
        limit(app.world)  # before anything starts again
    with _by_itself(""):
        app.world.runtime.wake()
    for name in names:
        with _by_itself(name):
            _raise_fence(app, name)
        with _by_itself(name):
            _send_where_recorded(app, name)
        with _by_itself(name):
            for standing in _wanted(app, name):
                with _by_itself(name, standing.release):
                    _start(app, name, standing)


def visitors_wait(app: App) -> list[str]:
    """Environments whose visitors are held at the edge, or are about to be, for work that is carried out here: it
    should not be left at that."""
    with app.world.store.database.reading() as tx:
        works = app.world.store.works.find(tx, states=[State.ACTIVE], kinds=QUICK)
    named = [(w, w.environment) for w in works if w.environment]
    return [name for work, name in named if work.step == "restore-point" or _is_held(app, name)]


@contextmanager
def _by_itself(environment: str, release: str = "") -> Iterator[None]:
    try:
        yield
    except GreenroomError as e:
        # The error says what and why; a traceback would add nothing for the operator.
        log.error("recovery.failed", environment=environment, release=release, **e.as_dict())  # noqa: TRY400
    except Exception:
        log.exception("recovery.failed", environment=environment, release=release)


def _raise_fence(app: App, environment: str) -> None:
    """A store that was restored from a copy gives out no token that edge or keeper have seen already: it would be
    refused."""
    pointer = app.world.edge.pointer(environment)
    seen = max(pointer.token if pointer else 0, app.world.runtime.fence(environment))
    if seen == 0:
        return
    c, fence = tables.fence.c, tables.fence
    with app.world.store.database.transaction() as tx:
        found = tx.scalar(select(c.token).where(c.environment == environment))
        if found is None:
            tx.execute(fence.insert().values(environment=environment, token=seen))
        elif found < seen:
            tx.execute(fence.update().where(c.environment == environment).values(token=seen))


def _token(tx: Connection, environment: str) -> int:
    """Of the last claim on it."""
    return tx.scalar(select(tables.fence.c.token).where(tables.fence.c.environment == environment)) or 0


def _send_where_recorded(app: App, environment: str) -> None:
    """Visitors whose pointer is gone are sent where the row says. One that says something else is left alone: the store
    may be a copy from before, and only a person can tell which of the two is right."""
    if app.world.edge.pointer(environment) is not None or not app.world.project().environment(environment).runs:
        return
    with app.world.store.database.reading() as tx:
        row = records.environment(tx, environment)
        holder = app.world.store.works.holder(tx, environment)
        token = _token(tx, environment)
    if row.current and row.dial and holder is None:  # work under way points by itself
        log.warning("recovery.sent_where_recorded", environment=environment, dial=row.dial, release=row.current)
        app.world.edge.point(environment, Pointer(row.dial, row.current, token))


def _wanted(app: App, environment: str) -> list[Standing]:
    """What should stand there now, as the rows say."""
    if not app.world.project().environment(environment).runs:
        return []
    with app.world.store.database.reading() as tx:
        row = records.environment(tx, environment)
        holder = app.world.store.works.holder(tx, environment)
    if holder is not None and holder.kind not in MOVES_TRAFFIC:
        holder = None
    found = _of_work(holder) if holder else []
    # While visitors are held the application must be at rest: what lets them go on starts what they will reach.
    if row.current and row.current_work and not (holder and _is_held(app, environment)):
        found = [Standing(row.current, row.current_work, row.dial), *(s for s in found if s.work != row.current_work)]
    return found


def _of_work(work: Work) -> list[Standing]:
    """Its own release from its start on; the older one as long as going back to it is a switch."""
    found = []
    dial = (work.facts.get("start") or {}).get("dial")
    if work.direction is Direction.FORWARD and work.step in STARTED and work.release and dial:
        found.append(Standing(work.release, work.id, dial))
    point = work.facts.get("restore-point") or {}
    was = point.get("was") or {}
    if work.step in CAN_SWITCH_BACK and was.get("release") and was.get("work") and not point.get("held"):
        found.append(Standing(was["release"], was["work"], was["dial"]))
    return found


def _start(app: App, environment: str, standing: Standing) -> None:
    world = app.world
    release = world.release(standing.release)
    port = int(standing.dial.rpartition(":")[2]) if standing.dial.startswith("127.") else None
    plan = deployment_of(world, environment, release, standing.work, port)
    given = process_variables(variables(world, environment, release), release)  # this starts its database too
    if all(world.runtime.instance(i).state in KEPT for i in plan.instance_ids()):
        return  # the keeper lived on, so nothing has to be verified: work goes on at once
    place = world.runtime.prepare(environment)
    unpacked = world.unpacked(release.digest)
    for spec in plan.specs(place, unpacked, given, plan.dial(place)):
        with world.store.database.reading() as tx:  # before the rows are asked: who claims it after that is later
            fence = Fence(environment, _token(tx, environment))
        if standing not in _wanted(app, environment):
            return  # retired by another control plane meanwhile
        world.runtime.start(spec, fence=fence)


def _is_held(app: App, environment: str) -> bool:
    pointer = app.world.edge.pointer(environment)
    return pointer is not None and pointer.dial is None
