"""`greenroom break-glass open | list | close`: into a database by hand, for a while, in front of everybody."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment, seconds_of
from greenroom.domain.glass import LIMIT
from greenroom.terminal.words import local, one_line, since

ORDER = 145


def commands(app: typer.Typer) -> None:
    group = typer.Typer(
        name="break-glass", help="Into a database by hand, for a while, seen by all.", no_args_is_help=True
    )
    command(group, "open")(open_glass)
    command(group, "list")(listed)
    command(group, "close")(close)
    app.add_typer(group)


def open_glass(
    session: Session,
    environment: Environment,
    reason: Annotated[str, typer.Option(help="Why; everybody reads it.", show_default=False)],
    for_: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long, at most 4h.")] = "30m",
    write: Annotated[bool, typer.Option("--write", help="Write as well; without it, only read.")] = False,
) -> int:
    """Be let into an environment's database; its URL is shown this once. What you do there is logged.

    \b
    Example: greenroom break-glass open production --reason "order 4711 is stuck" --for 30m
    """
    seconds = seconds_of(for_, "--for", most=LIMIT.total_seconds())
    given = session.client.post(
        "environments", environment, "break-glass", reason=reason, seconds=seconds, writes=write
    )
    session.answer(given, lambda: Text(given["url"]))
    glass = given["glass"]
    session.say(
        f"{glass['id']} is open until {local(glass['expires_at'])}; the URL is shown once."
        f" Before then: greenroom break-glass close {glass['id']}"
    )
    return 0


def listed(session: Session) -> int:
    """Who is let into a database by hand, and who was, newest first.

    \b
    Example: greenroom break-glass list
    """
    found = session.client.get("break-glass")
    session.answer(found, lambda: _table(found))
    return 0


def close(
    session: Session,
    glass: Annotated[str, typer.Argument(metavar="ID", help="As break-glass list shows it.", show_default=False)],
) -> int:
    """End it before its time: its role is dropped and its sessions are ended.

    \b
    Example: greenroom break-glass close glass-01jd0c2m5x7k9qa
    """
    told = session.client.delete("break-glass", glass)
    session.answer(told, lambda: f"{one_line(told['id'])} is closed")
    return 0


def _table(found: list[dict[str, Any]]) -> RenderableType:
    if not found:
        return Text("Nobody was let into a database by hand.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("break-glass", "environment", "who", "opened", "state", "reason"):
        table.add_column(column)
    for g in found:
        how = "writes" if g["writes"] else "reads"
        state = (
            f"{how} until {local(g['expires_at'])}"
            if g["open"]
            else f"ended {since(g['closed_at'])}: {g['closed_why']}"
        )
        style = "bold red" if g["open"] else "dim"
        cells = (g["id"], g["environment"], g["by"], since(g["at"]), state, g["reason"])
        table.add_row(*(Text(one_line(c), style=style) for c in cells))
    return table
