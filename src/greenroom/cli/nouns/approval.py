"""`greenroom approve`: a person's yes, bound to what was shown."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.nouns.promotion import shown
from greenroom.cli.options import Environment, Release, Yes
from greenroom.terminal.words import one_line, since

ORDER = 100


def commands(app: typer.Typer) -> None:
    command(app, "approve")(approve)
    group = typer.Typer(name="approval", help="Approvals that were given.", no_args_is_help=True)
    command(group, "withdraw")(withdraw)
    app.add_typer(group)


def approve(
    session: Session,
    release: Release,
    environment: Environment,
    note: Annotated[str, typer.Option(help="What you looked at; it stands on the ledger.")] = "",
    yes: Yes = False,
) -> int:
    """Say yes to a release entering an environment.

    Shows first what is approved: the release, what it replaces, the plan, the findings. If any of it changes, the
    approval lapses. Nobody approves what they made or asked for.

    \b
    Example: greenroom approve 7.0.1 production --note "tried the checkout"
    """
    seen = session.client.get("why", release=release, environment=environment)
    about = session.client.get("releases", release)
    session.show(_subject(about, seen, environment))
    if not yes:
        session.confirm(f"Approve {one_line(about['version'])} for {one_line(environment)}?")
    given = session.client.post(
        "approvals", release=about["digest"], environment=environment, note=note, shown=seen["shown"]
    )
    session.answer(given, lambda: f"approved: {given['id']}")
    return 0


def withdraw(
    session: Session,
    approval: Annotated[str, typer.Argument(metavar="APPROVAL", help="Such as approval-….", show_default=False)],
) -> int:
    """Take your own approval back.

    \b
    Example: greenroom approval withdraw approval-0a1b2c3d4e5f
    """
    session.client.delete("approvals", approval)
    session.answer({"withdrawn": approval}, lambda: "withdrawn")
    return 0


def _subject(release: dict[str, Any], seen: dict[str, Any], environment: str) -> RenderableType:
    facts = Table.grid(padding=(0, 2))
    rows = [
        ("release", f"{release['version']}  {release['digest']}"),
        ("commit", f"{release['commit']}, made {since(release['made_at'])} by {release['made_by']}"),
        ("into", environment),
        ("plan", ", ".join(seen["plan"])),
    ]
    for name, value in rows:
        facts.add_row(Text(name, style="dim"), Text(one_line(value)))
    return Group(facts, Text(), shown(seen, f"{one_line(release['version'])} into {one_line(environment)}"), Text())
