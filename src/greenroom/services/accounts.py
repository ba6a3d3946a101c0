"""Accounts and tokens. A token is 256 random bits, shown once; only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from greenroom.domain.errors import BadInput, Refused
from greenroom.domain.names import checked_name
from greenroom.domain.roles import Action, Actor, Role
from greenroom.domain.secret import Secret
from greenroom.services.app import App
from greenroom.services.testimony import account_flaws
from greenroom.store import records

PREFIX = "gr_"


def token_hash(token: str) -> str:
    """What the store keeps. A fast hash suffices: the token has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def authenticate(app: App, token: str) -> Actor | None:
    """Whose token this is; None for one that nobody holds (any more).

    Raises Refused (`account.contradicted`) when the account was not granted so: its row is not what the ledger tells.
    """
    if not token.startswith(PREFIX) or len(token) > 100:
        return None
    with app.world.store.database.reading() as tx:
        found = records.account_by_token(tx, token_hash(token))
        flaws = account_flaws(tx, app.world, found.name) if found else []
    if flaws:
        raise Refused(
            "account.contradicted",
            "this account is not what the ledger tells of it",
            because="; ".join(flaws),
            hint="another administrator grants it anew with greenroom account add; find out who wrote past Greenroom",
        )
    return found


def add(app: App, actor: Actor, name: str, roles: list[str]) -> Secret:
    """A new account, or new roles and a new token for one there is; the token, for this once."""
    app.allow(actor, Action.ADMINISTER)
    checked_name(name, "account")
    wanted = _roles(roles)
    if actor.name == name and Role.ADMINISTRATOR not in wanted:
        raise Refused("account.own", "an administrator does not take the role from themselves", hint="ask another one")
    token = PREFIX + secrets.token_urlsafe(32)
    row = {
        "id": name,
        "roles": wanted,
        "token_hash": token_hash(token),
        "created_at": app.world.clock.now(),
        "disabled_at": None,
    }
    with app.world.store.database.transaction() as tx:
        app.world.store.recorder.record(tx, actor.name, "account.granted", account=row)
    return Secret(token)


def disable(app: App, actor: Actor, name: str) -> None:
    """The token no longer opens anything. What the person did stays on the ledger."""
    app.allow(actor, Action.ADMINISTER)
    if actor.name == name:
        raise Refused("account.own", "nobody disables their own account", hint="ask another administrator")
    with app.world.store.database.transaction() as tx:
        if name not in {a["name"] for a in records.accounts(tx)}:
            raise BadInput(
                "account.unknown",
                f"there is no account {name[:80]!r}",
                hint="greenroom account list shows the accounts there are",
            )
        row = {"id": name, "disabled_at": app.world.clock.now()}
        app.world.store.recorder.record(tx, actor.name, "account.disabled", account=row)


def listed(app: App, actor: Actor) -> list[dict[str, Any]]:
    app.allow(actor, Action.ADMINISTER)
    with app.world.store.database.reading() as tx:
        return records.accounts(tx)


def _roles(names: list[str]) -> list[str]:
    known = [r.value for r in Role]
    unknown = [n for n in names if n not in known]
    if unknown or not names:
        said = f"{unknown[0][:40]!r} is not a role" if unknown else "an account has at least one role"
        raise BadInput("role.unknown", said, hint="there are " + ", ".join(known))
    return sorted(set(names))
