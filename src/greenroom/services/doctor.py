"""Looking at everything Greenroom stands on, and naming what is damaged with the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from greenroom.domain.errors import Errored, GreenroomError
from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App
from greenroom.services.examinations import (
    backups,
    clock,
    databases,
    disk,
    edge,
    egress,
    environments,
    glass,
    home,
    isolation,
    keeper,
    ledger,
    mail,
    releases,
    secrets,
    store,
    strangers,
    work,
)
from greenroom.services.examinations.found import Found


def examine(app: App, actor: Actor) -> list[dict[str, Any]]:
    """Every examination, in an order that lets the first damage explain later ones. Each finding has `name`, `outcome`,
    `said` and `next`."""
    app.allow(actor, Action.READ_LEDGER)
    found: list[Found] = []
    for name, look in EXAMINATIONS:
        try:
            found += look(app)
        except GreenroomError as e:
            way_out = e.hint or "see the control plane's log, logs/control-plane.log in the home"
            found.append(Found(name, "failed" if not isinstance(e, Errored) else "errored", e.message, way_out))
        except Exception as e:  # noqa: BLE001 - whatever breaks while looking is itself a finding
            found.append(Found(name, "errored", f"{type(e).__name__}: {e}", "see the control plane's log"))
    return [asdict(f) for f in found]


EXAMINATIONS: list[tuple[str, Callable[[App], Iterator[Found]]]] = [
    ("keeper", keeper.look),
    ("disk", disk.look),
    ("home", home.look),
    ("store", store.look),
    ("ledger", ledger.look),
    ("clock", clock.look),
    ("isolation", isolation.look),
    ("secrets", secrets.look),
    ("edge", edge.look),
    ("mail", mail.look),
    ("egress", egress.look),
    ("databases", databases.look),
    ("break-glass", glass.look),
    ("backups", backups.look),
    ("environments", environments.look),
    ("strangers", strangers.look),
    ("releases", releases.look),
    ("work", work.look),
]
