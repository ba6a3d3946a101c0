"""`greenroom work`, `cancel`, `resume`, `finish`: what is under way, and turning it around."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import Limit, Wait, WorkId

ORDER = 90


def commands(app: typer.Typer) -> None:
    group = typer.Typer(
        name="work", help="Releases, promotions, rollbacks and checks: under way and ended.", no_args_is_help=True
    )
    command(group, "list")(listed)
    command(group, "show")(show)
    app.add_typer(group)
    command(app, "cancel")(cancel)
    command(app, "resume")(resume)
    command(app, "finish")(finish)


def listed(
    session: Session,
    environment: Annotated[str | None, typer.Option("--environment", "-e", help="Only this environment's.")] = None,
    before: Annotated[
        str | None, typer.Option(metavar="WORK", help="Only what was asked for before this work.")
    ] = None,
    limit: Limit = 20,
) -> int:
    """What was asked for, newest first.

    \b
    Example: greenroom work list --environment production
    """
    from greenroom.terminal.work import listing

    found, total = session.client.part("work", environment=environment, before=before, limit=limit)
    session.answer(found, lambda: listing(found))
    if found and len(found) < total:
        session.say(f"{len(found)} of {total}: --before {found[-1]['id']} shows older ones, --limit sets how many")
    return 0


def show(
    session: Session,
    work: WorkId,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Stay and watch until it ended.")] = False,
) -> int:
    """One piece of work: its steps with their seconds, why it failed, what to do.

    \b
    Example: greenroom work show promotion-0a1b2c3d4e5f --wait
    """
    from greenroom.cli.failures import block
    from greenroom.cli.waiting import failure
    from greenroom.cli.waiting import wait as stay
    from greenroom.terminal.screen import is_unicode, marks
    from greenroom.terminal.work import in_full

    found = session.client.get("work", work)
    if wait and found["state"] not in ("done", "rejected", "rolled_back"):
        return stay(session, found)
    session.answer(found, lambda: in_full(found, marks(is_unicode(sys.stdout))))
    if found["error"] and not session.as_json:
        session.show("\n" + block(failure(found)))
    return 0


def cancel(
    session: Session,
    work: WorkId,
    reason: Annotated[str, typer.Option(help="Why; it stands on the ledger.")] = "",
    wait: Wait = True,
) -> int:
    """Stop a piece of work at its next step and undo what it did.

    \b
    Example: greenroom cancel promotion-0a1b2c3d4e5f --reason "wrong release"
    """
    from greenroom.cli.waiting import wait as stay

    found = session.client.post("work", work, "cancel", reason=reason)
    if not wait:
        session.answer(found, lambda: f"{found['id']} is being cancelled")
        return 0
    undone = "rolled_back" if found["kind"] in ("promotion", "restore") and found["started_at"] else "rejected"
    return stay(session, found, wanted=undone, replay=False)


def resume(session: Session, work: WorkId, wait: Wait = True) -> int:
    """Go on with work that needed a person, at the same step.

    \b
    Example: greenroom resume promotion-0a1b2c3d4e5f
    """
    from greenroom.cli.waiting import wait as stay

    found = session.client.post("work", work, "resume")
    if not wait:
        session.answer(found, lambda: f"{found['id']} goes on at {found['step']}")
        return 0
    return stay(session, found)


def finish(session: Session, work: WorkId, wait: Wait = True) -> int:
    """End a bake now: the newer release stays, the older one is stopped.

    \b
    Example: greenroom finish promotion-0a1b2c3d4e5f
    """
    from greenroom.cli.waiting import wait as stay

    found = session.client.post("work", work, "finish")
    if not wait:
        session.answer(found, lambda: f"the bake of {found['id']} ends")
        return 0
    return stay(session, found)
