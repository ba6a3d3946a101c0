"""`greenroom data`: where data comes from, how it becomes harmless, and which environment holds what."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import DryRun, Environment, Wait, Yes, instant_of
from greenroom.terminal.words import one_line, plain

ORDER = 85

To = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME|RESTORE-POINT",
        help="The state of production that is wanted. The latest there is, when absent.",
    ),
]


def commands(app: typer.Typer) -> None:
    group = typer.Typer(
        name="data", help="What the environments' databases hold, and filling them.", no_args_is_help=True
    )
    command(group, "lineage")(lineage)
    command(group, "list")(listed)
    command(group, "make")(make)
    command(group, "refresh")(refresh)
    app.add_typer(group)


def lineage(session: Session) -> int:
    """Which environment holds what: from where, as of when, under which rules.

    \b
    Example: greenroom data lineage
    """
    from greenroom.terminal.data import drawn

    found = session.client.get("data")
    session.answer(found, lambda: drawn(found))
    return 0


def listed(session: Session) -> int:
    """The masked datasets, newest first.

    \b
    Example: greenroom data list
    """
    from greenroom.terminal.data import datasets

    found = session.client.get("datasets")
    session.answer(found, lambda: datasets(found))
    return 0


def make(session: Session, to: To = None, wait: Wait = True) -> int:
    """Make a masked dataset: production's newest backup, masked inside the vault and checked for leaks.

    \b
    Example: greenroom data make
    """
    work = session.client.post("datasets", to=instant_of(to) if to is not None else None)
    if not wait:
        said = f"{one_line(work['id'])}: {work['state']}; greenroom work show {work['id']}"
        session.answer(work, lambda: said)
        return 0
    from greenroom.cli.waiting import wait as stay

    return stay(session, work)


def refresh(
    session: Session,
    environment: Environment,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="DATASET", help="Which one. The newest, when absent.")
    ] = None,
    to: To = None,
    wait: Wait = True,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Fill an environment's database anew: a copy of production in staging, masked data in qa and dev.

    The new data is made ready beside the present one, migrated, and proven with the release that runs there. Visitors
    wait for the exchange alone. What is there now is kept aside until the next refresh.

    \b
    Example: greenroom data refresh staging --dry-run
    """
    from greenroom.terminal.data import preview

    wanted = {"dataset": dataset, "to": instant_of(to) if to is not None else None}
    asked = session.client.post("environments", environment, "refreshes", **wanted, dry_run=True)
    if dry_run:
        session.answer(asked, lambda: preview(asked["preview"]))
        return 0
    if not yes:
        if session.is_terminal:
            session.show(preview(asked["preview"]))
        session.confirm(f"Replace the data of {plain(environment)}?")
    answer = session.client.post("environments", environment, "refreshes", **wanted)
    if not wait:
        work = answer["work"]
        said = f"{one_line(work['id'])}: {work['state']}; greenroom work show {work['id']}"
        session.answer(work, lambda: said)
        return 0
    from greenroom.cli.waiting import wait as stay

    return stay(session, answer["work"])
