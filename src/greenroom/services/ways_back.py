"""How a rollback would go, in words: what a person reads before it is asked for."""

from __future__ import annotations

from sqlalchemy import Connection

from greenroom.domain.plan import WorkKind
from greenroom.domain.release import Release
from greenroom.domain.work import State, Work
from greenroom.services.app import App
from greenroom.store import records

RUNS_BESIDE = ("switch", "bake")


def by_undoing(app: App, tx: Connection, promotion: Work) -> tuple[str, ...]:
    """A promotion is under way: what undoing it means at the step it has come to."""
    point = promotion.facts.get("restore-point") or {}
    older = (point.get("was") or {}).get("release")
    version = records.release_even_if_collected(tx, older).version if older else "nothing"
    if promotion.step in RUNS_BESIDE and older:
        return (f"visitors are sent back to {version}, which still runs: a switch and nothing else",)
    return (f"the promotion is undone from its step {promotion.step or 'none'}; visitors stay with {version}",)


def by_rollback(app: App, tx: Connection, rollback: Work, release: Release) -> tuple[str, ...]:
    """The older release has to be started again: on which schema, with which data, and how the last try ended."""
    mode, environment = rollback.request.get("mode", "as-is"), rollback.environment or ""
    if mode == "restore":
        point = rollback.request.get("point")
        told = [
            f"visitors wait; the database of {point} is brought back, today's is kept aside; {release.version} starts"
        ]
    elif mode == "down":
        told = [f"visitors wait; the newer release's down-migration runs; {release.version} starts on what it leaves"]
    else:
        told = [
            f"{release.version} starts beside the newer release, on today's schema; its health check and its journeys"
            " decide whether visitors are sent to it"
        ]
    since = records.environment(tx, environment).since
    tries = app.world.store.works.find(
        tx, environment=environment, states=[State.REJECTED], kinds=[WorkKind.ROLLBACK], release=release.digest, limit=1
    )
    for last in tries:
        if since is not None and last.requested_at > since and last.request.get("mode", "as-is") == mode:
            told.append(f"the last try was refused ({(last.error or {}).get('code', 'unknown')}): {last.id}")
    return tuple(told)
