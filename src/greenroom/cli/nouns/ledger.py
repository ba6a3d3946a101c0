"""`greenroom ledger`: what happened, proved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from greenroom.cli.command import Session, command
from greenroom.cli.options import Limit
from greenroom.domain.errors import BadInput, Errored, Refused
from greenroom.terminal.words import escaped, local, one_line

ORDER = 140


def commands(app: typer.Typer) -> None:
    group = typer.Typer(name="ledger", help="The append-only record of everything that happened.", no_args_is_help=True)
    command(group, "show")(show)
    command(group, "verify")(verify)
    command(group, "export")(export)
    app.add_typer(group)


def show(
    session: Session,
    after: Annotated[
        int | None, typer.Option(min=0, help="The entries that follow this one; 0: from the first on.")
    ] = None,
    before: Annotated[int | None, typer.Option(min=1, help="Only entries before this one.")] = None,
    limit: Limit = 100,
) -> int:
    """The newest entries, the last one at the end; with --after or --before any others.

    \b
    Example: greenroom ledger show --before 1200 --limit 50
    """
    entries, total = session.client.part("ledger", after=after, before=before, limit=limit)
    session.answer(entries, lambda: _table(entries))
    if entries and len(entries) < total:
        first, last = entries[0]["seq"], entries[-1]["seq"]
        ways = [f"--before {first} shows older ones"] if first > 1 else []
        ways += [f"--after {last} newer ones" if ways else f"--after {last} shows newer ones"] if last < total else []
        session.say(f"entries {first} to {last} of {total}: {', '.join(ways)}; --limit sets how many")
    return 0


def verify(
    session: Session,
    head: Annotated[
        str | None, typer.Option(help="A hash that was exported earlier: shows a ledger that was cut and regrown.")
    ] = None,
) -> int:
    """Prove that no entry was changed, removed, added or moved, and that every table says what the ledger says.

    Exit code 1 when that is not so.

    \b
    Example: greenroom ledger verify --head sha256:5f0c…
    """
    told = session.client.get("ledger", "verify", head=head)
    if not told["verified"]:
        raise Refused(
            "ledger.broken",
            "the ledger does not hold together",
            because="\n".join(told["problems"]),
            hint="compare with an exported copy: greenroom ledger export",
            facts=told,
        )
    session.answer(told, lambda: f"{told['entries']} entries hold together; the head is {told['head']}")
    return 0


def export(
    session: Session,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file; standard output, when absent.")
    ] = None,
) -> int:
    """Write the whole ledger, one JSON object per line. The last line's hash is the head: keep it elsewhere.

    \b
    Example: greenroom ledger export --output ledger-2026-11.ndjson
    """
    lines = session.client.lines("ledger", "export")
    if output is None:
        for line in lines:
            sys.stdout.write(escaped(line) + "\n")
        return 0
    count = 0
    try:
        with output.open("x", encoding="utf-8") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
    except FileExistsError:
        raise BadInput("usage.invalid", f"--output: {output} is there already", hint="name a new file") from None
    except OSError as error:
        raise Errored(
            "ledger.unwritable",
            f"cannot write {output}",
            because=error.strerror or str(error),
            hint="name a file in a directory that exists and is yours",
        ) from error
    session.answer({"path": str(output), "entries": count}, lambda: f"{count} entries in {output}")
    return 0


def _table(entries: list[dict[str, Any]]) -> RenderableType:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", "when", "who", "what", "about"):
        table.add_column(column)
    for e in entries:
        table.add_row(
            Text(str(e["seq"]), style="dim"),
            Text(local(e["at"])),
            Text(one_line(e["actor"])),
            Text(one_line(e["event"]), style="bold"),
            Text(_about(e["subject"])[:80], style="dim"),
        )
    return table


def _about(subject: dict[str, Any]) -> str:
    """What the entry is about, in a few words."""
    told = subject.get("about") or {}
    names = [f"{k} {v}" for k, v in told.items() if isinstance(v, str) and v and len(v) < 60]
    rows = [f"{table} {row['id'][:24]}" for table, row in subject.items() if table != "about" and "id" in row]
    return one_line(", ".join(rows + names))
