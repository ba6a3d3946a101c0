"""start: the release's processes beside those that visitors still reach."""

from __future__ import annotations

from greenroom.workflows.instances import process_variables, variables
from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.bake import baseline
from greenroom.workflows.steps.ground import deployment, runs


class StartStep:
    """Asks the keeper, for bytes that were verified within the last minute or are verified now. Undo drains and stops
    what was started."""

    name = "start"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        if not runs(context):
            return Done()
        world, release = context.world, context.release
        unpacked = world.unpacked(release.digest)
        place = world.runtime.prepare(context.environment)
        plan = deployment(context)
        dial = plan.dial(place)
        given = process_variables(variables(world, context.environment, release), release)
        facts: dict[str, object] = {"dial": dial, "instances": plan.instance_ids()}
        for spec in plan.specs(place, unpacked, given, dial):
            context.guard()
            world.runtime.start(spec, fence=context.fence)
            context.crash("between")
        # While it boots: how the release that it replaces is doing, for the bake to compare with.
        return Done({**facts, "baseline": context.fact("start", "baseline") or baseline(context)})

    def undo(self, context: StepContext) -> Outcomes:
        if not runs(context):
            return Done()
        plan = deployment(context)
        world = context.world
        dial = plan.dial(world.runtime.prepare(context.environment))
        traffic.drain(context, dial)
        context.crash("undo.drained")
        traffic.stop_all(context, plan)
        context.crash("undo.stopped")
        return Done()
