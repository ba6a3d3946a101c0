"""What several steps need to know about the environment under the work: small reading helpers, no effects."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from greenroom.domain.ledger import timestamp
from greenroom.domain.plan import WorkKind
from greenroom.domain.release import MigrationStyle
from greenroom.workflows.instances import Deployment, deployment_of
from greenroom.workflows.step import StepContext


@dataclass(frozen=True)
class Was:
    """The environment as this work found it. `release` None: nothing was there."""

    release: str | None
    work: str | None
    dial: str
    previous: str | None
    since: str | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def runs(context: StepContext) -> bool:
    """False in packaging: sealed packages rest there, nothing runs."""
    return bool(context.config.runs)


def was(context: StepContext) -> Was:
    """What stood here before. The first step records it, before anything changes."""
    told = context.fact("restore-point", "was")
    if told is not None:
        return Was(**told)
    row = context.world.environment(context.environment)
    since = timestamp(row.since) if row.since else None
    return Was(row.current, row.current_work, row.dial, row.previous, since)


def deployment(context: StepContext) -> Deployment:
    """The release as this work deploys it."""
    port = context.fact("prepare", "port")
    return deployment_of(context.world, context.environment, context.release, context.work.id, port)


def former(context: StepContext) -> Deployment | None:
    """What ran before, as the work that put it there named it."""
    before = was(context)
    if before.release is None or before.work is None:
        return None
    return deployment_of(context.world, context.environment, context.world.release(before.release), before.work)


def holds_traffic(context: StepContext) -> bool:
    """True when visitors wait from the restore point to the switch: the older release cannot live on the schema that
    is being made, or the schema is brought back under the newer one."""
    if was(context).release is None or not runs(context):
        return False
    if context.work.kind is WorkKind.ROLLBACK:
        return bool(context.work.request.get("mode", "as-is") != "as-is")
    migration = context.release.descriptor.migration
    return migration.contracts and migration.style is not MigrationStyle.NONE


def has_switched(context: StepContext) -> bool:
    """True once visitors were sent to this work's deployment, recorded or not (a crash may have come between)."""
    if context.fact("switch", "at") is not None:
        return True
    pointer = context.world.edge.pointer(context.environment)
    if pointer is None or not pointer.dial:
        return False
    return bool(pointer.dial == deployment(context).dial(context.world.runtime.prepare(context.environment)))
