"""Mail that an environment's application sent, and that was caught."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from greenroom.domain.errors import BadInput
from greenroom.domain.roles import Action, Actor
from greenroom.services.app import App


def listed(app: App, actor: Actor, environment: str, *, limit: int = 100) -> list[dict[str, Any]]:
    """Newest first. Raises BadInput (`mail.not_caught`)."""
    _require(app, actor, environment)
    return [asdict(one) for one in app.world.mail.caught(environment, min(limit, 1000))]


def mailbox(app: App, actor: Actor, environment: str) -> dict[str, Any]:
    """Where programs outside the environment may send what is to be caught there, such as a working tree that
    `greenroom dev` runs. Raises BadInput (`mail.not_caught`)."""
    _require(app, actor, environment)
    return {"environment": environment, **asdict(app.world.mail.address(environment))}


def shown(app: App, actor: Actor, environment: str, message: str) -> dict[str, Any]:
    """One message. Raises BadInput (`mail.not_caught`, `mail.unknown`)."""
    _require(app, actor, environment)
    letter = asdict(app.world.mail.letter(environment, message))
    return {**letter.pop("caught"), **letter}


def clear(app: App, actor: Actor, environment: str) -> int:
    """Throw all of it away, before a test begins; how many there were."""
    _require(app, actor, environment)
    return app.world.mail.clear(environment)


def _require(app: App, actor: Actor, environment: str) -> None:
    app.allow(actor, Action.READ_MAIL, environment)
    if not app.world.project().environment(environment).catches_mail:
        raise BadInput(
            "mail.not_caught",
            f"no mail is caught in {environment}",
            because="nothing runs there, or its mail is real",
            hint="greenroom mail list ENVIRONMENT of one before production",
        )
