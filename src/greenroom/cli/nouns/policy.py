"""`greenroom apply`, `collect`: the configuration in force, and what is swept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from greenroom.cli import where
from greenroom.cli.command import Session, command
from greenroom.cli.options import DryRun
from greenroom.domain.errors import BadInput
from greenroom.terminal.words import plain, size

ORDER = 170


def commands(app: typer.Typer) -> None:
    command(app, "apply")(apply)
    command(app, "collect")(collect)


def apply(
    session: Session,
    repository: Annotated[Path | None, typer.Option(help="The repository; the one around here, when absent.")] = None,
    dry_run: DryRun = False,
) -> int:
    """Put the greenroom.yaml of this repository in force, and show what that changes.

    Environments, gates and ports change at once, without a new release. How a release runs comes from its commit.

    \b
    Example: greenroom apply --dry-run
    """
    root = repository.absolute() if repository else Path(where.find_repository() or "").absolute()
    told = session.client.post("policy", text=_text(root), repository=str(root), dry_run=dry_run)
    session.answer(told, lambda: _shown(told, dry_run))
    return 0


def collect(
    session: Session,
    keep: Annotated[int, typer.Option(min=1, max=1000, help="Keep the newest so many in any case.")] = 10,
    dry_run: DryRun = False,
) -> int:
    """Remove sealed releases that no environment runs nor would go back to.

    \b
    Example: greenroom collect --dry-run
    """
    told = session.client.post("collect", keep_newest=keep, dry_run=dry_run)
    verb = "would go" if dry_run else "went"
    removed = ", ".join(told["removed"]) or "nothing"
    session.answer(told, lambda: f"{removed} {verb}, {size(told['freed_bytes'])} freed; {told['kept']} are kept")
    return 0


def _text(root: Path) -> str:
    try:
        return (root / where.FILE).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "config.absent", f"cannot read {root / where.FILE}", because=str(error), hint="greenroom init writes one"
        ) from error


def _shown(told: dict[str, Any], dry_run: bool) -> Text:
    if not told["differences"]:
        return Text("nothing changes")
    head = "would change:" if dry_run else "changed:" if told["changed"] else "unchanged:"
    return Text("\n".join([head, *(f"  {plain(line)}" for line in told["differences"])]))
