"""Letting visitors wait, and letting them go on: what `restore-point`, `switch` and their undoing share."""

from __future__ import annotations

from greenroom.domain.errors import Errored
from greenroom.ports.edge import Pointer
from greenroom.workflows.step import StepContext
from greenroom.workflows.steps.ground import Was, has_switched

POLL_SECONDS = 0.1


def hold(context: StepContext, before: Was) -> float:
    """New requests wait at the edge; returns when those in flight have ended, with the seconds it took."""
    context.guard()
    context.world.edge.point(context.environment, Pointer(None, before.release or "", context.work.token))
    return drain(context, before.dial)


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
        hint=f"greenroom resume {context.work.id} stays on {context.release.version};"
        f" greenroom rollback {context.environment} --restore POINT gives up what was written since",
    )
