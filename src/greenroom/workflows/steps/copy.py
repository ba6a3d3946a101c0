"""copy: the backup in a second place, so that it outlives this machine."""

from __future__ import annotations

from greenroom.workflows.step import Done, Outcomes, StepContext


class CopyStep:
    """Sends the sealed files as they are; nothing where no second place is configured."""

    name = "copy"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        if context.config.backups.second is None:
            return Done({"bytes": 0})
        context.guard()
        sent = context.world.backups.copy(context.environment, context.work.id, say=context.say)
        context.world.backups.ship(context.environment)
        return Done({"bytes": sent, "place": context.config.backups.second})

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
