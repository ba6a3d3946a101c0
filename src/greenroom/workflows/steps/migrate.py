"""migrate: the schema follows the release, by the release's own command, one migration at a time."""

from __future__ import annotations

from typing import Any

from greenroom.domain.errors import Errored, Refused
from greenroom.domain.release import MigrationStyle
from greenroom.ports.runtime import Finished
from greenroom.workflows.commands import run_to_end
from greenroom.workflows.step import Done, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.ground import has_switched, holds_traffic, runs, was
from greenroom.workflows.steps.traffic import cannot_return

LOCK_SECONDS = 60.0


class MigrateStep:
    """Runs under an advisory lock in the target database, with the schema's fingerprint before and after.

    Undo compares with the schema that the restore-point step recorded. Nothing is done when it is as it was. A changed
    one goes back by the restore point when visitors were held since (nothing was written meanwhile), by the declared
    down-migration otherwise; without either it stays, and the older release lives on it.
    """

    name = "migrate"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        migration, world = context.release.descriptor.migration, context.world
        by_command = migration.style in (MigrationStyle.COMMAND, MigrationStyle.AT_START_UNLESS)
        if not runs(context) or not by_command:
            return Done({"command": None})
        if context.release.descriptor.services.postgres is None:  # what it migrates is its own affair
            finished = run_to_end(context, migration.command, migration.timeout_seconds, "migrate")
            return self._told(context, finished, {"application_seconds": finished.seconds})
        with world.databases.migration_lock(context.environment, seconds=LOCK_SECONDS):
            before = context.fact("restore-point", "schema") or world.databases.fingerprint(context.environment)
            waited = self._quieten(context)
            context.guard()
            context.crash("before-command")
            try:
                finished = run_to_end(context, migration.command, migration.timeout_seconds, "migrate")
            except Exception:
                self._let_go(context)  # nobody waits while it is tried again later
                raise
            context.crash("after-command")
            after = world.databases.fingerprint(context.environment)
        self._let_go(context)
        facts = {"changed": before != after, "application_seconds": finished.seconds + waited}
        context.say("schema changed" if before != after else "schema already as wanted")
        return self._told(context, finished, facts)

    def _quieten(self, context: StepContext) -> float:
        """Let visitors wait, where the migration asks for it and they do not wait already; the seconds it took."""
        if not _is_quiet(context):
            return 0.0
        context.say("new requests wait at the edge while the migration runs")
        return traffic.hold(context, was(context))

    def _let_go(self, context: StepContext) -> None:
        if _is_quiet(context):
            traffic.let_go(context)

    def _told(self, context: StepContext, finished: Finished, facts: dict[str, Any]) -> Done:
        """The step's end, by how the command ended. Raises Refused (`migration.failed`)."""
        if finished.code != 0:
            raise Refused(
                "migration.failed",
                f"the migration of {context.release.version} failed in {context.environment}",
                because=f"{finished.ended_by}: {finished.output.strip()[-1500:]}",
                hint="the schema goes back as far as it changed; see greenroom logs, mend the migration, release again",
                facts=facts,
            )
        return Done(facts)

    def undo(self, context: StepContext) -> Outcomes:
        world, migration = context.world, context.release.descriptor.migration
        if not has_switched(context):
            self._let_go(context)  # killed while they waited
        before = context.fact("restore-point", "schema")
        if before is None or migration.style is MigrationStyle.NONE:
            return Done()
        if _is(context, before):
            return Done({"undone": "schema unchanged"})
        if holds_traffic(context):
            self._restore(context)
            context.crash("undo.restored")
            return Done({"undone": "restored"})
        if migration.down:
            context.guard()
            with world.databases.migration_lock(context.environment, seconds=LOCK_SECONDS):
                finished = run_to_end(context, migration.down, migration.timeout_seconds, "migrate-down")
            context.crash("undo.came-down")
            if finished.code != 0:
                raise Errored(
                    "migration.down_failed",
                    f"the down-migration failed in {context.environment}",
                    because=f"{finished.ended_by}: {finished.output.strip()[-1500:]}",
                    hint="mend it by hand, then greenroom resume",
                )
            return Done({"undone": "down-migration"})
        return Done({"undone": "schema stays: the older release lives on it"})

    def _restore(self, context: StepContext) -> None:
        """Nothing was written since the restore point: visitors were held. Going back loses nothing."""
        name = context.fact("restore-point", "name")
        if name is None or has_switched(context):
            raise cannot_return(context)
        databases = context.world.databases
        point = next((p for p in databases.restore_points(context.environment) if p.name == name), None)
        if point is None:
            raise cannot_return(context)
        traffic.rest(context)
        context.guard()
        databases.restore(point, aside=f"undone-{context.work.id}")


def _is(context: StepContext, schema: object) -> bool:
    """Whether the schema is this one. It is none while a restore that was cut off keeps the database closed: visitors
    are held then, and only bringing the restore to its end opens it again."""
    try:
        return context.world.databases.fingerprint(context.environment) == schema
    except Errored as error:
        if error.code != "database.closed" or not holds_traffic(context):
            raise
        return False


def _is_quiet(context: StepContext) -> bool:
    """True when visitors are to wait for this migration alone, not already until the switch."""
    quiet = context.release.descriptor.migration.quiet
    return quiet and was(context).release is not None and not holds_traffic(context)
