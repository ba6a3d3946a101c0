"""After a restart of the machine or the control plane: what should run runs again."""

from __future__ import annotations

import structlog

from greenroom.domain.errors import GreenroomError
from greenroom.domain.plan import WorkKind
from greenroom.domain.release import Release
from greenroom.services.app import App
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.instances import Deployment, process_variables, variables

log = structlog.get_logger(__name__)


def recover(app: App) -> None:
    """Start, idempotently, what visitors reach and what a bake keeps idle. One that cannot start holds up no other."""
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        wanted = [(row, *deployed) for row in rows for deployed in _deployed(app, row)]
        found = [(row, records.release(tx, digest), work, dial) for row, digest, work, dial in wanted]
    for row, release, work, dial in found:
        try:
            _start(app, row.name, release, work, dial)
        except GreenroomError as e:
            # The error says what and why; a traceback would add nothing for the operator.
            log.error("recovery.failed", environment=row.name, release=release.digest, **e.as_dict())  # noqa: TRY400


def _deployed(app: App, row: EnvironmentRow) -> list[tuple[str, str, str]]:
    """(release, work, dial) of what stands there: the current one, and the older one while the newer bakes."""
    if not app.world.project().environment(row.name).runs or row.current is None or row.current_work is None:
        return []
    found = [(row.current, row.current_work, row.dial)]
    with app.world.store.database.reading() as tx:
        holder = app.world.store.works.holder(tx, row.name)
    if holder and holder.kind in (WorkKind.PROMOTION, WorkKind.ROLLBACK) and holder.step in ("switch", "bake"):
        was = (holder.facts.get("restore-point") or {}).get("was") or {}
        if was.get("release") and was.get("work") != row.current_work:
            found.append((was["release"], was["work"], was["dial"]))
    return found


def _start(app: App, environment: str, release: Release, work: str, dial: str) -> None:
    world = app.world
    port = None if dial.startswith("unix/") or not dial else int(dial.rpartition(":")[2])
    plan = Deployment(environment, release, work, port)
    place = world.runtime.prepare(environment)
    unpacked = world.artifacts.unpack(release.digest)
    given = process_variables(variables(world, environment, release), release)
    for spec in plan.specs(place, unpacked, given, plan.dial(place)):
        world.runtime.start(spec)
