"""hold: visitors wait at the edge, the application rests, and what it wrote last is in the archive."""

from __future__ import annotations

from greenroom.domain.errors import GreenroomError
from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.ground import former, runs, was


class HoldStep:
    """Holds visitors, lets requests in flight finish, and stops the application: nothing writes any more. Then the
    present state gets a restore point, which is a way back by name; a database that is lost has none."""

    name = "hold"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        facts: dict[str, object] = {}
        old = former(context)
        if old is not None and runs(context):
            context.say("new requests wait at the edge; those in flight finish")
            facts["application_seconds"] = traffic.hold(context, was(context))
            traffic.rest(context)
            facts["held"] = True
            context.crash("held")
        try:
            mark = context.world.backups.mark(context.environment, f"before-{context.work.id}")
            facts["before"] = mark.name
            context.say(f"what is there now can be brought back as {mark.name}")
        except GreenroomError as error:
            context.say(f"there is nothing to come back to: {error.message}")
            facts["before"] = None
        return Done(facts)

    def undo(self, context: StepContext) -> Outcomes:
        if former(context) is not None and runs(context):
            traffic.let_go(context)
        return Done()
