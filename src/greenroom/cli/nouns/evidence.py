"""`greenroom evidence revoke`, `greenroom check run`: findings withdrawn, findings made anew."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment, Release, Wait

ORDER = 130


def commands(app: typer.Typer) -> None:
    evidence = typer.Typer(name="evidence", help="What was found out about releases.", no_args_is_help=True)
    command(evidence, "revoke")(revoke)
    app.add_typer(evidence)
    check = typer.Typer(
        name="check", help="Checks: commands run against a release where it runs.", no_args_is_help=True
    )
    command(check, "run")(run)
    app.add_typer(check)


def revoke(
    session: Session,
    evidence: Annotated[
        str, typer.Argument(metavar="EVIDENCE", help="Such as evidence-…, from release show.", show_default=False)
    ],
    reason: Annotated[str, typer.Option(help="Why; it stands on the ledger.", show_default=False)],
) -> int:
    """Withdraw evidence. Approvals that were shown it lapse; what waits is decided again.

    \b
    Example: greenroom evidence revoke evidence-0a1b2c3d4e5f --reason "the journey tested the wrong page"
    """
    session.client.post("evidence", evidence, "revoke", reason=reason)
    session.answer({"revoked": evidence}, lambda: "revoked")
    return 0


def run(
    session: Session,
    release: Release,
    environment: Environment,
    check: Annotated[list[str] | None, typer.Option("--check", "-c", help="This one; may stand several times.")] = None,
    wait: Wait = True,
) -> int:
    """Run an environment's checks again against the release that runs there.

    \b
    Example: greenroom check run 7.0.1 qa --check journey
    """
    from greenroom.cli.waiting import wait as stay

    work = session.client.post("checks", release=release, environment=environment, checks=check or [])
    if not wait:
        session.answer(work, lambda: f"checking: greenroom work show {work['id']}")
        return 0
    return stay(session, work)
