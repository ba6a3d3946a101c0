"""check, as work of its own: an environment's checks against what its visitors reach now."""

from __future__ import annotations

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.evidence import Outcome
from greenroom.workflows.commands import run_check
from greenroom.workflows.step import Done, Outcomes, StepContext, StepFailed


class RunChecksStep:
    """Runs the named checks, or all of the environment's; every outcome becomes evidence."""

    name = "check"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        world, wanted = context.world, set(context.work.request.get("checks") or ())
        if world.environment(context.environment).current != context.release.digest:
            raise Refused(
                "check.not_there",
                f"{context.release.version} is not what runs in {context.environment}",
                hint="promote it there; its checks run before visitors reach it",
            )
        checks = [
            c
            for c in context.release.descriptor.checks
            if context.environment in c.environments and (not wanted or c.name in wanted)
        ]
        if not checks:
            raise BadInput(
                "check.unknown", f"no such check for {context.environment}", hint="see checks: in greenroom.yaml"
            )
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
            )
            raise StepFailed(error, tuple(evidence))
        return Done({"checks": [e.name for e in evidence]}, tuple(evidence))

    def undo(self, context: StepContext) -> Outcomes:
        return Done()
