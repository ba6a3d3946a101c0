"""`greenroom account`: who may do what."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.options import Yes
from greenroom.terminal.words import one_line, since

ORDER = 150

Name = Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits, hyphens.", show_default=False)]


def commands(app: typer.Typer) -> None:
    group = typer.Typer(name="account", help="Accounts, their roles and tokens.", no_args_is_help=True)
    command(group, "add")(add)
    command(group, "list")(listed)
    command(group, "disable")(disable)
    app.add_typer(group)


def add(
    session: Session,
    name: Name,
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            "-r",
            help="developer, tester, engineer, client, manager, operator, administrator, automation.",
            show_default=False,
        ),
    ],
) -> int:
    """A new account and its token, shown this once; for one there is, new roles and a new token.

    \b
    Example: greenroom account add maria --role manager --role tester
    """
    given = session.client.post("accounts", name=name, roles=role)
    session.answer(given, lambda: Text(given["token"]))
    session.say(f"{name} is {', '.join(given['roles'])}; this token is shown once, for greenroom login")
    return 0


def listed(session: Session) -> int:
    """Who there is, and with which roles.

    \b
    Example: greenroom account list
    """
    found = session.client.get("accounts")
    session.answer(found, lambda: _table(found))
    return 0


def disable(session: Session, name: Name, yes: Yes = False) -> int:
    """Disable an account: its token opens nothing any more. What the person did stays on the ledger.

    \b
    Example: greenroom account disable maria
    """
    if not yes:
        session.confirm(f"Disable {one_line(name)}?")
    session.client.delete("accounts", name)
    session.answer({"disabled": name}, lambda: f"{one_line(name)} is disabled")
    return 0


def _table(found: list[dict[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("account", "roles", "since"):
        table.add_column(column)
    for a in found:
        said = f"disabled {since(a['disabled_at'])}" if a["disabled_at"] else since(a["created_at"])
        style = "dim" if a["disabled_at"] else ""
        table.add_row(
            Text(one_line(a["name"]), style=style or "bold"), Text(", ".join(a["roles"]), style), Text(said, style)
        )
    return table
