"""`greenroom egress`: where environments may go on the network, and what they were refused."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.terminal.words import one_line, since

ORDER = 46
Which = Annotated[
    str | None, typer.Argument(metavar="[ENVIRONMENT]", help="All of them when absent.", show_default=False)
]


def commands(app: typer.Typer) -> None:
    command(app, "egress")(egress)


def egress(session: Session, environment: Which = None) -> int:
    """Where environments may go on the network, and what they were refused: each destination of one of them.

    \b
    Example: greenroom egress staging
    """
    if environment is None:
        every = session.client.get("egress")
        session.answer(every, lambda: _table(every))
        return 0
    found = session.client.get("environments", environment, "egress")
    session.answer(found, lambda: Group(_said(found), _refused(found)))
    return 0


def _table(every: list[dict[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("environment", "may reach", "refused"):
        table.add_column(column)
    for one in every:
        table.add_row(Text(one_line(one["environment"]), style="bold"), _reach(one), Text(str(one["total"])))
    return table


def _said(found: dict[str, Any]) -> RenderableType:
    return Text.assemble((one_line(found["environment"]), "bold"), " may reach ", _reach(found))


def _reach(one: dict[str, Any]) -> Text:
    if not one["wanted"]:
        return Text("anything")
    allowed = ", ".join(map(one_line, one["allow"])) or "nothing but its own on this machine"
    if one["limited"]:
        return Text(allowed)
    return Text.assemble(("anything", "red"), f": not limited to {allowed}, because {one_line(one['why_not'])}")


def _refused(found: dict[str, Any]) -> RenderableType:
    if not found["total"]:
        return Text("Nothing was refused.", style="dim")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("refused", "times", "last", "release"):
        table.add_column(column)
    for one in found["refused"]:
        table.add_row(
            Text(_destination(one)), Text(str(one["count"])), Text(since(one["last"])), Text(", ".join(one["releases"]))
        )
        for asked in one["asked"]:
            table.add_row(Text(f"  look-up of {one_line(asked['name'])}", style="dim"), Text(str(asked["count"])))
    if found["elsewhere"]:
        table.add_row(Text("other destinations", style="dim"), Text(str(found["elsewhere"])))
    return table


def _destination(one: dict[str, Any]) -> str:
    address = f"[{one['address']}]" if ":" in one["address"] else one["address"]
    where = f"{address}:{one['port']}" if one["port"] else address
    named = f" ({one_line(one['name'])})" if one["name"] else ""
    return f"{where}/{one['protocol']}{named}"
