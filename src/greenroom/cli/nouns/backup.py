"""`greenroom backup`: that what matters can be brought back, and bringing it back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import DryRun, Environment, Wait, Yes, instant_of
from greenroom.terminal.words import one_line, plain

ORDER = 84

Name = Annotated[str, typer.Argument(metavar="BACKUP", help="Such as backup-….", show_default=False)]


def commands(app: typer.Typer) -> None:
    group = typer.Typer(name="backup", help="Backups of an environment's database.", no_args_is_help=True)
    for name, what in (("list", listed), ("now", now), ("show", show), ("verify", verify)):
        command(group, name)(what)
    command(group, "restore")(restore)
    command(group, "drill")(drill)
    app.add_typer(group)


def listed(session: Session, environment: Environment) -> int:
    """How an environment's backups stand: what there is, how old, whether every change reaches the archive.

    \b
    Example: greenroom backup list production
    """
    from greenroom.terminal.backup import standing

    found = session.client.get("environments", environment, "backups")
    session.answer(found, lambda: standing(found))
    return 0


def now(
    session: Session,
    environment: Environment,
    full: Annotated[bool, typer.Option("--full", help="A full one, even where an increment would do.")] = False,
    wait: Wait = True,
) -> int:
    """Make a backup now. It counts only once it was read back and every file of it compared.

    \b
    Example: greenroom backup now production
    """
    work = session.client.post("environments", environment, "backups", full=full)
    return _stay(session, work, wait)


def show(session: Session, environment: Environment, backup: Name) -> int:
    """One backup: when, how large, what it builds on.

    \b
    Example: greenroom backup show production backup-0a1b2c3d4e5f
    """
    from greenroom.terminal.backup import one

    found = session.client.get("environments", environment, "backups", backup)
    session.answer(found, lambda: one(found))
    return 0


def verify(
    session: Session,
    environment: Environment,
    backup: Annotated[
        str | None, typer.Argument(metavar="[BACKUP]", help="All of them, when absent.", show_default=False)
    ] = None,
    wait: Wait = True,
) -> int:
    """Read every byte of the backups, in every place, and compare every file. Exit code 1 when one is damaged.

    \b
    Example: greenroom backup verify production
    """
    work = session.client.post("environments", environment, "verifications", name=backup)
    return _stay(session, work, wait)


def restore(
    session: Session,
    environment: Environment,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="TIME|RESTORE-POINT",
            help="2026-11-24T02:30 here, or with an offset, or a restore point. The latest there is, when absent.",
        ),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it stands on the ledger.")] = "",
    wait: Wait = True,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Bring a state of an environment's database back. Visitors wait meanwhile; what is there now is kept aside.

    Shows first what would be lost and how long it will take, and asks. Greenroom's way back from it is another
    restore: to the restore point that is made before anything changes.

    \b
    Example: greenroom backup restore production --to 2026-11-24T02:30 --dry-run
    """
    from greenroom.terminal.backup import preview

    wanted = instant_of(to) if to is not None else None
    asked = session.client.post("environments", environment, "restores", to=wanted, reason=reason, dry_run=True)
    if dry_run:
        session.answer(asked, lambda: preview(asked["preview"]))
        return 0
    if not yes:
        if session.is_terminal:
            session.show(preview(asked["preview"]))
        session.confirm(f"Replace the data of {plain(environment)}?")
    answer = session.client.post("environments", environment, "restores", to=wanted, reason=reason)
    return _stay(session, answer["work"], wait)


def drill(session: Session, environment: Environment, wait: Wait = True) -> int:
    """Practise: restore the newest backup into a cluster that is thrown away, and compare it with what was recorded.

    \b
    Example: greenroom backup drill production
    """
    work = session.client.post("environments", environment, "drills")
    return _stay(session, work, wait)


def _stay(session: Session, work: dict[str, Any], wait: bool) -> int:
    if not wait:
        said = f"{one_line(work['id'])}: {work['state']}; greenroom work show {work['id']}"
        session.answer(work, lambda: said)
        return 0
    from greenroom.cli.waiting import wait as stay

    return stay(session, work)
