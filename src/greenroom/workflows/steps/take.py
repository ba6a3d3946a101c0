"""take: a base backup into the repository, read back and compared with its manifest before it counts."""

from __future__ import annotations

from collections.abc import Mapping

from greenroom.domain.evidence import Outcome
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext, StepFailed, told_of


class TakeStep:
    """A full backup, or an increment on the newest where PostgreSQL can (17 and newer). Then the log that belongs to it
    is moved into the repository, and a restore point with a census is set, which drills compare with."""

    name = "take"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world, name = context.world, context.work.id
        context.guard()
        try:
            backup = world.backups.take(
                context.environment, name, full=bool(context.work.request.get("full")), say=context.say
            )
            context.crash("taken")
            mark = world.backups.mark(context.environment, name, census=True)
            world.backups.ship(context.environment)
        except Exception as error:
            raise StepFailed(error, (self._evidence(name, Outcome.FAILED, told_of(error)),)) from error
        facts = {
            "name": name,
            "full": backup.is_full,
            "parent": backup.parent,
            "bytes": backup.bytes,
            "size": backup.size,
            "files": backup.files,
            "version": backup.version,
            "tables": len(mark.census.get("tables", {})),
        }
        context.say(f"{'full' if backup.is_full else 'incremental'} backup {name}, {backup.bytes / 1e6:.1f} MB")
        return Done(facts, (self._evidence(name, Outcome.PASSED, facts),))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()

    def _evidence(self, name: str, outcome: Outcome, facts: Mapping[str, object]) -> NewEvidence:
        return NewEvidence("backup", name, outcome, facts)
