"""`greenroom rollback`: back to what was there before."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.nouns.promotion import follow, show_lines, shown
from greenroom.cli.options import DryRun, Environment, Wait, Yes
from greenroom.domain.errors import BadInput, Refused
from greenroom.terminal.words import local, one_line, plain

ORDER = 80


def commands(app: typer.Typer) -> None:
    command(app, "rollback")(rollback)


def rollback(
    session: Session,
    environment: Environment,
    to: Annotated[str | None, typer.Option("--to", metavar="RELEASE", help="Any release that has been there.")] = None,
    down: Annotated[bool, typer.Option("--down", help="Run the newer release's down-migration first.")] = False,
    restore: Annotated[
        str | None, typer.Option("--restore", metavar="POINT", help="Bring the data back to a restore point as well.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it stands on the ledger.")] = "",
    wait: Wait = True,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Bring an environment's older release back.

    While the newer one bakes, this is a switch and nothing else. Afterwards the older release is started beside
    it and proves itself on today's schema first; when it cannot live there, the refusal names the ways out.
    With --restore, what was written since the point is lost: it is shown, and asked about.

    \b
    Example: greenroom rollback production --reason "checkout is slow"
    """
    if down and restore:
        raise BadInput("usage.invalid", "--down and --restore are two different ways back", hint="choose one")
    mode = "down" if down else "restore" if restore else "as-is"
    request = {"environment": environment, "to": to, "mode": mode, "point": restore, "reason": reason}
    if mode != "as-is" and not dry_run and not yes:
        _ask(session, environment, mode, restore)
    try:
        answer = session.client.post("rollbacks", **request, dry_run=dry_run)
    except Refused as refused:
        show_lines(session, refused.facts)
        raise
    what = f"rollback of {one_line(environment)}"
    if dry_run:
        session.answer(answer, lambda: Group(shown(answer, what), Text(), *(Text(one_line(w)) for w in answer["way"])))
        return 0
    baking = answer["work"]["kind"] == "promotion"  # then it is the promotion that is undone
    return follow(session, answer, what, wait, wanted="rolled_back" if baking else "done", replay=not baking)


def _ask(session: Session, environment: str, mode: str, point: str | None) -> None:
    """Show what would be lost, and let a person decide."""
    if mode == "restore":
        points = session.client.get("environments", environment, "restore-points")
        found = next((p for p in points if p["name"] == point), None)
        if found is None:
            known = ", ".join(p["name"] for p in points) or "none"
            raise BadInput(
                "restore_point.unknown", f"{environment} has no restore point {point!r}", hint=f"there is {known}"
            )
        if session.is_terminal:
            session.show(lost(found))
    session.confirm(f"Change the data of {plain(environment)}?")


def lost(point: dict[str, Any]) -> Text:
    """What a restore would undo, table by table."""
    text = Text(f"back to {local(point['at'])}: {point['rows_lost']} changes since then would be lost\n", style="bold")
    for table, n in point["tables"].items():
        told = ", ".join(f"{n[k]} {k}" for k in ("inserted", "updated", "deleted") if n[k])
        text.append(f"  {one_line(table)}: {told}\n", style="default")
    return text
