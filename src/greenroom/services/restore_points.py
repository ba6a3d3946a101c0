"""What an environment's database can be brought back to, and what that would cost."""

from __future__ import annotations

from typing import Any

from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App


def listed(app: App, actor: Actor, environment: str) -> list[dict[str, Any]]:
    """Newest first, each with what was written since and would be lost. For those who may roll back there."""
    app.allow(actor, Action.ROLL_BACK, environment)
    points = []
    for point in app.world.databases.restore_points(environment):
        lost = app.world.databases.would_lose(point)
        tables = {
            name: {"inserted": i, "updated": u, "deleted": d} for name, (i, u, d) in lost.tables.items() if i + u + d
        }
        points.append(
            {
                "name": point.name,
                "environment": point.environment,
                "at": point.at,
                "bytes": point.bytes,
                "rows_lost": lost.rows,
                "tables": tables,
            }
        )
    return points
