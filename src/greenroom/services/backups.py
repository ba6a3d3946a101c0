"""Backups: that there are, what they are, making one, bringing one back, practising it.

That an environment is backed up, and how long ago, everybody may see who sees the environment. What is in them nobody
can read through here; names, sizes and restore points are for those who may back up there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from greenroom.config.project import BackupPolicy
from greenroom.domain.backup import Archive, Backup, choose
from greenroom.domain.errors import BadInput, GreenroomError, Refused
from greenroom.domain.evidence import Evidence
from greenroom.domain.plan import WorkKind
from greenroom.domain.roles import Action, Actor, may
from greenroom.domain.work import ENDED, State, Work
from greenroom.ports.backups import Stream
from greenroom.services.app import App
from greenroom.store import records
from greenroom.workflows.steps.rebuild import target_of

USUAL_RATE = 60e6
"""Bytes a second that a restore is said to take before one was measured here: a cautious figure for two cores."""

OPEN = [s for s in State if s not in ENDED]


def standing(app: App, actor: Actor, environment: str) -> dict[str, Any]:
    """How an environment's backups stand; the list of them for those who may back up there."""
    row = app.allow(actor, Action.VIEW, environment)
    config = policy_of(app, environment)
    archive = app.world.backups.archive(environment)
    now = app.world.clock.now()
    newest = next((b for b in reversed(archive.backups) if not b.damaged), None)
    with app.world.store.database.reading() as tx:
        drill = records.newest_evidence(tx, "drill", environment)
    stream = flow(app, environment) if archive.eras else None
    told: dict[str, Any] = {
        "environment": environment,
        "enabled": config.is_on,
        "newest_at": newest.ended_at if newest else None,
        "age_seconds": (now - newest.ended_at).total_seconds() if newest else None,
        "count": len([b for b in archive.backups if not b.damaged]),
        "flows": bool(stream and not stream.problem),
        "behind_bytes": stream.behind if stream else None,
        "gap": bool(stream and stream.gap),
        "drill": _drill(drill),
        "backups": [],
        "restore_points": [],
        "asides": [],
        "problem": "",
    }
    if row is not None and may(actor.roles, Action.BACK_UP, row.kind):
        told["backups"] = [_backup(b) for b in reversed(archive.backups)]
        told["restore_points"] = [{"name": m.name, "at": m.at} for m in reversed(archive.marks)]
        told["asides"] = [{"name": n, "at": at} for n, at in app.world.backups.asides(environment).items()]
        told["problem"] = _problem(stream) if stream else ""
    return told


def _problem(stream: Stream) -> str:
    return stream.problem or (f"the log lacks {stream.gap}" if stream.gap else "") or stream.second


def flow(app: App, environment: str) -> Stream:
    """How the log flows; what keeps it from being asked is a problem too."""
    try:
        return app.world.backups.stream(environment)
    except GreenroomError as error:
        return Stream(False, None, app.world.clock.now(), f"{error.message}: {error.because}")


def show(app: App, actor: Actor, environment: str, name: str) -> dict[str, Any]:
    """One backup in full. Raises BadInput (`backup.unknown`)."""
    app.allow(actor, Action.BACK_UP, environment)
    archive = app.world.backups.archive(environment)
    return _backup(_named(archive, environment, name))


def back_up(app: App, actor: Actor, environment: str, *, full: bool = False, schedule_key: str | None = None) -> Work:
    """Make a backup now, or give back the one that is being made. Raises Refused (`backup.nothing_there`)."""
    app.allow(actor, Action.BACK_UP, environment)
    with app.world.store.database.transaction() as tx:
        _require_database(app, tx, environment)
        same = under_way(app, tx, WorkKind.BACKUP, environment)
        work = same or app.new_work(WorkKind.BACKUP, actor, beside=environment, full=full)
        if same is None:
            app.add_work(tx, work, schedule_key=schedule_key)
    app.poke()
    return work


def drill(app: App, actor: Actor, environment: str) -> Work:
    """Restore the newest backup for practice, into a cluster that is thrown away."""
    return _beside(app, actor, WorkKind.DRILL, environment)


def verify(app: App, actor: Actor, environment: str, name: str | None = None) -> Work:
    """Read every byte of one backup, or of all."""
    app.allow(actor, Action.BACK_UP, environment)
    if name is not None:
        _named(app.world.backups.archive(environment), environment, name)
    return _beside(app, actor, WorkKind.VERIFY, environment, name=name)


