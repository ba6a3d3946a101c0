"""Running a command of the release in its environment, and a check against it."""

from __future__ import annotations

from collections.abc import Callable, Collection

from greenroom.domain.errors import BadInput, Errored
from greenroom.domain.evidence import Outcome
from greenroom.domain.release import Check, Release
from greenroom.domain.secret import Secret
from greenroom.ports.databases import Database
from greenroom.ports.runtime import Finished
from greenroom.workflows.hidden import hidden
from greenroom.workflows.instances import variables
from greenroom.workflows.step import NewEvidence, StepContext

CANNOT_RUN = frozenset({126, 127})
"""Exit codes by which a shell or an interpreter says that the command itself could not be run."""


def run_to_end(
    context: StepContext, command: tuple[str, ...], seconds: float, log_name: str, database: Database | None = None
) -> Finished:
    """A command of the release with the application's own variables, e.g. its migration; on the environment's database
    unless another is given."""
    world, release = context.world, context.release
    return world.runtime.run(
        world.runtime.prepare(context.environment),
        world.unpacked(release.digest),
        command,
        variables(world, context.environment, release, database),
        seconds=seconds,
        log_name=f"{log_name}-{context.work.id}.log",
        on_line=context.say,
        hide=hidden(world, context.environment),
    )


def wanted_checks(release: Release, environment: str, names: Collection[str]) -> list[Check]:
    """The release's checks for this environment that have these names; all of them for none.

    Raises BadInput (`check.unknown`) when there is no such check.
    """
    there = [c for c in release.descriptor.checks if environment in c.environments]
    unknown = sorted(set(names) - {c.name for c in there})
    if unknown or not there:
        asked = f"check {', '.join(repr(n[:80]) for n in unknown)}" if unknown else "check"
        raise BadInput(
            "check.unknown",
            f"{release.version} has no {asked} for {environment}",
            because=f"its checks there are {', '.join(c.name for c in there)}" if there else "it has none there",
            hint="checks: in the commit's greenroom.yaml says which there are, and in which environments",
        )
    return [c for c in there if not names or c.name in names]


def run_check(
    context: StepContext, check: Check, url: str, meanwhile: Callable[[], None] = lambda: None
) -> NewEvidence:
    """Run a check against `url`. It gets the address, not the application's secrets nor its database. `meanwhile` is
    called again and again while it runs.

    Passed, failed (it said no) or errored (it could not be run, was killed, or took too long). Raises Errored
    (`check.edge_died`) when it did not pass and the edge, through which it asks, died meanwhile: that tells nothing.
    """

    def cancelled() -> bool:
        meanwhile()
        return context.cancelled()

    world, release = context.world, context.release
    given: dict[str, str | Secret] = {
        "GREENROOM_URL": url,
        "GREENROOM_ENVIRONMENT": context.environment,
        "GREENROOM_RELEASE": release.digest,
    }
    is_whole, life = world.edge.alive(), world.edge.life()  # it may be starting just now, and not listen yet
    finished = world.runtime.run(
        world.runtime.prepare(context.environment),
        world.unpacked(release.digest),
        check.command,
        given,
        seconds=check.timeout_seconds,
        log_name=f"check-{check.name}-{context.work.id}.log",
        on_line=context.say,
        cancelled=cancelled,
        stands_back=True,
        hide=hidden(world, context.environment),
    )
    if finished.code != 0 and not (is_whole and world.edge.life() == life):
        raise Errored(
            "check.edge_died",
            f"{check.name} could not be carried out in {context.environment}",
            because="the edge was away while it ran, and it reaches the release through the edge",
            hint="it is tried again by itself; logs/edge.log in the home says how the edge ended",
        )
    facts = {
        "code": finished.code,
        "ended_by": finished.ended_by,
        "seconds": round(finished.seconds, 3),
        "output": finished.output[-4000:],
    }
    return NewEvidence("check", check.name, _outcome(finished), facts)


def _outcome(finished: Finished) -> Outcome:
    if finished.code == 0:
        return Outcome.PASSED
    if finished.code is None or finished.code in CANNOT_RUN:
        return Outcome.ERRORED
    return Outcome.FAILED
