"""Where visitors are sent is what is recorded, and what they reach runs."""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.domain.errors import GreenroomError
from greenroom.domain.names import short
from greenroom.ports.runtime import InstanceState
from greenroom.services.app import App
from greenroom.services.examinations.found import AGAIN, Found, failed, passed
from greenroom.store import records
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.instances import deployment_of


def look(app: App) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        rows = records.environments(tx)
        busy = {r.name for r in rows if app.world.store.works.holder(tx, r.name)}
    for row in rows:
        if row.current is None or not app.world.project().environment(row.name).runs or row.name in busy:
            continue
        try:
            yield _one(app, row)
        except GreenroomError as e:  # one that cannot be looked at hides no other
            yield Found(f"environment {row.name}", "errored", e.message, e.hint)


def _one(app: App, row: EnvironmentRow) -> Found:
    name = f"environment {row.name}"
    pointer = app.world.edge.pointer(row.name)
    if pointer is None:
        return failed(name, f"visitors are sent to nothing, recorded is {row.dial}", AGAIN)
    if (pointer.dial, pointer.release) != (row.dial, row.current):
        said = f"visitors are {f'sent to {pointer.dial}' if pointer.dial else 'held'}, recorded is {row.dial}"
        return failed(name, said, f"remove edge/routes/{row.name} in the home; {AGAIN}: they go where it is recorded")
    release = app.world.release(row.current or "")
    wanted = deployment_of(app.world, row.name, release, row.current_work or "").instance_ids()
    down = [i for i in map(app.world.runtime.instance, wanted) if i.state is not InstanceState.RUNNING]
    if not down:
        return passed(name, f"{short(release.digest)} is pointed to and runs")
    if down[0].state is InstanceState.UNKNOWN:
        return failed(name, f"{down[0].id} is not there", f"{AGAIN}: it is started")
    said = f"{down[0].id} is {down[0].state.value}, ended last with {down[0].last_exit or 'unknown'}"
    return failed(name, said, f"greenroom logs {row.name} shows why")
