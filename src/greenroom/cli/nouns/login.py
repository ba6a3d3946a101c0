"""`greenroom login`, `whoami`: which control plane, and as whom."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli import credentials
from greenroom.cli.client import Client
from greenroom.cli.command import Session, command
from greenroom.cli.nouns.secret import read_hidden
from greenroom.terminal.words import one_line

ORDER = 180


def commands(app: typer.Typer) -> None:
    command(app, "login")(login)
    command(app, "whoami")(whoami)


def login(
    session: Session,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="https://HOST:PORT, or http://127.0.0.1:PORT.", show_default=False)
    ],
) -> int:
    """Keep a control plane's address and your token for the commands that follow.

    The token is asked for, unseen, or read from standard input; it is tried before it is kept, readable by you alone.

    \b
    Example: greenroom login https://greenroom.example.com < token.txt
    """
    token = read_hidden("token: ").strip()
    me = Client(credentials.Credentials(url.rstrip("/"), token, "login")).get("accounts", "me")
    path = credentials.keep(url.rstrip("/"), token)
    session.answer(
        {"name": me["name"], "roles": me["roles"], "path": path},
        lambda: f"you are {one_line(me['name'])}; kept in {path}",
    )
    return 0


def whoami(session: Session) -> int:
    """Who the control plane takes you for, and what you may do there.

    \b
    Example: greenroom whoami
    """
    me = session.client.get("accounts", "me")
    known = session.client.credentials
    data = {**me, "url": known.url, "source": known.source}
    session.answer(data, lambda: _shown(data))
    return 0


def _shown(me: dict[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_row(Text(one_line(me["name"]), style="bold"), Text(", ".join(me["roles"])))
    grid.add_row(Text("at", style="dim"), Text(f"{me['url']}, token from {me['source']}", style="dim"))
    for action, kinds in me["may"].items():
        where = "everywhere" if len(kinds) == 6 else ", ".join(kinds)
        grid.add_row(Text(action.replace("_", " ")), Text(where, style="dim"))
    return grid
