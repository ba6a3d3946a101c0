"""The steps that fill an environment's database anew: made ready beside the present one, proven with the release that
runs there, and only then put in its place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from greenroom.domain.data import Holding, require_clearance
from greenroom.domain.errors import GreenroomError, Refused
from greenroom.domain.evidence import Evidence, Outcome
from greenroom.domain.kinds import DataLabel
from greenroom.domain.ledger import timestamp
from greenroom.domain.names import VAULT
from greenroom.domain.release import Listen, MigrationStyle
from greenroom.ports.databases import Database
from greenroom.store import records
from greenroom.workflows.commands import run_check, run_to_end
from greenroom.workflows.instances import Deployment, process_variables, variables
from greenroom.workflows.reach import limit
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext
from greenroom.workflows.steps import traffic
from greenroom.workflows.steps.check import wait_until_healthy
from greenroom.workflows.steps.ground import former, was
from greenroom.workflows.steps.seed import begin_empty, is_seed, load_seed, seed_facts
from greenroom.workflows.steps.source import gather_source

HOLDING = "holding"
"""The family of evidence that says what an environment's database holds."""


class GatherStep:
    """The data, beside the present database: a rebuilt backup, or a copy of the source's server, where a copy of
    production may be, a masked dataset elsewhere. A seed lies in the release; its database is made by `ready`. What may
    be there is asked again here, whoever asked before."""

    name = "gather"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world, work = context.world, context.work
        self._refuse_overtaken(context)
        dataset = work.request.get("dataset")
        if is_seed(context):
            facts = seed_facts(context)
            self._require(context, DataLabel.SYNTHETIC, f"the seed of {facts['seed']}")
        elif dataset is None:
            source = str(work.request["source"])
            self._require(context, DataLabel.COPY, source)
            found_there = gather_source(context, context.environment, source, context.release.descriptor.services)
            facts = {**found_there, "label": "copy", "source": source}
        else:
            found = next((d for d in world.vault.datasets() if d.name == dataset), None)
            if found is None:
                raise Refused(
                    "data.dataset_unknown",
                    f"there is no dataset {dataset}",
                    hint="greenroom data list shows those there are",
                )
            self._require(context, found.label, found.name)
            context.guard()
            world.candidates.place(found.name, context.environment, work.id, say=context.say)
            facts = {
                "label": found.label.name.lower(),
                "source": found.source,
                "as_of": timestamp(found.as_of) if found.as_of else None,
                "backup": found.backup,
                "dataset": found.name,
                "rules": found.rules,
                "bytes": found.bytes,
                "server": found.server or None,
                "origin": VAULT,
            }
        context.crash("gathered")
        return Done(facts)

    def undo(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.candidates.discard(context.environment, context.work.id)
        return Done()

    def _refuse_overtaken(self, context: StepContext) -> None:
        """What is proven on the new data must be what visitors reach: a promotion may have come before this began."""
        current = context.world.environment(context.environment).current
        if current != context.work.release:
            raise Refused(
                "data.overtaken",
                f"{context.environment} holds another release by now than when this was asked for",
                because="the new data would be proven with a release that is not there any more",
                hint=f"greenroom data refresh {context.environment}",
            )

    def _require(self, context: StepContext, label: DataLabel, source: str) -> None:
        config = context.config
        require_clearance(label, config.clearance, config.kind, config.name, source)


class ReadyStep:
    """Side effects neutralised, pending migrations replayed, the environment's edits run, and the release that visitors
    reach started on it once, health check and journeys included: it is known to live on it before anybody waits."""

    name = "ready"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world, release = context.world, context.release
        former = VAULT if context.fact("gather", "dataset") else context.fact("gather", "source")
        origin = str(context.fact("gather", "origin") or former)  # earlier versions did not record it
        began = world.clock.monotonic()
        seeded: dict[str, Any] = {}
        if is_seed(context):
            begin_empty(context)
        context.guard()
        with world.candidates.serving(
            context.environment, context.work.id, release.descriptor.services, origin=origin, say=context.say
        ) as database:
            context.crash("settled")
            limit(world)  # the release is about to meet a database that listens somewhere else
            self._migrate(context, database)
            if is_seed(context):
                if release.descriptor.migration.style is MigrationStyle.AT_START:
                    context.say(f"starting {release.version} once, which makes its schema")
                    with self._running(context, database):
                        pass
                seeded = load_seed(context, database)
            edits = context.config.edits
            if edits:
                context.guard()
                world.candidates.edit(context.environment, context.work.id, database, edits)
                context.say(f"{len(edits)} edits were run")
            context.crash("edited")
            evidence = self._prove(context, database)
        return Done({"seconds": round(world.clock.monotonic() - began, 3), "edits": len(edits), **seeded}, evidence)

    def undo(self, context: StepContext) -> Outcomes:
        self._end(context)
        return Done()

    def _migrate(self, context: StepContext, database: Database) -> None:
        """Raises Refused (`data.migration_failed`)."""
        migration = context.release.descriptor.migration
        if migration.style not in (MigrationStyle.COMMAND, MigrationStyle.AT_START_UNLESS):
            return
        context.guard()
        context.say(f"replaying the migrations of {context.release.version}")
        finished = run_to_end(context, migration.command, migration.timeout_seconds, "migrate", database)
        if finished.code != 0:
            whence, hint = "production's data", "that is not older than production's"
            if is_seed(context):
                whence, hint = "an empty database", "whose migrations begin with nothing"
            raise Refused(
                "data.migration_failed",
                f"the migrations of {context.release.version} do not lead from {whence} to its schema",
                because=f"{finished.ended_by}: {finished.output.strip()[-1500:]}",
                hint=f"promote a release into {context.environment} {hint}",
            )

    def _prove(self, context: StepContext, database: Database) -> tuple[NewEvidence, ...]:
        """Raises Refused (`release.unhealthy`, `data.not_proven`)."""
        world, release = context.world, context.release
        found: list[NewEvidence] = []
        with self._running(context, database) as dial:
            world.edge.preview(context.environment, dial)
            url = world.edge.preview_url(context.environment)
            for check in release.descriptor.checks:
                if check.journey and context.environment in check.environments:
                    context.say(f"running {check.name}")
                    found.append(run_check(context, check, url))
                    if found[-1].outcome is not Outcome.PASSED:
                        raise Refused(
                            "data.not_proven",
                            f"{check.name} {found[-1].outcome} for {release.version} on the new data",
                            because=str(found[-1].facts.get("output", "")).strip()[-1500:],
                            hint="the present data stays; see what it needs that the new data lacks",
                        )
        return tuple(found)

    @contextmanager
    def _running(self, context: StepContext, database: Database) -> Iterator[str]:
        """The release runs on it, healthy, and alone; its address. Raises Refused (`release.unhealthy`)."""
        world, release, plan = context.world, context.release, _trial(context)
        self._end(context)  # what an earlier attempt left runs on another database
        place = world.runtime.prepare(context.environment)
        if release.descriptor.web.listen is Listen.PORT:
            plan = Deployment(plan.environment, release, plan.work_id, world.runtime.free_port(context.environment))
        dial = plan.dial(place)
        given = process_variables(variables(world, context.environment, release, database), release)
        try:
            for spec in plan.specs(place, world.unpacked(release.digest), given, dial):
                if spec.dial:  # what works beside the web process would act on the data
                    context.guard()
                    world.runtime.start(spec, fence=context.fence)
            wait_until_healthy(context, dial, plan.instance_ids_of(release.descriptor.web))
            yield dial
        finally:
            self._end(context)

    def _end(self, context: StepContext) -> None:
        context.world.edge.preview(context.environment, None)
        traffic.stop_all(context, _trial(context))


class PauseStep:
    """Visitors wait at the edge, requests in flight finish, and the application rests."""

    name = "hold"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        if former(context) is None:
            return Done()
        context.say("new requests wait at the edge; those in flight finish")
        seconds = traffic.hold(context, was(context))
        traffic.rest(context)
        context.crash("held")
        return Done({"application_seconds": seconds})

    def undo(self, context: StepContext) -> Outcomes:
        if former(context) is not None:
            traffic.let_go(context)
        return Done()


class SwapStep:
    """Two renames and a start. What was there is kept aside. What the environment holds from here on is evidence, in
    the same transaction: whoever asks later, also after a kill, is not told what it held before."""

    name = "exchange"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        self._may_still_be(context)
        context.guard()
        context.world.candidates.exchange(context.environment, context.work.id)
        context.crash("exchanged")
        return Done({"aside": context.work.id}, _holds_now(context))

    def _may_still_be(self, context: StepContext) -> None:
        """What was allowed when this began may not be any more: making it ready can take hours."""
        config, gathered = context.config, context.work.facts.get("gather") or {}
        label = DataLabel[str(gathered["label"]).upper()]
        require_clearance(label, config.clearance, config.kind, config.name, str(gathered["source"]))
        if config.backups.is_on:
            raise Refused(
                "data.backed_up",
                f"{config.name} is backed up by now, so what it holds is its own",
                hint=f"switch off backups of {config.name} in greenroom.yaml",
            )

    def undo(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.candidates.put_back(context.environment, context.work.id)
        return Done(evidence=_holds_as_before(context))


class RecordRefreshStep:
    """Of what was put aside the newest is kept; restore points of the data that was replaced go: they would bring it
    back under another name."""

    name = "record"
    returns = False

    def do(self, context: StepContext) -> Outcomes:
        world, work = context.world, context.work
        context.guard()
        try:
            world.candidates.discard(context.environment, work.id)
            for name in world.candidates.asides(context.environment):
                if name != work.id:
                    world.candidates.drop_aside(context.environment, name)
            world.databases.drop_restore_points(context.environment, 0)
        except GreenroomError as error:  # what is there now must be known, whatever is left of before
            context.say(f"what is not needed any more could not be removed: {error.message}")
        holding = holding_of(context, world.clock.now())
        facts = {**holding.as_dict(), "work": work.id, "seconds": self._seconds(context)}
        return Done(facts, _holds_now(context))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()

    def _seconds(self, context: StepContext) -> float:
        began = context.work.started_at or context.work.requested_at
        return round((context.world.clock.now() - began).total_seconds(), 3)


def holding_of(context: StepContext, at: datetime) -> Holding:
    """What `gather` brought, as the environment's holding from `at` on."""
    told: dict[str, Any] = {
        k: context.fact("gather", k)
        for k in ("label", "source", "as_of", "backup", "dataset", "rules", "seed", "server")
    }
    return Holding.from_dict({**told, "at": timestamp(at)})


def _holds_now(context: StepContext) -> tuple[NewEvidence, ...]:
    """What the environment holds now, unless that is recorded already. With it goes what was recorded before."""
    before = _recorded(context)
    if before is not None and before.facts.get("work") == context.work.id:
        return ()
    facts = {**holding_of(context, context.world.clock.now()).as_dict(), "work": context.work.id}
    if before is not None and before.outcome is Outcome.PASSED:
        facts["before"] = {k: v for k, v in before.facts.items() if k != "before"}
    return (NewEvidence(HOLDING, context.environment, Outcome.PASSED, facts),)


def _holds_as_before(context: StepContext) -> tuple[NewEvidence, ...]:
    """What was recorded before this work did; where nothing was, that there is nothing from elsewhere."""
    now = _recorded(context)
    if now is None or now.facts.get("work") != context.work.id:
        return ()
    before = now.facts.get("before")
    if before is None:
        return (NewEvidence(HOLDING, context.environment, Outcome.FAILED, {"undone": context.work.id}),)
    return (NewEvidence(HOLDING, context.environment, Outcome.PASSED, before),)


def _recorded(context: StepContext) -> Evidence | None:
    with context.world.store.database.reading() as tx:
        return records.newest_evidence(tx, HOLDING, context.environment)


def _trial(context: StepContext) -> Deployment:
    """The release as this work tries it on the new data."""
    return Deployment(context.environment, context.release, context.work.id)
