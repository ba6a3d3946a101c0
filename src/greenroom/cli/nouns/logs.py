"""`greenroom logs`: what an environment's processes say."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from greenroom.cli.command import Session, command
from greenroom.cli.options import Environment
from greenroom.domain.errors import BadInput
from greenroom.terminal.words import plain

ORDER = 40


def commands(app: typer.Typer) -> None:
    command(app, "logs")(logs)


def logs(
    session: Session,
    environment: Environment,
    process: Annotated[
        str | None, typer.Option("--process", "-p", help="One process or command: web, web.0, migrate.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=5000, help="The last so many.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show what comes, until Ctrl-C.")] = False,
) -> int:
    """What an environment's processes said last, and the commands that ran there: migrations, checks.

    Secrets are not shown.

    \b
    Example: greenroom logs staging --process web --follow
    """
    if follow and session.as_json:
        raise BadInput("usage.invalid", "--follow has no end, so it is no one JSON document", hint="leave --json out")
    if not follow:
        found = session.client.get("environments", environment, "logs", process=process, lines=lines)
        session.answer(found, lambda: None)
        for line in found["lines"] if not session.as_json else []:
            _write(line)
        return 0
    stream = session.client.lines(
        "environments", environment, "logs", process=process, lines=lines, follow=True, quiet=None
    )
    try:
        for text in stream:
            _write(json.loads(text))
            sys.stdout.flush()
    except KeyboardInterrupt:
        return 0
    return 0


def _write(line: dict[str, str]) -> None:
    sys.stdout.write(f"{plain(line['source']):<12} {plain(line['text'])}\n")