def restore(
    app: App, actor: Actor, environment: str, *, to: str | None = None, reason: str = "", dry_run: bool = False
) -> tuple[Work | None, dict[str, Any]]:
    """Bring a state back: the latest, an instant (ISO 8601 with its offset), or a restore point by name.

    What it would do and cost comes with it. Raises BadInput (`backup.target`), Refused (`backup.none`,
    `backup.out_of_reach`, `environment.busy`).
    """
    row = app.allow(actor, Action.RESTORE, environment)
    preview = _preview(app, environment, to)
    if dry_run:
        return None, preview
    with app.world.store.database.transaction() as tx:
        holder = app.world.store.works.holder(tx, environment)
        if holder is not None and holder.kind is WorkKind.RESTORE and holder.request.get("to") == to:
            return holder, preview
        if holder is not None and holder.kind is not WorkKind.CHECK:
            raise Refused(
                "environment.busy",
                f"{environment} is held by {holder.id}, which is {holder.state.value}",
                because="two pieces of work must not change its data at once",
                hint=f"greenroom cancel {holder.id}; or, in attention, greenroom resume {holder.id}",
            )
        current = row.current if row else None
        work = app.new_work(WorkKind.RESTORE, actor, environment=environment, release=current, to=to, reason=reason)
        app.add_work(tx, work)
    app.poke()
    return work, preview


def _preview(app: App, environment: str, to: str | None) -> dict[str, Any]:
    """What a restore would do, lose and take."""
    backups = app.world.backups
    if app.world.backups.archive(environment).eras:
        backups.ship(environment)
    archive = backups.archive(environment)
    route = choose(archive, target_of(to, archive))
    loss = backups.would_lose(environment, route)
    size = sum(b.size for b in route.chain) + len(route.wal) * route.base.segment_bytes
    with app.world.store.database.reading() as tx:
        measured = _rate(tx, environment)
    stream = flow(app, environment)
    tables = {n: {"inserted": i, "updated": u, "deleted": d} for n, (i, u, d) in loss.tables.items()}
    return {
        "environment": environment,
        "target": route.target.words,
        "backup": route.base.name,
        "backup_at": route.base.ended_at,
        "chain": [b.name for b in route.chain],
        "log_files": len(route.wal),
        "missing": route.missing,
        "bytes": size,
        "seconds": round(size / (measured or USUAL_RATE) + 5.0, 1),
        "seconds_measured": measured is not None,
        "lost_transactions": loss.transactions,
        "lost_from": loss.first,
        "lost_until": loss.last,
        "tables": tables,
        "not_counted": loss.problem,
        "behind_bytes": stream.behind,
        "plan": ["hold", "rebuild", "exchange", "open", "conclude"],
    }


def _rate(tx: Connection, environment: str) -> float | None:
    """Bytes a second of the last rebuild that was measured."""
    for kind in ("drill", "restore"):
        found = records.newest_evidence(tx, kind, environment)
        if found is not None and found.facts.get("bytes") and found.facts.get("seconds"):
            return float(found.facts["bytes"]) / max(0.1, float(found.facts["seconds"]))
    return None


def _beside(app: App, actor: Actor, kind: WorkKind, environment: str, **request: Any) -> Work:
    app.allow(actor, Action.BACK_UP, environment)
    if not app.world.backups.archive(environment).backups:
        raise Refused("backup.none", f"{environment} has no backup", hint=f"greenroom backup now {environment}")
    with app.world.store.database.transaction() as tx:
        same = under_way(app, tx, kind, environment)
        work = same or app.new_work(kind, actor, beside=environment, **request)
        if same is None:
            app.add_work(tx, work)
    app.poke()
    return work


def under_way(app: App, tx: Connection, kind: WorkKind, environment: str) -> Work | None:
    """Unfinished work of that kind about that environment."""
    found = app.world.store.works.find(tx, states=OPEN, kinds=[kind])
    return next((w for w in found if w.about == environment), None)


def policy_of(app: App, environment: str) -> BackupPolicy:
    try:
        return app.world.project().environment(environment).backups
    except KeyError:
        return BackupPolicy()


def _require_database(app: App, tx: Connection, environment: str) -> None:
    row = records.environment(tx, environment)
    release = records.release(tx, row.current) if row.current else None
    if release is None or release.descriptor.services.postgres is None:
        raise Refused(
            "backup.nothing_there",
            f"{environment} has no database to back up",
            because="nothing runs there" if release is None else f"{release.version} declares none",
            hint="promote a release with a database into it first",
        )


def _named(archive: Archive, environment: str, name: str) -> Backup:
    found = next((b for b in archive.backups if b.name == name), None)
    if found is None:
        raise BadInput(
            "backup.unknown", f"{environment} has no backup {name[:80]!r}", hint="greenroom backup list shows them"
        )
    return found


def _backup(backup: Backup) -> dict[str, Any]:
    return {
        "name": backup.name,
        "environment": backup.environment,
        "full": backup.is_full,
        "parent": backup.parent,
        "at": backup.ended_at,
        "seconds": (backup.ended_at - backup.started_at).total_seconds(),
        "bytes": backup.bytes,
        "size": backup.size,
        "files": backup.files,
        "version": backup.version,
        "timeline": backup.timeline,
        "damaged": backup.damaged,
    }


def _drill(found: Evidence | None) -> dict[str, Any] | None:
    if found is None:
        return None
    at: datetime = found.at
    told = {k: found.facts.get(k) for k in ("rto_seconds", "rpo_seconds")}
    return {"at": at, "outcome": found.outcome.value, **told}
