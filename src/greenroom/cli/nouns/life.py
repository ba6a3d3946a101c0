"""`greenroom up`, `down`, `serve`: the control plane's life on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli import where
from greenroom.cli.command import Session, command
from greenroom.terminal.words import plain

ORDER = 20


def commands(app: typer.Typer) -> None:
    command(app, "up")(up)
    command(app, "down")(down)
    command(app, "serve", hidden=True)(serve)


def up(
    session: Session,
    repository: Annotated[
        Path | None, typer.Option(help="The application's repository; the one around here, when absent.")
    ] = None,
) -> int:
    """Start Greenroom for this repository: the keeper, the control plane, the edge.

    Does nothing when it runs already. Applications that ran before run again. Shown are the addresses in force. A home
    serves one project: another one's is refused.

    \b
    Example: greenroom up
    """
    from greenroom import lifecycle

    root = repository or Path(where.find_repository() or ".")
    given = where.home(session.home) if session.home or not repository else None
    told = lifecycle.up(root, Path(given) if given else None, session.say)
    session.answer(told, lambda: _shown(told))
    return 0


def down(
    session: Session,
    keep_applications: Annotated[
        bool, typer.Option("--keep-applications", help="Stop the control plane only; applications go on serving.")
    ] = False,
) -> int:
    """Stop Greenroom on this machine, and the applications with it.

    Nothing is lost: greenroom up brings back what ran.

    \b
    Example: greenroom down --keep-applications
    """
    from greenroom import lifecycle

    told = lifecycle.down(Path(session.home_directory()), session.say, applications=not keep_applications)
    session.answer(told, lambda: "stopped" if told.get("stopped") else "nothing was running")
    return 0


def serve(session: Session) -> int:
    """Run the control plane in the foreground, for a service manager; greenroom up needs no such thing.

    \b
    Example: greenroom serve --home /var/lib/greenroom/shop
    """
    from greenroom import lifecycle

    lifecycle.serve(Path(session.home_directory()))
    return 0


def _shown(told: dict[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text(plain(told["project"]), style="bold"), Text(f"{told['url']}   home {told['home']}"))
    for e in told["environments"]:
        grid.add_row(Text(plain(e["name"])), Text(e["url"], style="cyan"))
    grid.add_row(Text("isolation", style="dim"), Text(told["isolation"], style="dim"))
    return grid
