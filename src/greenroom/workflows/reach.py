"""Where each environment may go on the network: what its configuration allows, and what Greenroom gave it itself."""

from __future__ import annotations

from greenroom.config.project import EnvironmentConfig
from greenroom.domain.egress import Reach
from greenroom.workflows.world import World


def limit(world: World) -> None:
    """Put the configuration in force on the network. Idempotent. Raises Errored (`egress.not_applied`)."""
    world.egress.limit(reaches(world))


def reaches(world: World) -> list[Reach]:
    """Of every environment that is limited."""
    limited = [e for e in world.project().environments if e.runs and e.egress is not None]
    return [Reach(e.name, e.egress or (), _given(world, e)) for e in limited]


def _given(world: World, e: EnvironmentConfig) -> tuple[int, ...]:
    """Its own address and preview at the edge (not the edge's common port: production is behind that too), its
    database, its mailbox."""
    mailbox = world.mail.given(e.name) if e.catches_mail else None
    found = (e.port, e.preview_port, world.databases.port(e.name), mailbox.port if mailbox else None)
    return tuple(sorted({port for port in found if port}))
