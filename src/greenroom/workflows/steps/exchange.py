"""exchange: the rebuilt cluster takes the place of the present one, which is kept aside."""

from __future__ import annotations

from greenroom.workflows.step import Done, Outcomes, StepContext


class ExchangeStep:
    """Two renames and a start. The log of the new life of the cluster flows into the archive before anybody writes."""

    name = "exchange"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.backups.exchange(context.environment, context.work.id)
        aside = context.work.id if context.work.id in context.world.backups.asides(context.environment) else None
        context.say(f"in place; what was there is kept aside as {aside}" if aside else "in place; nothing was there")
        return Done({"aside": aside})

    def undo(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.backups.put_back(context.environment, context.work.id)
        return Done()
