"""What programs said is for those who may read logs there: output holds what an application's users typed.

Everybody else sees that it failed, where, with which code, and who sees why. Greenroom's own words stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from greenroom.domain.discretion import is_own, places, without_words
from greenroom.domain.kinds import Kind
from greenroom.domain.roles import Action, Actor, may
from greenroom.store.records import EnvironmentRow
from greenroom.workflows.progress import Said

OWN_STEPS = frozenset({"restore-point", "prepare", "switch", "bake", "retire", "record", "hold", "exchange"})
"""Steps in which no program of the release speaks: their lines of progress are for everybody."""


def hears(actor: Actor, kind: Kind | None) -> bool:
    """True if what programs said in an environment of this kind (None: while a release is made) is for this actor."""
    return may(actor.roles, Action.READ_LOGS, kind)


def hears_in(actor: Actor, environment: str | None, rows: list[EnvironmentRow]) -> bool:
    """The same by name. An environment that is no longer on the path is held to the strictest kind."""
    return hears_there(actor, environment, {r.name: r.kind for r in rows})


def hears_there(actor: Actor, environment: str | None, kinds: Mapping[str, Kind]) -> bool:
    """The same for many names, with the kinds of the environments on the path."""
    return hears(actor, None if environment is None else kinds.get(environment, Kind.PRODUCTION))


def lines_for_all(said: list[Said]) -> list[Said]:
    """The lines of progress that Greenroom said itself."""
    return [s for s in said if s.step in OWN_STEPS]


def error_for_all(error: Mapping[str, Any] | None, where: str) -> dict[str, Any] | None:
    """The error without what a program said. Where there was a reason: where in a database it happened, and who may
    read the rest."""
    if error is None or is_own(error):
        return None if error is None else dict(error)
    told: dict[str, Any] = without_words(error)
    if error.get("because"):
        said = f"whoever may read logs of {where} sees why"
        told["because"] = f"{found}; {said}" if (found := places(error)) else said
    return told
