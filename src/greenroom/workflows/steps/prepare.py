"""prepare: verified bytes on the ground, a database to talk to, every required setting present."""

from __future__ import annotations

from greenroom.domain.errors import Errored
from greenroom.domain.release import Listen
from greenroom.workflows.instances import variables
from greenroom.workflows.reach import limit
from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps.ground import runs


class PrepareStep:
    """Signature and every digest are verified here, and again by `start`."""

    name = "prepare"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world, release = context.world, context.release
        unpacked = world.unpacked(release.digest)
        context.say(f"{release.version} verified: signature and every file")
        context.crash("verified")
        if not runs(context):
            return Done({"root": str(unpacked.root)})
        context.guard()
        world.runtime.prepare(context.environment)
        given = variables(world, context.environment, release)
        self._limit(context)  # its user, database and mailbox are there now, and nothing of it runs yet
        context.crash("placed")
        facts: dict[str, object] = {"root": str(unpacked.root), "variables": sorted(given)}
        if release.descriptor.web.listen is Listen.PORT:
            facts["port"] = context.fact("prepare", "port") or world.runtime.free_port(context.environment)
        return Done(facts)

    def _limit(self, context: StepContext) -> None:
        """Rules that cannot be set keep out what they would limit, and nothing else: a way back in production must not
        wait for the rules of dev."""
        try:
            limit(context.world)
        except Errored as error:
            if context.config.egress is not None:
                raise
            context.say(f"the outgoing network of other environments could not be limited: {error.message}")

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
