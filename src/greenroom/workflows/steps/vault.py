"""The steps that make a masked dataset: production's backup is brought back inside the vault (or its managed server is
copied there), masked there, compared with what was there, and published."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from greenroom.discovery.told import as_dict
from greenroom.domain.data import Dataset, MaskingPlan
from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.kinds import DataLabel
from greenroom.domain.ledger import timestamp
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext, StepFailed
from greenroom.workflows.steps.source import gather_source

DATASET, LEAKS = "dataset", "leaks"
"""Families of evidence: a dataset was made (or refused), its leak check."""


class FillVaultStep:
    """The newest backup of the source, rebuilt in the vault, without reading production; or a copy of the server that
    is named as its source."""

    name = "rebuild"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        facts = gather_source(context, VAULT, context.environment, None)
        context.crash("rebuilt")
        return Done(facts)

    def undo(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.backups.discard(VAULT, context.work.id)
        return Done()


class DiscoverStep:
    """A verdict for every column: a rule that would do, harmless, or for a person to look at. The vault is emptied."""

    name = "discover"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world, work = context.world, context.work
        context.guard()
        verdicts = world.vault.discover(work.id, origin_of(context), services_of(context), say=context.say)
        told = [as_dict(v) for v in verdicts]
        counts = Counter(v["verdict"] for v in told)
        context.say(
            f"{counts['rule']} columns are about people, {counts['harmless']} are harmless,"
            f" {counts['undecided']} are for somebody to look at"
        )
        world.backups.discard(VAULT, work.id)
        return Done({"verdicts": told})

    def undo(self, context: StepContext) -> Outcomes:
        return Done()


class MaskStep:
    """Copied, masked, into a cluster of its own. A column that nobody ruled stops it, and is evidence."""

    name = "mask"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        plan, world = plan_of(context), context.world
        context.guard()
        try:
            copied = world.vault.mask(
                context.work.id,
                origin_of(context),
                context.work.id,
                services_of(context),
                plan,
                say=context.say,
                go_on=lambda: not context.cancelled(),
            )
        except (Refused, BadInput) as error:
            facts = {"code": error.code, "error": error.message, "because": error.because[:500], **error.facts}
            raise StepFailed(error, (NewEvidence(DATASET, context.environment, Outcome.FAILED, facts),)) from error
        context.crash("masked")
        for said in copied.said[:20]:
            context.say(said)
        rows = sum(copied.rows.values())
        context.say(f"{rows} rows copied, {copied.masked_columns} columns masked")
        return Done(
            {
                "rules": plan.digest,
                "masked_columns": copied.masked_columns,
                "rows": rows,
                "tables": len(copied.rows),
                "said": list(copied.said[:100]),
                "seconds": round(copied.seconds, 3),
                "bytes": copied.bytes,
            }
        )

    def undo(self, context: StepContext) -> Outcomes:
        context.guard()
        context.world.vault.drop(context.work.id)
        return Done()


class ExamineStep:
    """Nothing of what was there may be left: what would leave is compared with it. The report is evidence."""

    name = "examine"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        context.guard()
        _refuse_other_rules(context)
        found = context.world.vault.examine(
            context.work.id,
            origin_of(context),
            context.work.id,
            services_of(context),
            plan_of(context),
            say=context.say,
            go_on=lambda: not context.cancelled(),
        )
        context.crash("examined")
        if found.problem:
            refusal = Refused(
                "data.leak",
                "the masked dataset is not published: something of production is left in it",
                because=found.problem,
                hint="choose other rules for the columns that are named; greenroom work show has the whole report",
                facts=dict(found.facts),
            )
            told = {"code": refusal.code, "error": refusal.message, "because": refusal.because[:500]}
            refused = NewEvidence(DATASET, context.environment, Outcome.FAILED, told)
            raise StepFailed(refusal, (self._evidence(context, Outcome.FAILED, found.facts), refused))
        context.say("nothing of production was found in it")
        return Done({"report": dict(found.facts)}, (self._evidence(context, Outcome.PASSED, found.facts),))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()

    def _evidence(self, context: StepContext, outcome: Outcome, facts: Any) -> NewEvidence:
        return NewEvidence(LEAKS, context.work.id, outcome, dict(facts))


class PublishStep:
    """From here on environments and clones may be filled from it. The vault is emptied, and old datasets go."""

    name = "publish"
    returns = False

    def do(self, context: StepContext) -> Outcomes:
        world, work = context.world, context.work
        context.guard()
        as_of = context.fact("rebuild", "as_of")
        dataset = world.vault.publish(
            work.id,
            Dataset(
                name=work.id,
                source=context.environment,
                label=DataLabel.MASKED,
                made_at=world.clock.now(),
                as_of=datetime.fromisoformat(as_of) if as_of else None,
                backup=str(context.fact("rebuild", "backup", "")),
                rules=str(context.fact("mask", "rules", "")),
                version=str(context.fact("rebuild", "version", "")),
                extensions=tuple(context.fact("rebuild", "extensions", ())),
                bytes=0,
                rows=int(context.fact("mask", "rows", 0)),
                masked_columns=int(context.fact("mask", "masked_columns", 0)),
                server=str(context.fact("rebuild", "server", "")),
                report=context.fact("examine", "report", {}),
            ),
        )
        context.crash("published")
        world.backups.discard(VAULT, work.id)
        for old in world.vault.datasets()[: -world.project().data.keep]:
            context.guard()
            world.vault.drop(old.name)
            context.say(f"{old.name} is not kept any longer")
        facts = {
            "name": dataset.name,
            "as_of": timestamp(dataset.as_of) if dataset.as_of else None,
            "backup": dataset.backup,
            "server": dataset.server or None,
            "rules": dataset.rules,
            "rows": dataset.rows,
            "masked_columns": dataset.masked_columns,
            "bytes": dataset.bytes,
            "version": dataset.version,
        }
        context.say(f"{dataset.name} can be used: greenroom data refresh ENVIRONMENT")
        return Done(facts, (NewEvidence(DATASET, dataset.name, Outcome.PASSED, facts),))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()


def plan_of(context: StepContext) -> MaskingPlan:
    """The masking plan in force."""
    return context.world.project().data.plan


def _refuse_other_rules(context: StepContext) -> None:
    """What is examined must be what was masked. Raises Refused (`data.rules_changed`)."""
    if plan_of(context).digest != context.fact("mask", "rules"):
        raise Refused(
            "data.rules_changed",
            "other masking rules are in force than when this dataset was masked",
            because="it would be examined, and published, under rules that it was not made under",
            hint="greenroom data make",
        )


def origin_of(context: StepContext) -> str:
    """Whose superuser password the copy in the vault has."""
    return str(context.fact("rebuild", "origin", context.environment))


def services_of(context: StepContext) -> Services:
    """What the copy in the vault needs of PostgreSQL."""
    version = str(context.fact("rebuild", "version"))
    extensions = tuple(str(e) for e in context.fact("rebuild", "extensions", ()))
    return Services(int(version.partition(".")[0]), extensions)
