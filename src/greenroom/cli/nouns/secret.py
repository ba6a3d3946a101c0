"""`greenroom secret`: values go in and never come out."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment
from greenroom.terminal.screen import is_unicode, marks
from greenroom.terminal.words import one_line

ORDER = 160
LARGEST = 65536

Name = Annotated[str, typer.Argument(metavar="NAME", help="The variable, such as PAYMENT_TOKEN.", show_default=False)]


def commands(app: typer.Typer) -> None:
    group = typer.Typer(name="secret", help="Secrets of an environment, encrypted at rest.", no_args_is_help=True)
    command(group, "set")(put)
    command(group, "list")(listed)
    command(group, "remove")(remove)
    app.add_typer(group)


def put(session: Session, environment: Environment, name: Name) -> int:
    """Set a secret. The value is asked for, unseen, or read from standard input; never an argument.

    What is started from now on gets it.

    \b
    Example: greenroom secret set production PAYMENT_TOKEN < token.txt
    """
    kept = session.client.put("secrets", environment, name, value=read_hidden(f"{name} for {environment}: "))
    session.answer(kept, lambda: f"{one_line(name)} is set in {one_line(environment)}")
    if not kept["declared"]:
        session.say(f"note: no process is given {name} until greenroom.yaml declares it under config")
    return 0


def listed(session: Session, environment: Environment) -> int:
    """Which are set, and which the project declares; never a value.

    \b
    Example: greenroom secret list production
    """
    found = session.client.get("secrets", environment)
    session.answer(found, lambda: _table(found))
    return 0


def remove(session: Session, environment: Environment, name: Name) -> int:
    """Take a secret away from what is started from now on.

    \b
    Example: greenroom secret remove production PAYMENT_TOKEN
    """
    session.client.delete("secrets", environment, name)
    session.answer({"removed": name, "environment": environment}, lambda: "removed")
    return 0


def read_hidden(question: str) -> str:
    """A value that nobody sees: asked for on a terminal, else standard input without its last line end."""
    if sys.stdin.isatty():
        return getpass.getpass(question)
    return sys.stdin.read(LARGEST + 1).removesuffix("\n").removesuffix("\r")


def _table(found: list[dict[str, Any]]) -> RenderableType:
    signs = marks(is_unicode(sys.stdout))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "name", "", "about"):
        table.add_column(column)
    for s in found:
        missing = s["required"] and not s["is_set"]
        said = "made up when first needed" if s["generated"] and not s["is_set"] else "required" if missing else ""
        said = said or ("" if s["declared"] else "not declared")
        sign = (
            Text(signs.yes, "green")
            if s["is_set"]
            else Text(signs.no if missing else signs.dash, "red" if missing else "dim")
        )
        table.add_row(sign, Text(one_line(s["name"])), Text(said, style="dim"), Text(one_line(s["about"]), style="dim"))
    return table
