"""Reading recorded facts as domain values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select

from greenroom.domain.errors import BadInput
from greenroom.domain.evidence import Approval, Evidence, Freeze, Outcome, Override
from greenroom.domain.kinds import Kind
from greenroom.domain.names import did_you_mean
from greenroom.domain.release import Descriptor, Release
from greenroom.domain.roles import Actor, Role
from greenroom.store import tables as t

DIGEST_LENGTH = len("sha256:") + 64
_HEXADECIMAL = re.compile("[0-9a-f]+")
MOST_NAMED = 20
AT_A_TIME = 500
"""Values in one condition: SQLite takes some thousands."""


@dataclass(frozen=True)
class EnvironmentRow:
    """What is where. `current_work` names the work whose instances visitors reach."""

    name: str
    kind: Kind
    position: int
    current: str | None
    current_work: str | None
    dial: str
    previous: str | None
    since: datetime | None


def environments(tx: Connection) -> list[EnvironmentRow]:
    """In the order of the path."""
    query = select(t.environment).where(t.environment.c.removed_at.is_(None)).order_by(t.environment.c.position)
    return [_environment(r._mapping) for r in tx.execute(query)]


def environment(tx: Connection, name: str) -> EnvironmentRow:
    """Raises BadInput (`environment.unknown`) naming the ones there are."""
    c = t.environment.c
    row = tx.execute(select(t.environment).where(c.id == name, c.removed_at.is_(None))).first()
    if row is not None:
        return _environment(row._mapping)
    names = [e.name for e in environments(tx)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    raise BadInput(
        "environment.unknown",
        f"there is no environment {name[:80]!r}",
        hint=did_you_mean(name, names, "the path has " + ", ".join(names[:MOST_NAMED]) + more),
    )


def release(tx: Connection, reference: str) -> Release:
    """The release by digest, a beginning of it (4 characters or more), version, or commit (7 or more).

    A version or commit that several releases share means the newest of them. Raises BadInput
    (`release.unknown`, `release.ambiguous`).
    """
    c = t.release.c
    if len(reference) == DIGEST_LENGTH:
        exact = tx.execute(select(t.release).where(c.id == reference, c.collected_at.is_(None))).first()
        if exact:
            return _release(exact._mapping)
    wanted = reference.removeprefix("sha256:")
    tests = [c.version == reference]
    if len(wanted) >= 4 and _HEXADECIMAL.fullmatch(wanted):
        tests.append(_begins(c.id, "sha256:" + wanted))
    if len(wanted) >= 7 and _HEXADECIMAL.fullmatch(wanted):
        tests.append(_begins(c.git_commit, wanted))
    query = select(t.release).where(or_(*tests), c.collected_at.is_(None)).order_by(c.made_at.desc())
    rows = [_release(r._mapping) for r in tx.execute(query.limit(20))]
    if not rows:
        newest = tx.scalars(select(c.version).where(c.collected_at.is_(None)).order_by(c.made_at.desc()).limit(50))
        raise BadInput(
            "release.unknown",
            f"no release is called {reference[:80]!r}",
            hint=did_you_mean(reference, newest, "`greenroom release list` shows them"),
        )
    by_digest = [r for r in rows if r.digest.startswith("sha256:" + wanted)]
    if len(by_digest) > 1:
        raise BadInput("release.ambiguous", f"{reference!r} begins several digests", hint="give more characters")
    return by_digest[0] if by_digest else rows[0]


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """As LIKE 'PREFIX%' for text that goes on in hexadecimal digits, all of which sort before `g` wherever text is
    sorted; a range can be looked up in an index, where LIKE reads every row."""
    return and_(column >= prefix, column < prefix + "g")


def release_even_if_collected(tx: Connection, digest: str) -> Release:
    """The release of this very digest, its bytes there or not: for telling what was. Raises BadInput."""
    row = tx.execute(select(t.release).where(t.release.c.id == digest)).first()
    if row is None:
        raise BadInput("release.unknown", f"no release is called {digest[:80]!r}", hint="greenroom release list")
    return _release(row._mapping)


@dataclass(frozen=True)
class Called:
    """What people call a release, without how it runs."""

    version: str
    commit: str


def called(tx: Connection, digests: Iterable[str | None]) -> dict[str, Called]:
    """What these releases are called, their bytes there or not; in one question for hundreds."""
    wanted, c = sorted({d for d in digests if d}), t.release.c
    found: dict[str, Called] = {}
    for first in range(0, len(wanted), AT_A_TIME):
        query = select(c.id, c.version, c.git_commit).where(c.id.in_(wanted[first : first + AT_A_TIME]))
        found |= {r.id: Called(r.version, r.git_commit) for r in tx.execute(query)}
    return found


def is_commit_released(tx: Connection, commit: str) -> bool:
    """True if a release was ever made from this very commit."""
    return tx.scalar(select(t.release.c.id).where(t.release.c.git_commit == commit).limit(1)) is not None


def releases(tx: Connection, limit: int = 50) -> list[Release]:
    """Newest first."""
    query = select(t.release).where(t.release.c.collected_at.is_(None)).order_by(t.release.c.made_at.desc())
    return [_release(r._mapping) for r in tx.execute(query.limit(limit))]


def evidence_of(tx: Connection, digest: str) -> tuple[Evidence, ...]:
    """All evidence of a release, revoked included, newest first."""
    c = t.evidence.c
    query = select(t.evidence).where(c.release == digest).order_by(c.at.desc(), c.id.desc())
    return tuple(_evidence(r._mapping) for r in tx.execute(query))


def evidence(tx: Connection, evidence_id: str) -> Evidence | None:
    row = tx.execute(select(t.evidence).where(t.evidence.c.id == evidence_id)).first()
    return _evidence(row._mapping) if row else None


def newest_evidence(tx: Connection, kind: str, environment_name: str) -> Evidence | None:
    """The last finding of a family about an environment, whatever its outcome."""
    c = t.evidence.c
    query = select(t.evidence).where(c.kind == kind, c.environment == environment_name, c.revoked_at.is_(None))
    row = tx.execute(query.order_by(c.at.desc(), c.id.desc()).limit(1)).first()
    return _evidence(row._mapping) if row else None


def approvals_of(tx: Connection, digest: str, environment_name: str) -> tuple[Approval, ...]:
    c = t.approval.c
    query = select(t.approval).where(c.release == digest, c.environment == environment_name).order_by(c.at)
    return tuple(
        Approval(r.id, r.release, r.environment, r.by, frozenset(r.roles), r.shown, r.at, r.note, r.revoked_at)
        for r in tx.execute(query)
    )


def freezes_of(tx: Connection, environment_name: str) -> tuple[Freeze, ...]:
    c = t.freeze.c
    query = select(t.freeze).where(c.environment == environment_name, c.lifted_at.is_(None)).order_by(c.at)
    return tuple(Freeze(r.id, r.environment, r.by, r.reason, r.at, r.until, r.lifted_at) for r in tx.execute(query))


def freezes(tx: Connection) -> dict[str, list[Freeze]]:
    """Every freeze that was not lifted, by environment."""
    found: dict[str, list[Freeze]] = {}
    for r in tx.execute(select(t.freeze).where(t.freeze.c.lifted_at.is_(None)).order_by(t.freeze.c.at)):
        found.setdefault(r.environment, []).append(
            Freeze(r.id, r.environment, r.by, r.reason, r.at, r.until, r.lifted_at)
        )
    return found


def overrides_of(tx: Connection, digest: str, environment_name: str) -> tuple[Override, ...]:
    c = t.override.c
    query = select(t.override).where(c.release == digest, c.environment == environment_name).order_by(c.at)
    return tuple(
        Override(r.id, r.gate, r.release, r.environment, r.by, r.role, r.reason, r.at, r.expires_at)
        for r in tx.execute(query)
    )


def account_by_token(tx: Connection, token_hash: str) -> Actor | None:
    c = t.account.c
    row = tx.execute(select(t.account).where(c.token_hash == token_hash, c.disabled_at.is_(None))).first()
    return Actor(row.id, frozenset(Role(r) for r in row.roles)) if row else None


def accounts(tx: Connection) -> list[dict[str, Any]]:
    """Names and roles; never the token hashes."""
    return [
        {"name": r.id, "roles": sorted(r.roles), "created_at": r.created_at, "disabled_at": r.disabled_at}
        for r in tx.execute(select(t.account).order_by(t.account.c.id))
    ]


def newest_policy(tx: Connection) -> RowMapping | None:
    """The applied configuration that is in force."""
    row = tx.execute(select(t.policy).order_by(t.policy.c.at.desc()).limit(1)).first()
    return row._mapping if row else None


def _environment(row: RowMapping) -> EnvironmentRow:
    return EnvironmentRow(
        row["id"],
        Kind(row["kind"]),
        row["position"],
        row["current"],
        row["current_work"],
        row["dial"],
        row["previous"],
        row["since"],
    )


def _release(row: RowMapping) -> Release:
    return Release(
        digest=row["id"],
        project=row["project"],
        version=row["version"],
        commit=row["git_commit"],
        made_by=row["made_by"],
        made_at=row["made_at"],
        descriptor=Descriptor.from_dict(row["descriptor"]),
        size=row["size"],
    )


def _evidence(row: RowMapping) -> Evidence:
    return Evidence(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        release=row["release"],
        environment=row["environment"],
        outcome=Outcome(row["outcome"]),
        at=row["at"],
        by=row["by"],
        facts=row["facts"],
        revoked_at=row["revoked_at"],
        revoked_why=row["revoked_why"],
    )
