"""`greenroom mail list | show | clear`: what an environment's application sent, and nobody got."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment, Yes
from greenroom.terminal.words import one_line, plain, since, size

ORDER = 45
Message = Annotated[str, typer.Argument(metavar="MESSAGE", help="Its id, or `last`.", show_default=False)]


def commands(app: typer.Typer) -> None:
    group = typer.Typer(name="mail", help="Mail that was caught before production.", no_args_is_help=True)
    command(group, "list")(listed)
    command(group, "show")(show)
    command(group, "clear")(clear)
    app.add_typer(group)


def listed(session: Session, environment: Environment) -> int:
    """What the application of an environment sent, newest first. It reached nobody.

    \b
    Example: greenroom mail list qa
    """
    found = session.client.get("environments", environment, "mail")
    session.answer(found, lambda: _table(found))
    return 0


def show(session: Session, environment: Environment, message: Message = "last") -> int:
    """One message: to whom, its headers, its text.

    \b
    Example: greenroom mail show qa last
    """
    if message == "last":
        newest = session.client.get("environments", environment, "mail", limit=1)
        message = newest[0]["id"] if newest else message
    found = session.client.get("environments", environment, "mail", message)
    session.answer(found, lambda: _letter(found))
    return 0


def clear(session: Session, environment: Environment, yes: Yes = False) -> int:
    """Throw the caught mail of an environment away, for example before a test.

    \b
    Example: greenroom mail clear qa --yes
    """
    if not yes:
        session.confirm(f"Throw away all caught mail of {plain(environment)}?")
    told = session.client.delete("environments", environment, "mail")
    session.answer(told, lambda: f"{told['cleared']} thrown away")
    return 0


def _table(found: list[dict[str, Any]]) -> RenderableType:
    if not found:
        return Text("Nothing was sent.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("message", "sent", "to", "subject", "size"):
        table.add_column(column)
    for one in found:
        to = ", ".join(one["to"])
        table.add_row(
            *(Text(one_line(t)) for t in (one["id"], since(one["at"]), to, one["subject"], size(one["bytes"])))
        )
    return table


def _letter(found: dict[str, Any]) -> RenderableType:
    text = Text()
    text.append(f"from {one_line(found['sender'])} to {one_line(', '.join(found['to']))}\n", style="dim")
    for name, value in found["headers"]:
        text.append(f"{one_line(name)}: ", style="bold").append(f"{one_line(value)}\n")
    body = found["text"] if found["text"] is not None else found["html"]
    text.append("\n").append("\n".join(plain(line) for line in (body or "").splitlines()))
    for name in found["attached"]:
        text.append(f"\nattached: {one_line(name)}", style="dim")
    return text
