"""retire: the old release finishes what it has in hand and ends."""

from __future__ import annotations

from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.ground import former, runs, was


class RetireStep:
    """From here on going back is a rollback of its own: this step is tried again, never undone."""

    name = "retire"
    returns = False

    def do(self, context: StepContext) -> Outcomes:
        old = former(context)
        if old is None or not runs(context):
            return Done()
        world = context.world
        began = world.clock.monotonic()
        drained = traffic.drain(context, was(context).dial)
        context.crash("drained")
        traffic.stop_all(context, old)
        context.crash("stopped")
        ended = world.clock.monotonic() - began
        context.guard()
        world.edge.preview(context.environment, None)
        context.say(f"{old.release.version} drained in {drained:.1f} s and ended")
        return Done({"drain_seconds": drained, "application_seconds": ended, "stopped": old.instance_ids()})

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
