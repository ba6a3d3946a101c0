"""check, as work of its own: an environment's checks against what its visitors reach now."""

from __future__ import annotations

from greenroom.domain.errors import Refused
from greenroom.domain.evidence import Outcome
from greenroom.workflows.commands import run_check, wanted_checks
from greenroom.workflows.step import Done, Outcomes, StepContext, StepFailed


class RunChecksStep:
    """Runs the named checks, or all of the environment's; every outcome becomes evidence."""

    name = "check"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world = context.world
        if world.environment(context.environment).current != context.release.digest:
            raise Refused(
                "check.not_there",
                f"{context.release.version} is not what runs in {context.environment}",
                hint="promote it there; its checks run before visitors reach it",
            )
        checks = wanted_checks(context.release, context.environment, context.work.request.get("checks") or ())
        evidence = []
        for check in checks:
            evidence.append(run_check(context, check, world.edge.url(context.environment)))
            context.say(f"{check.name} {evidence[-1].outcome}")
        bad = [e for e in evidence if e.outcome is not Outcome.PASSED]
        if bad:
            error = Refused(
                f"check.{bad[0].outcome}",
                f"{', '.join(e.name for e in bad)} did not pass in {context.environment}",
                because=str(bad[0].facts.get("output", "")).strip()[-1500:],
                hint="what is checked runs on; mend the release, or greenroom rollback brings back the one before",
            )
            raise StepFailed(error, tuple(evidence))
        return Done({"checks": [e.name for e in evidence]}, tuple(evidence))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
