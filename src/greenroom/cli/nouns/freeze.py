"""`greenroom freeze` and `thaw`."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment, moment_of
from greenroom.terminal.words import local, one_line

ORDER = 110


def commands(app: typer.Typer) -> None:
    command(app, "freeze")(freeze)
    command(app, "thaw")(thaw)


def freeze(
    session: Session,
    environment: Environment,
    reason: Annotated[str, typer.Option(help="Why; everybody who is held up reads it.", show_default=False)],
    until: Annotated[str | None, typer.Option(help="2026-11-30T08:00 here, or 3d; until thawed, when absent.")] = None,
) -> int:
    """Let no ordinary promotion into an environment. Rollbacks stay allowed.

    \b
    Example: greenroom freeze production --reason "Black Friday" --until 2026-11-30T08:00
    """
    end = moment_of(until, "--until").isoformat() if until else None
    given = session.client.post("freezes", environment=environment, reason=reason, until=end)
    session.answer(
        given, lambda: f"{one_line(environment)} is frozen" + (f" until {local(given['until'])}" if end else "")
    )
    return 0


def thaw(session: Session, environment: Environment) -> int:
    """Lift every freeze of an environment.

    \b
    Example: greenroom thaw production
    """
    done = session.client.delete("freezes", environment=environment)
    said = f"{one_line(environment)} is open again" if done["lifted"] else f"{one_line(environment)} was not frozen"
    session.answer(done, lambda: said)
    return 0
