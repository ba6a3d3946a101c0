"""What fills the vault, or an environment that may hold a copy: production's backups, or the server that its data is
read from when somebody else manages it."""

from __future__ import annotations

from typing import Any

from greenroom.domain.errors import Refused
from greenroom.domain.ledger import timestamp
from greenroom.domain.names import VAULT
from greenroom.domain.release import Services
from greenroom.domain.secret import Secret
from greenroom.domain.source import SourceServer
from greenroom.workflows.step import StepContext
from greenroom.workflows.steps.rebuild import facts_of, rebuild
from greenroom.workflows.world import World


def gather_source(context: StepContext, into: str, source: str, services: Services | None) -> dict[str, Any]:
    """The source's data as a cluster for `into`, under the work's name; its facts.

    `services`: what serves the copy of a server; None: what the project declares. `origin` among the facts is whose
    superuser password the cluster has.
    """
    world, work = context.world, context.work
    server = world.project().data.server
    if server is None:
        world.backups.ship(source)
        route, rebuilt = rebuild(context, into, work.id, census=False, source=source)
        as_of = rebuilt.last_commit or route.base.ended_at
        base = {"version": route.base.version, "extensions": list(route.base.extensions), "as_of": timestamp(as_of)}
        return {**facts_of(route, rebuilt), **base, "origin": source}
    context.guard()
    made = world.sources.copy(
        server,
        password_of(world, source, server),
        into,
        work.id,
        services or world.project().described.services,
        say=context.say,
        go_on=lambda: not context.cancelled(),
    )
    context.say(f"{made.rows} rows of {made.place}, as of {timestamp(made.as_of)}")
    return {
        "server": made.place,
        "as_of": timestamp(made.as_of),
        "source_version": made.source_version,
        "version": made.version,
        "extensions": list(made.extensions),
        "rows": made.rows,
        "bytes": made.bytes,
        "seconds": made.seconds,
        "said": list(made.said),
        "origin": VAULT,
    }


def password_of(world: World, source: str, server: SourceServer) -> Secret | None:
    """The source environment's secret that opens the server. Raises Refused (`data.source_password`)."""
    if server.password is None:
        return None
    found = world.secrets.values(source).get(server.password)
    if found is None:
        raise Refused(
            "data.source_password",
            f"the password for {server.place} is not set",
            because=f"data/source_password names the secret {server.password} of {source}, and there is none",
            hint=f"greenroom secret set {source} {server.password}",
        )
    return found
