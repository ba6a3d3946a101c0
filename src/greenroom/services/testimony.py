"""Does the store say what the ledger says, as far as one decision looks? Whoever writes past Greenroom decides nothing.

A contradiction is a line of the checklist like any other, but no gate: nobody sets it aside.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from greenroom.domain.gate import Case, Line, Refused
from greenroom.store import records
from greenroom.workflows.world import World

MOST_SHOWN = 5
NEXT = "greenroom ledger verify names every difference: somebody wrote past Greenroom. Restore the store from a copy"


def contradiction(tx: Connection, world: World, case: Case) -> Line | None:
    """The line that refuses, when a row that this decision rests on is not what the ledger tells; else None.

    A rollback rests on few: a damaged approval does not stand in the way back.
    """
    flaws = list(dict.fromkeys(_flaws(tx, world, case)))
    if not flaws:
        return None
    more = f", and {len(flaws) - MOST_SHOWN} more" if len(flaws) > MOST_SHOWN else ""
    said = f"the store contradicts the ledger: {'; '.join(flaws[:MOST_SHOWN])}{more}"
    return Line("ledger", "As the ledger tells it", Refused(said, NEXT, "ledger.contradicted"))


def account_flaws(tx: Connection, world: World, name: str) -> list[str]:
    """How an account's row differs from what the ledger tells of it."""
    return world.store.witness.flaws(tx, "account", "id", [name])


def _flaws(tx: Connection, world: World, case: Case) -> Iterator[str]:
    flaws, request = world.store.witness.flaws, case.request
    yield from flaws(tx, "release", "id", [request.release])
    yield from flaws(tx, "evidence", "release", [request.release])
    yield from _of_path(tx, world, case)
    yield from _of_policy(tx, world)
    if request.action == "rollback":
        return
    yield from flaws(tx, "approval", "release", [request.release])
    yield from flaws(tx, "override", "release", [request.release])
    yield from flaws(tx, "freeze", "environment", [request.environment])
    yield from flaws(tx, "account", "id", {*(a.by for a in case.approvals), *(o.by for o in case.overrides)})


def _of_path(tx: Connection, world: World, case: Case) -> Iterator[str]:
    """The target, the one before it, and those that are said to run the release: no other row lets it in.

    That none is missing, added or moved, the configuration says: it has the path, too. Where they differ, be it only
    because another control plane has applied a newer one, all rows are looked at.
    """
    near = {case.target.name, *(e.name for e in case.earlier if e.current == case.request.release)}
    near |= {case.before.name} if case.before else set()
    if [(e.name, e.kind) for e in case.path] != [(e.name, e.kind) for e in world.project().environments]:
        near |= {e.name for e in case.path} | {e.name for e in world.project().environments}
    yield from world.store.witness.flaws(tx, "environment", "id", near)


def _of_policy(tx: Connection, world: World) -> Iterator[str]:
    """The newest row is the one that was applied last, and what is in memory was applied once."""
    witness, held = world.store.witness, world.project.digest()
    row = records.newest_policy(tx)
    applied = witness.last_applied(tx)
    if (row["id"] if row else None) != applied:
        yield "policy: the newest in the store is not the one that was applied last"
    if row is not None:
        yield from witness.flaws(tx, "policy", "id", [row["id"]])
    if held and held != applied and not witness.tells(tx, "policy", held):
        yield "policy: what is in force was never applied"
