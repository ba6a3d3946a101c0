"""Letting visitors wait, and letting them go on: what `restore-point`, `switch` and their undoing share."""

from __future__ import annotations

from greenroom.domain.errors import Errored
from greenroom.ports.edge import Pointer
from greenroom.ports.runtime import InstanceState
from greenroom.workflows.instances import Deployment, process_variables, variables
from greenroom.workflows.step import StepContext
from greenroom.workflows.steps.ground import Was, former, has_switched, was

POLL_SECONDS = 0.1


def hold(context: StepContext, before: Was) -> float:
    """New requests wait at the edge, and what works beside the web process ends; returns when nothing can write any
    more, with the seconds it took.

    Raises Errored (`traffic.not_drained`) when requests are still in flight after the drain limit: going on would
    change the schema under them, and a restore would lose what they write.
    """
    context.guard()
    context.world.edge.point(context.environment, Pointer(None, before.release or "", context.work.token))
    if old := former(context):
        stop_all(context, old, but=old.release.descriptor.web.name)
    seconds = drain(context, before.dial)
    left = context.world.edge.connections(before.dial)
    if left > 0:
        let_go(context)  # nobody waits while it is tried again later
        raise Errored(
            "traffic.not_drained",
            f"{left} requests to {context.environment} did not end within {context.config.drain_seconds:.0f} s",
            because="the migration needs the application at rest",
            hint="they go on with the older release; try again, or raise drain in greenroom.yaml",
        )
    return seconds


def rest(context: StepContext) -> None:
    """What visitors will reach again ends altogether, while they wait: its connections would not outlive the database
    that is exchanged under it, and not every application makes new ones."""
    if old := former(context):
        stop_all(context, old)


def let_go(context: StepContext) -> None:
    """Undo of `hold` and `rest`: visitors reach the older release again, and what worked beside it works again.
    Idempotent. Where all of it runs nothing is asked for, neither secrets nor a database: what cannot be read must
    not keep work from ending that changed nothing."""
    before, old, world = was(context), former(context), context.world
    if old is not None and any(
        world.runtime.instance(i).state is not InstanceState.RUNNING for i in old.instance_ids()
    ):
        place = world.runtime.prepare(context.environment)
        given = process_variables(variables(world, context.environment, old.release), old.release)
        for spec in old.specs(place, world.unpacked(old.release.digest), given, before.dial):
            context.guard()
            world.runtime.start(spec, fence=context.fence)
        _await(context, old, before.dial)
    send_to(context, before.dial, before.release or "")


def _await(context: StepContext, old: Deployment, dial: str) -> None:
    """It answers as it did, or its time to boot is over: nobody is kept waiting longer for a release that they had."""
    clock, health = context.world.clock, old.release.descriptor.health
    began = clock.monotonic()
    while clock.monotonic() - began < health.boot_seconds:
        if context.world.probe.get(dial, health.path, seconds=health.request_seconds).status == health.status:
            return
        clock.sleep(POLL_SECONDS)
        context.guard()


def stop_all(context: StepContext, plan: Deployment, *, but: str = "") -> None:
    """End every instance of a deployment, each within its own time; those of the process called `but` go on."""
    for process in plan.release.descriptor.processes:
        if process.name != but:
            for instance in plan.instance_ids_of(process):
                context.guard()
                context.world.runtime.stop(instance, seconds=process.stop_seconds, fence=context.fence)


def send_to(context: StepContext, dial: str, release: str) -> None:
    """From the next request on visitors reach `dial`."""
    context.guard()
    context.world.edge.point(context.environment, Pointer(dial, release, context.work.token))


def drain(context: StepContext, dial: str) -> float:
    """Wait until nobody is connected to `dial`, at most the environment's drain limit; the seconds it took."""
    clock, limit = context.world.clock, context.config.drain_seconds
    began = clock.monotonic()
    while context.world.edge.connections(dial) > 0 and clock.monotonic() - began < limit:
        clock.sleep(POLL_SECONDS)
        context.guard()
    return clock.monotonic() - began


def cannot_return(context: StepContext) -> Errored:
    """Going back needs a person: the older release cannot live on the schema, and the data has moved on."""
    moved = (
        "visitors wrote to the new schema since the switch" if has_switched(context) else "there is no restore point"
    )
    return Errored(
        "work.forward_only.attention",
        f"{context.environment} cannot go back by itself",
        because=f"the older release cannot live on the new schema, and {moved}",
        hint=f"greenroom resume {context.work.id} stays on {context.release.version}; after that,"
        f" greenroom rollback {context.environment} --restore POINT gives up what was written since",
    )
