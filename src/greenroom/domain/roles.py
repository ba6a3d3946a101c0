"""Who may do what: the one table that every command, route and button asks.

A role may be held for the whole project. `may` is the only function that decides; nothing else in
Greenroom compares role names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from greenroom.domain.errors import Refused
from greenroom.domain.kinds import Kind


class Role(StrEnum):
    """The hats people wear; `docs/glossary.md` says what each is for."""

    DEVELOPER = "developer"
    TESTER = "tester"
    ENGINEER = "engineer"
    CLIENT = "client"
    MANAGER = "manager"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"
    AUTOMATION = "automation"


class Action(StrEnum):
    """Everything a person or a machine can ask Greenroom to do."""

    VIEW = "view"
    RELEASE = "release"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"
    CANCEL = "cancel"
    RESUME = "resume"
    APPROVE = "approve"
    REVOKE = "revoke"
    CHECK = "check"
    FREEZE = "freeze"
    OVERRIDE = "override"
    READ_LOGS = "read_logs"
    READ_MAIL = "read_mail"
    SET_SECRET = "set_secret"  # noqa: S105 - the name of an action
    CONFIGURE = "configure"
    ADMINISTER = "administer"
    READ_LEDGER = "read_ledger"
    COLLECT = "collect"
    BACK_UP = "back_up"
    RESTORE = "restore"
    MASK = "mask"
    REFRESH = "refresh"
    BREAK_GLASS = "break_glass"
    CLONE = "clone"


EVERYWHERE = frozenset(Kind)
EARLY = frozenset({Kind.DEV})
TESTED = frozenset({Kind.DEV, Kind.QA})
ACCEPTED = frozenset({Kind.QA, Kind.UAT, Kind.STAGING})
IT_KINDS = frozenset({Kind.QA, Kind.PACKAGING, Kind.UAT, Kind.STAGING, Kind.PRODUCTION})

_R, _A = Role, Action
MATRIX: dict[Role, dict[Action, frozenset[Kind]]] = {
    _R.DEVELOPER: {
        _A.VIEW: EVERYWHERE,
        _A.RELEASE: EVERYWHERE,
        _A.PROMOTE: TESTED,
        _A.ROLL_BACK: TESTED,
        _A.CANCEL: TESTED,
        _A.RESUME: TESTED,
        _A.CHECK: TESTED,
        _A.READ_LOGS: TESTED,
        _A.READ_MAIL: TESTED,
        _A.SET_SECRET: EARLY,
        _A.REFRESH: TESTED,
        _A.CLONE: TESTED,
    },
    _R.TESTER: {
        _A.VIEW: EVERYWHERE,
        _A.PROMOTE: frozenset({Kind.QA}),
        _A.CHECK: ACCEPTED,
        _A.APPROVE: frozenset({Kind.PACKAGING, Kind.UAT, Kind.STAGING, Kind.PRODUCTION}),
        _A.REVOKE: ACCEPTED,
        _A.READ_LOGS: TESTED,
        _A.READ_MAIL: TESTED | {Kind.UAT},
        _A.REFRESH: frozenset({Kind.QA}),
        _A.CLONE: TESTED,
    },
    _R.ENGINEER: {
        _A.VIEW: EVERYWHERE,
        _A.RELEASE: EVERYWHERE,
        _A.PROMOTE: IT_KINDS,
        _A.ROLL_BACK: IT_KINDS,
        _A.CANCEL: IT_KINDS,
        _A.RESUME: IT_KINDS,
        _A.APPROVE: IT_KINDS,
        _A.REVOKE: IT_KINDS,
        _A.CHECK: IT_KINDS,
        _A.READ_LOGS: IT_KINDS - {Kind.PRODUCTION},
        _A.READ_MAIL: IT_KINDS - {Kind.PRODUCTION},
        _A.SET_SECRET: IT_KINDS,
        _A.READ_LEDGER: EVERYWHERE,
        _A.COLLECT: EVERYWHERE,
        _A.BACK_UP: EVERYWHERE,
        _A.RESTORE: EVERYWHERE - {Kind.PRODUCTION},
        _A.MASK: EVERYWHERE,
        _A.REFRESH: EVERYWHERE - {Kind.PRODUCTION},
        _A.CLONE: TESTED,
    },
    _R.CLIENT: {_A.VIEW: EVERYWHERE, _A.APPROVE: frozenset({Kind.UAT, Kind.STAGING, Kind.PRODUCTION})},
    _R.MANAGER: {
        _A.VIEW: EVERYWHERE,
        _A.APPROVE: EVERYWHERE,
        _A.REVOKE: EVERYWHERE,
        _A.FREEZE: EVERYWHERE,
        _A.OVERRIDE: EVERYWHERE,
        _A.READ_LEDGER: EVERYWHERE,
    },
    _R.OPERATOR: {
        _A.VIEW: EVERYWHERE,
        _A.ROLL_BACK: frozenset({Kind.STAGING, Kind.PRODUCTION}),
        _A.CANCEL: frozenset({Kind.STAGING, Kind.PRODUCTION}),
        _A.RESUME: frozenset({Kind.STAGING, Kind.PRODUCTION}),
        _A.READ_LOGS: frozenset({Kind.STAGING, Kind.PRODUCTION}),
        _A.READ_MAIL: frozenset({Kind.STAGING}),
        _A.FREEZE: frozenset({Kind.PRODUCTION}),
        _A.READ_LEDGER: EVERYWHERE,
        _A.BACK_UP: frozenset({Kind.STAGING, Kind.PRODUCTION}),
        _A.RESTORE: frozenset({Kind.STAGING, Kind.PRODUCTION}),
        _A.MASK: EVERYWHERE,
        _A.REFRESH: frozenset({Kind.STAGING}),
        _A.BREAK_GLASS: frozenset({Kind.STAGING, Kind.PRODUCTION}),
    },
    # An administrator configures and grants roles. Doing the work of another role takes that role,
    # granted on the ledger; nobody edits the ledger.
    _R.ADMINISTRATOR: {
        _A.VIEW: EVERYWHERE,
        _A.CONFIGURE: EVERYWHERE,
        _A.ADMINISTER: EVERYWHERE,
        _A.SET_SECRET: EVERYWHERE,
        _A.READ_LEDGER: EVERYWHERE,
        _A.COLLECT: EVERYWHERE,
    },
    _R.AUTOMATION: {
        _A.VIEW: EVERYWHERE,
        _A.RELEASE: EVERYWHERE,
        _A.PROMOTE: EVERYWHERE,
        _A.CHECK: EVERYWHERE,
        _A.MASK: EVERYWHERE,
        _A.REFRESH: EVERYWHERE - {Kind.PRODUCTION},
    },
}


@dataclass(frozen=True)
class Actor:
    """Somebody whose token was checked: a name and the roles that name holds."""

    name: str
    roles: frozenset[Role]


SYSTEM = Actor("greenroom", frozenset(Role))
"""Greenroom itself: automatic rollback, schedules, expiry. Never the actor of a request from outside."""


def may(roles: Iterable[Role], action: Action, kind: Kind | None = None) -> bool:
    """True if one of `roles` allows `action` in an environment of `kind` (None: in any environment)."""
    for role in roles:
        kinds = MATRIX.get(role, {}).get(action)  # a role nobody knows allows nothing
        if kinds and (kind is None or kind in kinds):
            return True
    return False


def require(actor: Actor, action: Action, kind: Kind | None = None) -> None:
    """Raise `Refused` (code `role.missing`) unless the actor may; the hint names the roles that may."""
    if may(actor.roles, action, kind):
        return
    able = sorted(r.value for r in Role if may([r], action, kind))
    where = f" in {kind.value}" if kind else ""
    has = ", ".join(sorted(r.value for r in actor.roles)) or "no role"
    raise Refused(
        "role.missing",
        f"{actor.name} may not {action.value.replace('_', ' ')}{where}",
        because=f"{actor.name} has {has}",
        hint=f"ask someone who is {' or '.join(able)}; an administrator grants roles",
        facts={"action": action.value, "kind": kind.value if kind else None, "roles": able},
    )
