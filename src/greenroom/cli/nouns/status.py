"""`greenroom status` with its options; the plain one goes the quick way (see `cli.quick`)."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Annotated

import typer

from greenroom.cli.command import Session, command

ORDER = 30
WATCH_SECONDS = 2.0


def commands(app: typer.Typer) -> None:
    command(app, "status")(status)


def status(
    session: Session,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Draw it again every 2 seconds, until Ctrl-C.")] = False,
) -> int:
    """The path as a picture: what is where, how old, what waits and why.

    \b
    Example: greenroom status --watch
    """
    if session.as_json:
        session.answer(session.client.get("status"), lambda: None)
        return 0
    while True:
        picture = _picture(session)
        if not watch:
            sys.stdout.write(picture)
            return 0
        clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() else ""
        sys.stdout.write(clear + picture)
        sys.stdout.flush()
        try:
            time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            return 0


def _picture(session: Session) -> str:
    from greenroom.terminal.screen import has_color, is_unicode

    columns = shutil.get_terminal_size((120, 40)).columns
    return session.client.text(
        "status.txt",
        width=max(20, min(columns, 1000)),
        color=has_color(sys.stdout),
        ascii=not is_unicode(sys.stdout),
    )
