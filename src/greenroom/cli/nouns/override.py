"""`greenroom override`: set one gate aside, for one case, for a while, with a reason."""

from __future__ import annotations

from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment, Release, seconds_of
from greenroom.domain.gate import OVERRIDE_LIMIT
from greenroom.terminal.words import local, one_line

ORDER = 120


def commands(app: typer.Typer) -> None:
    command(app, "override")(override)


def override(
    session: Session,
    gate: Annotated[
        str, typer.Argument(metavar="GATE", help="Its name, as greenroom why shows it.", show_default=False)
    ],
    release: Release,
    environment: Environment,
    reason: Annotated[str, typer.Option(help="Why; it stands on the ledger.", show_default=False)],
    for_: Annotated[str, typer.Option("--for", metavar="LENGTH", help="How long it holds, at most 7d.")] = "4h",
) -> int:
    """Set one gate aside for one release in one environment, for a while. It stays visible.

    \b
    Example: greenroom override window 7.0.1 production --reason "data loss, see #812" --for 2h
    """
    seconds = seconds_of(for_, "--for", most=OVERRIDE_LIMIT.total_seconds())
    given = session.client.post(
        "overrides",
        gate=gate,
        release=release,
        environment=environment,
        reason=reason,
        seconds=seconds,
    )
    session.answer(given, lambda: f"{one_line(gate)} is set aside until {local(given['expires_at'])}")
    return 0
