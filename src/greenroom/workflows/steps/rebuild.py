"""rebuild: the wanted state as a cluster of its own beside the present one."""

from __future__ import annotations

from datetime import datetime

from greenroom.domain.backup import Archive, Route, Target, choose
from greenroom.domain.errors import BadInput, Errored
from greenroom.ports.backups import Rebuilt
from greenroom.workflows.step import Done, Outcomes, StepContext


class RebuildStep:
    """Lays out the newest backup that leads there, replays the log, opens and closes it. A damaged backup is named,
    remembered, and the one before is used. The present cluster is not touched."""

    name = "rebuild"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        route, rebuilt = rebuild(context, context.environment, context.work.id, census=False)
        context.crash("rebuilt")
        return Done({**facts_of(route, rebuilt)})

    def undo(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.backups.discard(context.environment, context.work.id)
        return Done()


def rebuild(
    context: StepContext, into: str, name: str, *, census: bool, source: str | None = None
) -> tuple[Route, Rebuilt]:
    """The work's target, rebuilt for `into` from the backups of `source` (None: of the work's environment); with each
    damaged backup the route is chosen anew."""
    backups, source = context.world.backups, source or context.environment
    while True:
        archive = backups.archive(source)
        route = choose(archive, target_of(context.work.request.get("to"), archive))
        if route.missing:
            context.say(f"the log has a hole: {route.missing} is missing; what lies behind it cannot be reached")
        context.guard()
        try:
            found = backups.rebuild(route, source, name, into=into, census=census, say=context.say)
            return route, found
        except Errored as error:
            broken = error.facts.get("backup")
            now = {b.name for b in backups.archive(source).backups if b.damaged}
            if error.code != "backup.damaged" or broken not in now:
                raise
            context.say(f"{error.message}: {error.because}; the one before is used")


def target_of(to: object, archive: Archive) -> Target:
    """None: the latest; an instant with its offset; or the name of a restore point.

    Raises BadInput (`backup.target`).
    """
    if to is None:
        return Target()
    said = str(to)
    mark = next((m for m in archive.marks if m.name == said), None)
    if mark is not None:
        return Target(mark=mark)
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput(
            "backup.target",
            f"{said[:80]!r} is no instant with its offset, and no restore point",
            hint="for example 2026-11-24T02:30:00+01:00; greenroom backup list shows restore points",
        )
    return Target(time=at)


def facts_of(route: Route, rebuilt: Rebuilt) -> dict[str, object]:
    """What is recorded of a rebuild: which backup, how far, how long."""
    return {
        "backup": rebuilt.backup,
        "chain": [b.name for b in route.chain],
        "log_files": len(route.wal),
        "target": route.target.words,
        "last_commit": rebuilt.last_commit.isoformat() if rebuilt.last_commit else None,
        "timeline": rebuilt.timeline,
        "position": rebuilt.position,
        "bytes": rebuilt.bytes,
        "seconds": round(rebuilt.seconds, 3),
        "missing": route.missing,
    }
