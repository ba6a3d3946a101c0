"""`greenroom doctor`: is everything whole?"""

from __future__ import annotations

from typing import Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.terminal.screen import is_unicode, marks
from greenroom.terminal.words import one_line

ORDER = 50
STYLE = {"passed": "green", "failed": "red", "errored": "yellow"}


def commands(app: typer.Typer) -> None:
    command(app, "doctor")(doctor)


def doctor(session: Session) -> int:
    """Look at everything Greenroom stands on, name what is damaged and the way out.

    Without a control plane it says so, and looks at what can be seen from outside: the keeper, and what runs.

    Exit code 1 when something is damaged, 3 when something could not be looked at.

    \b
    Example: greenroom doctor
    """
    from greenroom.cli.client import Unreachable

    try:
        found: list[dict[str, Any]] = session.client.get("doctor")
    except Unreachable as error:
        from greenroom.cli.nobody import findings

        found = findings(session.client.credentials, error)
    session.answer(found, lambda: _shown(found))
    outcomes = {f["outcome"] for f in found}
    return 1 if "failed" in outcomes else 3 if "errored" in outcomes else 0


def _shown(found: list[dict[str, Any]]) -> RenderableType:
    import sys

    signs = marks(is_unicode(sys.stdout))
    sign = {"passed": signs.yes, "failed": signs.no, "errored": "?"}
    grid = Table.grid(padding=(0, 2))
    for f in found:
        said = Text(one_line(f["said"]))
        if f["next"]:
            said.append(f"\n{one_line(f['next'])}", style="dim")
        grid.add_row(Text(sign[f["outcome"]], style=STYLE[f["outcome"]]), Text(one_line(f["name"])), said)
    return grid
