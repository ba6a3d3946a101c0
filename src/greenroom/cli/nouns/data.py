"""`greenroom data`: where data comes from, how it becomes harmless, and which environment holds what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    command(group, "discover")(discover)
    command(group, "make")(make)
    command(group, "refresh")(refresh)
    command(group, "seed")(seed)
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


def discover(
    session: Session,
    write: Annotated[
        bool, typer.Option("--write", help="Write the rules into greenroom.yaml; what stands there stays.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="The greenroom.yaml. The one here, when absent.")
    ] = None,
) -> int:
    """Look for columns about people in a copy of production, and propose a masking rule for each, with a reason.

    The copy is production's newest backup, rebuilt in the vault, or one of its managed server; no value leaves it. Exit
    code 1 when columns are left for somebody to look at.

    \b
    Example: greenroom data discover --write
    """
    from greenroom.cli.waiting import failure, until_ended
    from greenroom.config.data_rules import with_rules
    from greenroom.config.load import FILE_NAME, read_file
    from greenroom.discovery.told import verdict_of
    from greenroom.terminal.discovery import found, written

    yaml = file or Path(FILE_NAME)
    text = read_file(yaml) if write else ""  # before anything long begins
    final = until_ended(session, session.client.post("discoveries"))
    if final is None:
        return 130
    if final["state"] != "done":
        raise failure(final)
    verdicts = final["facts"]["discover"]["verdicts"]
    if write:
        result = with_rules(text, [verdict_of(v) for v in verdicts])
        yaml.write_text(result.text, encoding="utf-8")
        told = {"added": result.added, "kept": result.kept, "to_look_at": result.to_look_at, "file": str(yaml)}
        session.answer({"verdicts": verdicts, **told}, lambda: written(told))
    else:
        session.answer({"verdicts": verdicts}, lambda: found(verdicts))
    return 1 if any(v["verdict"] == "undecided" for v in verdicts) else 0


def make(session: Session, to: To = None, wait: Wait = True) -> int:
    """Make a masked dataset: production's newest backup, or its managed server, masked inside the vault and checked for
    leaks.

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
    wanted = {"dataset": dataset, "to": instant_of(to) if to is not None else None}
    return _fill(session, environment, wanted, wait=wait, dry_run=dry_run, yes=yes)


def seed(
    session: Session, environment: Environment, wait: Wait = True, dry_run: DryRun = False, yes: Yes = False
) -> int:
    """Fill an environment's database anew with the synthetic data of the release that runs there.

    The release's migrations run on an empty database, then the files under `data: seed:` are loaded, and the release is
    proven on it. Anything wrong in them is named with its line, and the present data stays.

    \b
    Example: greenroom data seed dev
    """
    return _fill(session, environment, {"seed": True}, wait=wait, dry_run=dry_run, yes=yes)


def _fill(session: Session, environment: str, wanted: dict[str, Any], *, wait: bool, dry_run: bool, yes: bool) -> int:
    from greenroom.terminal.data import preview

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
