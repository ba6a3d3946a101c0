"""`greenroom promote`, `schedule`, `why`: the next environment, now, later, or why not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import DryRun, Environment, Release, Wait
from greenroom.terminal.words import local, one_line, until

ORDER = 70


def commands(app: typer.Typer) -> None:
    command(app, "promote")(promote)
    command(app, "schedule")(schedule)
    command(app, "why")(why)


def promote(
    session: Session, release: Release, environment: Environment, wait: Wait = True, dry_run: DryRun = False
) -> int:
    """Bring a release into an environment, when its gates pass.

    What waits (for an approval, a window, a soak) goes on by itself once that is there. A refusal shows the
    checklist, and who can satisfy each line.

    \b
    Example: greenroom promote 7.0.1 staging
    """
    answer = asked(session, release, environment, dry_run)
    what = f"{one_line(release)} into {one_line(environment)}"
    if dry_run:
        session.answer(answer, lambda: shown(answer, what))
        return 1 if answer["verdict"] == "refused" else 0
    return follow(session, answer, what, wait)


def schedule(
    session: Session,
    release: Release,
    environment: Environment,
    time: Annotated[
        str, typer.Argument(metavar="TIME", help="Local time, such as 2026-11-24T02:30.", show_default=False)
    ],
    timezone: Annotated[str | None, typer.Option(help="Such as Europe/Berlin; this machine's, when absent.")] = None,
) -> int:
    """Promote at a local time, once, even when the clock shows that time twice. Its gates decide then.

    \b
    Example: greenroom schedule 7.0.1 production 2026-11-24T02:30 --timezone Europe/Berlin
    """
    zone = timezone or _here()
    answer = session.client.post("promotions", release=release, environment=environment, at=time, timezone=zone)
    at = answer["work"]["not_before"]
    session.answer(
        answer,
        lambda: f"{one_line(release)} goes into {one_line(environment)} {until(at)}, at {local(at)} here ({zone})",
    )
    return 0


def why(session: Session, release: Release, environment: Environment) -> int:
    """Why can't I promote? Every gate's answer, and who or what can satisfy it, and when.

    Exit code 1 when a gate refuses.

    \b
    Example: greenroom why 7.0.1 production
    """
    from rich.console import Group
    from rich.text import Text

    from greenroom.terminal.data import remark

    answer = session.client.get("why", release=release, environment=environment)
    what = f"{one_line(release)} into {one_line(environment)}"
    session.answer(answer, lambda: Group(shown(answer, what), Text(), remark(answer["data"])))
    return 1 if answer["verdict"] == "refused" else 0


def asked(session: Session, release: str, environment: str, dry_run: bool) -> dict[str, Any]:
    """Ask for it; a refusal shows the checklist before it is raised."""
    from greenroom.domain.errors import Refused

    try:
        answer: dict[str, Any] = session.client.post(
            "promotions", release=release, environment=environment, dry_run=dry_run
        )
    except Refused as refused:
        show_lines(session, refused.facts)
        raise
    return answer


def follow(
    session: Session, answer: dict[str, Any], what: str, wait: bool, *, wanted: str = "done", replay: bool = True
) -> int:
    """Say what was begun, and stay with it if asked."""
    work = answer["work"]
    if not wait:
        session.answer(answer, lambda: f"{what}: {work['state']}; greenroom work show {work['id']}")
        return 0
    if answer["verdict"] == "waiting":
        session.show(shown(answer, what))
        session.say("it goes on by itself; Ctrl-C stops watching, not the work")
    from greenroom.cli.waiting import wait as stay

    return stay(session, work, wanted=wanted, replay=replay)


def shown(answer: dict[str, Any], what: str) -> Any:
    from greenroom.terminal.checklist import answered
    from greenroom.terminal.screen import is_unicode, marks

    return answered(answer, what, marks(is_unicode(sys.stdout)))


def show_lines(session: Session, facts: dict[str, Any]) -> None:
    """The checklist that came with a refusal, on standard error above it."""
    from greenroom.terminal.checklist import checklist
    from greenroom.terminal.screen import console, is_unicode, marks

    if facts.get("lines") and not session.as_json:
        console(sys.stderr).print(checklist(facts, marks(is_unicode(sys.stderr))))


def _here() -> str:
    """This machine's time zone by its name."""
    if os.environ.get("TZ"):
        return os.environ["TZ"].removeprefix(":")
    _, _, name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
    return name or "UTC"
