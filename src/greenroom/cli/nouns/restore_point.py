"""`greenroom restore-point list`."""

from __future__ import annotations

from typing import Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment
from greenroom.terminal.words import local, one_line, since, size

ORDER = 85


def commands(app: typer.Typer) -> None:
    group = typer.Typer(name="restore-point", help="States a database can be brought back to.", no_args_is_help=True)
    command(group, "list")(listed)
    app.add_typer(group)


def listed(session: Session, environment: Environment) -> int:
    """An environment's restore points, newest first, and what going back to each would lose.

    \b
    Example: greenroom restore-point list production
    """
    found = session.client.get("environments", environment, "restore-points")
    session.answer(found, lambda: _table(found))
    return 0


def _table(found: list[dict[str, Any]]) -> RenderableType:
    if not found:
        return Text("There is none: the next promotion makes one.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("restore point", "made", "size", "would lose"):
        table.add_column(column)
    for p in found:
        table.add_row(
            Text(one_line(p["name"])),
            Text(f"{local(p['at'])}, {since(p['at'])}"),
            Text(size(p["bytes"])),
            Text(f"{p['rows_lost']} changes" if p["rows_lost"] else "nothing"),
        )
    return table
