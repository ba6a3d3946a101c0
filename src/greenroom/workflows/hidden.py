"""What nobody is shown of an environment, whoever prints it: its secrets and its database's passwords.

A program may print more than it was given: a check prints the error page of the application it asks.
"""

from __future__ import annotations

from greenroom.domain.secret import Secret, parts
from greenroom.workflows.world import World


def hidden(world: World, environment: str) -> tuple[Secret, ...]:
    """With their parts. Raises what reading secrets raises."""
    kept = world.secrets.values(environment).values()
    return tuple(parts([*kept, *world.databases.passwords(environment)]))
