"""Do the databases of environments answer, and are their restore points whole?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from greenroom.domain.errors import GreenroomError
from greenroom.domain.evidence import Outcome
from greenroom.services.app import App
from greenroom.services.examinations.found import Found, damaged, failed, passed
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.steps.refresh import HOLDING


def look(app: App) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        rows = [r for r in records.environments(tx) if r.current is not None]
    for row in rows:
        try:
            yield from _one(app, row)
        except GreenroomError as e:
            yield Found(f"database {row.name}", "errored", e.message, e.hint)


def _one(app: App, row: EnvironmentRow) -> Iterator[Found]:
    release = app.world.release(row.current or "")
    if release.descriptor.services.postgres is None or not app.world.project().environment(row.name).runs:
        return
    name = f"database {row.name}"
    found = app.world.databases.damage(row.name)
    yield from (damaged(name, d) for d in found)
    missing = _missing_point(app, row)
    if missing:
        said = f"restore point {missing}, made before the release in place came, is gone"
        yield failed(
            name, said, f"bring env/{row.name}/restore-points back from a backup; the next promotion makes one"
        )
    if not found and not missing:
        yield passed(name, "answers, its restore points are whole")


def _missing_point(app: App, row: EnvironmentRow) -> str | None:
    """The name of the restore point that the last change made, if it is not there any more. Where the data was
    replaced since, it went with what it was made of."""
    with app.world.store.database.reading() as tx:
        work = app.world.store.works.get(tx, row.current_work or "")
        filled = records.newest_evidence(tx, HOLDING, row.name)
    if filled is not None and row.since is not None and filled.outcome is Outcome.PASSED:
        at = filled.facts.get("at")  # of the data: what an undone refresh brought back is older than this evidence
        if at is None or datetime.fromisoformat(at) >= row.since:
            return None
    made = ((work.facts if work else {}).get("restore-point") or {}).get("name")
    there = {p.name for p in app.world.databases.restore_points(row.name)} if made else set()
    if not made or made in there or len(there) >= app.world.project().environment(row.name).restore_points:
        return None  # where as many newer ones are as are kept, it was dropped
    return str(made)
