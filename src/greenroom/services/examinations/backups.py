"""Are environments backed up that should be, does every change reach the archive, and did the last drill pass?"""

from __future__ import annotations

from collections.abc import Iterator

from greenroom.config.project import BackupPolicy
from greenroom.domain.errors import GreenroomError
from greenroom.domain.roles import SYSTEM
from greenroom.services import backups
from greenroom.services.app import App
from greenroom.services.examinations.found import Found, failed, passed
from greenroom.store import records

LATE = 2.0
"""A backup is late from twice the configured age on: one that did not come is tried again before that."""


def look(app: App) -> Iterator[Found]:
    with app.world.store.database.reading() as tx:
        rows = [r for r in records.environments(tx) if r.current is not None]
    for row in rows:
        policy = backups.policy_of(app, row.name)
        if not policy.is_on or app.world.release(row.current or "").descriptor.services.postgres is None:
            continue
        try:
            yield _one(app, row.name, policy)
        except GreenroomError as e:
            yield Found(f"backups {row.name}", "errored", e.message, e.hint or f"greenroom backup list {row.name}")


def _one(app: App, environment: str, policy: BackupPolicy) -> Found:
    name, told = f"backups {environment}", backups.standing(app, SYSTEM, environment)
    age, drill = told["age_seconds"], told["drill"]
    if age is None:
        return failed(name, "there is none yet", f"greenroom backup now {environment}")
    if told["problem"]:
        return failed(name, told["problem"], f"see logs/wal-{environment}.log in the home, and docs/operate/backups.md")
    broken = [b["name"] for b in told["backups"] if b["damaged"]]
    if broken:
        return failed(name, f"{broken[0]} is damaged", f"greenroom backup now {environment} --full")
    if age > LATE * min(policy.incremental_seconds, policy.full_seconds):
        return failed(name, f"the newest is {age / 3600:.0f} h old", f"greenroom work list --environment {environment}")
    if drill is None:
        return passed(name, f"{told['count']}, every change reaches the archive; no drill yet")
    if drill["outcome"] != "passed":
        said = f"the last drill {drill['outcome']}, at {drill['at']:%Y-%m-%d %H:%M} UTC"
        way_out = f"greenroom backup verify {environment}, then greenroom backup drill {environment}"
        return failed(name, said, way_out)
    return passed(name, f"{told['count']}, every change reaches the archive, restored in {drill['rto_seconds']} s")
