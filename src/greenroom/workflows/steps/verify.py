"""verify: every byte of the backups there are, read and compared with their manifests."""

from __future__ import annotations

from greenroom.domain.errors import Errored, Refused
from greenroom.domain.evidence import Outcome
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext, StepFailed


class VerifyStep:
    """Each backup, or the one that was named, in every place. A damaged one is remembered and not used any more; the
    rest is looked at all the same."""

    name = "verify"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        backups, wanted = context.world.backups, context.work.request.get("name")
        names = [b.name for b in backups.archive(context.environment).backups if wanted in (None, b.name)]
        if not names:
            raise Refused(
                "backup.none", f"{context.environment} has no such backup", hint="greenroom backup list shows them"
            )
        damaged: list[Errored] = []
        for name in names:
            context.guard()
            try:
                backups.verify(context.environment, name, say=context.say)
            except Errored as error:
                if error.code not in ("backup.damaged", "backup.absent"):
                    raise
                damaged.append(error)
                context.say(f"{error.message}: {error.because}")
        facts = {"verified": names, "damaged": [str(e.facts.get("backup")) for e in damaged]}
        if damaged:
            refusal = Refused(
                "backup.damaged",
                damaged[0].message,
                because=damaged[0].because,
                hint=damaged[0].hint,
                facts=facts,
            )
            raise StepFailed(refusal, (NewEvidence("verify", context.environment, Outcome.FAILED, facts),))
        return Done(facts, (NewEvidence("verify", context.environment, Outcome.PASSED, facts),))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
