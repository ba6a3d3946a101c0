"""open: the application on the restored data, and visitors in it again once it is healthy."""

from __future__ import annotations

from greenroom.workflows.instances import process_variables, variables
from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.check import wait_until_healthy
from greenroom.workflows.steps.ground import former, runs, was


class OpenStep:
    """Starts the release that was in place, waits for its health check, and sends visitors to it. A release that is not
    healthy on the restored data (its schema may be older) brings everything back as it was."""

    name = "open"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        old, world = former(context), context.world
        if old is None or not runs(context):
            return Done()
        before = was(context)
        place = world.runtime.prepare(context.environment)
        given = process_variables(variables(world, context.environment, old.release), old.release)
        for spec in old.specs(place, world.unpacked(old.release.digest), given, before.dial):
            context.guard()
            world.runtime.start(spec, fence=context.fence)
        context.crash("started")
        healthy = wait_until_healthy(context, before.dial, old.instance_ids())
        traffic.send_to(context, before.dial, before.release or "")
        context.say(f"visitors reach {old.release.version} again")
        return Done({"application_seconds": healthy.seconds})

    def undo(self, context: StepContext) -> Outcomes:
        old = former(context)
        if old is None or not runs(context):
            return Done()
        traffic.hold(context, was(context))
        traffic.rest(context)
        return Done()
