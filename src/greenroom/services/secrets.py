"""Secrets of environments: set, taken away, listed by name. No function here gives a value back."""

from __future__ import annotations

from typing import Any

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.release import Variable
from greenroom.domain.roles import Action, Actor
from greenroom.domain.secret import Secret
from greenroom.services.app import App
from greenroom.workflows.outside import refuse_sharing


def put(app: App, actor: Actor, environment: str, name: str, value: Secret) -> dict[str, Any]:
    """Keep the value for what is started from now on. Raises BadInput (`secrets.invalid`); Refused
    (`config.outside_shared`) for production's value of a variable that leads outside where side effects are caught.

    The ledger says who set which name when; whether the project declares it is in the answer.
    """
    app.allow(actor, Action.SET_SECRET, environment)
    if not value.reveal():
        raise BadInput("secrets.invalid", f"the value of {name[:80]!r} is empty", hint="greenroom secret remove")
    about = {"environment": environment, "name": name}
    declared = _declared(app)
    if name in declared:
        try:
            refuse_sharing(app.world, environment, declared[name], value)
        except Refused:  # on the ledger: whoever tries values one by one could find out production's
            with app.world.store.database.transaction() as tx:
                app.world.store.recorder.append(tx, actor.name, "secret.refused", {"about": about})
            raise
    with app.world.store.database.transaction() as tx:
        app.world.store.recorder.append(tx, actor.name, "secret.set", {"about": about})
        app.world.secrets.put(environment, name, value)  # within: what could not be kept is not on the ledger
    return {"environment": environment, "name": name, "declared": name in declared}


def remove(app: App, actor: Actor, environment: str, name: str) -> None:
    """Raises BadInput (`secret.unknown`)."""
    app.allow(actor, Action.SET_SECRET, environment)
    with app.world.store.database.transaction() as tx:
        if not app.world.secrets.remove(environment, name):
            raise BadInput(
                "secret.unknown",
                f"{environment} has no secret {name[:80]!r}",
                hint=f"greenroom secret list {environment} shows the names",
            )
        about = {"environment": environment, "name": name}
        app.world.store.recorder.append(tx, actor.name, "secret.removed", {"about": about})


def listed(app: App, actor: Actor, environment: str) -> list[dict[str, Any]]:
    """What is set, and what the project declares as secret and is not set yet; sorted by name."""
    app.allow(actor, Action.SET_SECRET, environment)
    kept = set(app.world.secrets.names(environment))
    declared = _declared(app)
    return [
        {
            "name": name,
            "is_set": name in kept,
            "declared": name in declared,
            "required": name in declared and declared[name].required,
            "generated": name in declared and declared[name].generate,
            "about": declared[name].about if name in declared else "",
        }
        for name in sorted(kept | {n for n, v in declared.items() if v.secret})
    ]


def _declared(app: App) -> dict[str, Variable]:
    return {v.name: v for v in app.world.project().described.variables}
