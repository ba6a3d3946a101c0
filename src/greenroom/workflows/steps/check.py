"""check: is it up, and does it do what it is for? Asked before any visitor reaches it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from greenroom.domain.errors import Refused
from greenroom.domain.evidence import Outcome
from greenroom.domain.plan import WorkKind
from greenroom.domain.secret import redact
from greenroom.ports.runtime import InstanceState
from greenroom.workflows.commands import run_check
from greenroom.workflows.hidden import hidden
from greenroom.workflows.step import Done, NewEvidence, Outcomes, StepContext, StepFailed
from greenroom.workflows.steps.boot import Boot
from greenroom.workflows.steps.ground import deployment, runs

POLL_SECONDS = 0.05
LAST_BYTES = 1500
ANSWERS = 2
"""Good answers in a row: a process that ends after its first one is not healthy."""
EXITS = 2
"""A process that ended by itself this often before it was ever healthy will not become so."""


class CheckStep:
    """Health first, on the process's own address; then the environment's checks, through the preview address.

    Each check's outcome is evidence, also when it refuses the promotion. In a rollback the journeys are
    what tells whether the older release can live on today's schema: a health check alone proves little.
    """

    name = "check"
    returns = True

    def do(self, context: StepContext) -> Outcomes:
        if not runs(context):
            return Done()
        world, plan = context.world, deployment(context)
        dial = plan.dial(world.runtime.prepare(context.environment))
        boot = Boot(context, plan.instance_ids())
        healthy = wait_until_healthy(context, dial, plan.instance_ids(), boot.look)
        context.guard()
        world.edge.preview(context.environment, dial)
        context.crash("previewed")
        url = world.edge.preview_url(context.environment)
        evidence: list[NewEvidence] = []
        for check in context.release.descriptor.checks:
            if context.environment not in check.environments:
                continue
            if context.work.kind is WorkKind.ROLLBACK and not check.journey:
                continue
            context.say(f"running {check.name}")
            found = run_check(context, check, url, boot.look)
            evidence.append(found)
            context.crash("asked")
            if found.outcome is not Outcome.PASSED:
                raise StepFailed(_refusal(context, found), tuple(evidence))
            context.say(f"{check.name} passed")
        _is_still_there(context, plan.instance_ids(), healthy.exits)
        boot.come_forward()
        asked = sum(float(e.facts["seconds"]) for e in evidence)
        facts = {"boot_seconds": healthy.seconds, "application_seconds": healthy.seconds + asked}
        return Done(facts, tuple(evidence))

    def undo(self, context: StepContext) -> Outcomes:
        if runs(context):
            context.world.edge.preview(context.environment, None)
        return Done()


class Healthy(NamedTuple):
    """How long it took, and how often its processes had ended by themselves by then."""

    seconds: float
    exits: int


def wait_until_healthy(
    context: StepContext, dial: str, instances: list[str], meanwhile: Callable[[], None] = lambda: None
) -> Healthy:
    """`meanwhile` is called again and again. Raises Refused (`release.unhealthy`)."""
    world, health = context.world, context.release.descriptor.health
    began = world.clock.monotonic()
    last, good, ended = "nobody answered", 0, 0
    while (passed := world.clock.monotonic() - began) < health.boot_seconds:
        meanwhile()
        wait = min(health.request_seconds, max(0.1, health.boot_seconds - passed))
        answer = world.probe.get(dial, health.path, seconds=wait)
        states = [world.runtime.instance(i) for i in instances]
        before, ended = ended, sum(s.exits for s in states)
        if answer.status == health.status and all(s.state is InstanceState.RUNNING for s in states):
            good = good + 1 if ended == before else 1
            if good == ANSWERS:
                context.say(f"healthy after {passed + answer.seconds:.1f} s")
                return Healthy(world.clock.monotonic() - began, ended)
        else:
            good = 0
        last = f"{health.path} answered {answer.status}" if answer.status else answer.problem
        for found in states:
            if found.exits >= EXITS or found.state is InstanceState.STOPPED:
                last = f"{found.id} ended {found.exits} times, last with {found.last_exit}"
                raise _unhealthy(context, last, instances)
        context.guard()
        world.clock.sleep(POLL_SECONDS)
    raise _unhealthy(context, f"after {health.boot_seconds:.0f} s: {last}", instances)


def _is_still_there(context: StepContext, instances: list[str], exits: int) -> None:
    """Nothing ended since it was healthy, also when it was started again. Raises Refused (`release.unhealthy`)."""
    states = [context.world.runtime.instance(i) for i in instances]
    has_ended = sum(s.exits for s in states) != exits
    for found in states:
        if found.state is not InstanceState.RUNNING or (has_ended and found.exits):
            why = f"{found.id} was healthy, and then ended {found.exits} times, last with {found.last_exit}"
            raise _unhealthy(context, why, instances)


def _unhealthy(context: StepContext, why: str, instances: list[str]) -> Refused:
    log = context.world.runtime.instance(instances[0]).log
    tail = _last_words(context, log) if log is not None else ""
    if context.work.kind is WorkKind.ROLLBACK:
        return forward_only(context, why)
    return Refused(
        "release.unhealthy",
        f"{context.release.version} did not become healthy in {context.environment}",
        because=f"{why}\n{tail}" if tail else why,
        hint=f"greenroom logs {context.environment} shows all it said",
    )


def _last_words(context: StepContext, log: Path) -> str:
    """The end of what it said, without secrets. What the cut leaves of a first line could be the end of one."""
    try:
        with open(os.open(log, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            begin = max(0, file.seek(0, os.SEEK_END) - LAST_BYTES)
            file.seek(begin)
            data = file.read(LAST_BYTES)
    except FileNotFoundError:
        return ""
    whole = data.partition(b"\n")[2] if begin else data
    return redact(whole.decode(errors="replace"), hidden(context.world, context.environment)).strip()


def _refusal(context: StepContext, found: NewEvidence) -> Refused:
    output = str(found.facts.get("output", "")).strip()
    if context.work.kind is WorkKind.ROLLBACK:
        return forward_only(context, f"{found.name} {found.outcome}: {output[-500:]}")
    return Refused(
        f"check.{found.outcome}",
        f"{found.name} {found.outcome} for {context.release.version} in {context.environment}",
        because=output[-1500:] or str(found.facts.get("ended_by", "")),
        hint="no visitor reached it; mend it and make another release",
    )


def forward_only(context: StepContext, why: str) -> Refused:
    """The older release cannot live on today's schema: refused, with the two ways out and what each costs."""
    world = context.world
    newer = world.environment(context.environment).current
    ways = []
    if newer and world.release(newer).descriptor.migration.down:
        ways.append("--down runs the newer release's own down-migration")
    else:
        ways.append("--down, once the newer release declares migration.down (it declares none)")
    points = world.databases.restore_points(context.environment)
    brought_by = world.environment(context.environment).current_work
    before_newer = [p for p in points if p.name == brought_by]
    lost: dict[str, object] = {}
    if before_newer:
        point = before_newer[0]
        rows = world.databases.would_lose(point)
        lost = {"point": point.name, "since": rows.since.isoformat(), "rows": rows.rows, "tables": dict(rows.tables)}
        ways.append(
            f"--restore {point.name} brings back the database of {point.at:%Y-%m-%d %H:%M:%S} UTC:"
            f" {rows.rows} written rows since then would be lost"
        )
    else:
        ways.append("--restore, but no restore point was taken before the newer release came")
    return Refused(
        "rollback.forward_only",
        f"{context.environment} cannot go back to {context.release.version}: forward-only",
        because=f"it cannot live on today's schema: {why}",
        hint="; or ".join(ways),
        facts={"would_lose": lost},
    )
