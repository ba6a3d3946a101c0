"""revert: only in a rollback that was asked to bring the schema or the data back as well."""

from __future__ import annotations

from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.domain.release import Release
from greenroom.ports.runtime import Finished
from greenroom.workflows.hidden import hidden
from greenroom.workflows.instances import variables
from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.ground import has_switched, runs, was
from greenroom.workflows.steps.traffic import cannot_return

LOCK_SECONDS = 60.0


class RevertStep:
    """`as-is`: nothing. `down`: the newer release's declared down-migration, run by the newer release.
    `restore`: the named restore point; the present database is kept aside, so this too can be undone."""

    name = "revert"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        mode = context.work.request.get("mode", "as-is")
        if mode == "as-is" or not runs(context):
            return Done({"mode": mode})
        if mode == "restore":
            return self._restore(context)
        newer = context.world.release(was(context).release or "")
        finished = self._migrate(context, newer, newer.descriptor.migration.down, "migrate-down")
        context.crash("came-down")
        if finished.code != 0:
            raise Refused(
                "migration.down_failed",
                f"the down-migration of {newer.version} failed in {context.environment}",
                because=f"{finished.ended_by}: {finished.output.strip()[-1500:]}",
                hint="the schema is brought up again; a restore is the other way back",
            )
        return Done({"mode": mode, "application_seconds": finished.seconds})

    def undo(self, context: StepContext) -> Outcomes:
        mode = context.work.request.get("mode", "as-is")
        if mode == "as-is" or not runs(context):
            return Done()
        if has_switched(context):
            raise cannot_return(context)
        if mode == "restore":
            traffic.rest(context)
            context.guard()
            context.world.databases.put_back(context.environment, aside=_aside(context))
            context.crash("undo.put-back")
            return Done()
        newer = context.world.release(was(context).release or "")
        if context.world.databases.fingerprint(context.environment) == context.fact("restore-point", "schema"):
            return Done()
        finished = self._migrate(context, newer, newer.descriptor.migration.command, "migrate-up-again")
        context.crash("undo.went-up")
        if finished.code != 0:
            raise Errored(
                "migration.failed",
                f"the schema of {newer.version} could not be brought back in {context.environment}",
                because=f"{finished.ended_by}: {finished.output.strip()[-1500:]}",
                hint="mend it by hand, then greenroom resume",
            )
        return Done()

    def _restore(self, context: StepContext) -> Done:
        databases, wanted = context.world.databases, context.work.request.get("point")
        points = databases.restore_points(context.environment)
        point = next((p for p in points if p.name == wanted), None)
        if point is None:
            raise BadInput(
                "restore_point.unknown",
                f"{context.environment} has no restore point {wanted!r}",
                hint="greenroom restore-point list shows them",
            )
        traffic.rest(context)
        context.guard()
        databases.restore(point, aside=_aside(context))
        context.crash("restored")
        context.say(f"the database of {point.at:%Y-%m-%d %H:%M:%S} UTC is back; today's is kept as {_aside(context)}")
        return Done({"mode": "restore", "point": point.name, "aside": _aside(context)})

    def _migrate(self, context: StepContext, release: Release, command: tuple[str, ...], name: str) -> Finished:
        world = context.world
        with world.databases.migration_lock(context.environment, seconds=LOCK_SECONDS):
            context.guard()
            return world.runtime.run(
                world.runtime.prepare(context.environment),
                world.unpacked(release.digest),
                command,
                variables(world, context.environment, release),
                seconds=release.descriptor.migration.timeout_seconds,
                log_name=f"{name}-{context.work.id}.log",
                on_line=context.say,
                hide=hidden(world, context.environment),
            )


def _aside(context: StepContext) -> str:
    return f"aside-{context.work.id}"
